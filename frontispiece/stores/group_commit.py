"""Writes that come within a short time, made in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Generic, TypeVar

from frontispiece.aio import BackgroundTasks

INTERVAL: Final = 0.5
"""Seconds that a write waits for others."""

SIZE: Final = 8
"""Items that are written without waiting: half of the messages that a consumer handles at a time."""

Item = TypeVar("Item")


class GroupCommit(Generic[Item]):
    """Collects items for a database where a transaction costs much more than another row in it.

    Args:
        write: writes items, all or none; to write an item again changes nothing.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[None]]) -> None:
        self._write = write
        self._group: _Group[Item] | None = None
        self._commits = BackgroundTasks(expected=(Exception,))

    async def add(self, item: Item) -> None:
        """Write an item together with those that come within `INTERVAL`; return when it is written.

        Raises:
            Exception: what `write` raises for this item alone.
        """
        if self._group is None:
            self._group = _Group()
            self._group.commit = self._commits.start(self._commit(self._group))
        group = self._group
        group.items.append(item)
        if len(group.items) == SIZE:
            group.is_full.set()
        try:
            await asyncio.shield(group.commit)
        except Exception:  # noqa: BLE001 (of whatever kind: another item may be at fault)
            await self._write([item])

    async def _commit(self, group: "_Group[Item]") -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(group.is_full.wait(), INTERVAL)
        self._group = None
        await self._write(group.items)


class _Group(Generic[Item]):
    commit: "asyncio.Task[None]"

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.is_full = asyncio.Event()
