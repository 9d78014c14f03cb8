"""The shards of a service while it runs: one that is away, at the start or later, leaves others serving."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from frontispiece.aio import periodic
from frontispiece.errors import ConfigError
from frontispiece.http import Problem

log = logging.getLogger(__name__)

OPEN_INTERVAL: Final = 1.0
"""Seconds between two attempts to open the shards that were away at the start."""

PING_TIMEOUT: Final = 0.5
"""Seconds after which a shard that does not respond counts as away."""


class ShardDatabase(BaseModel):
    """Where a shard is: the value of a setting such as `shards: dict[str, ShardDatabase]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str


class Shard(AbstractAsyncContextManager[Any], Protocol):
    """A shard that can be opened and tried."""

    async def ping(self) -> str | None:
        """The parts of a shard that do not serve, as text; raises a `Problem`, 503, when it is away."""


AnyShard = TypeVar("AnyShard", bound=Shard)


class ShardSet(Generic[AnyShard]):
    """Opens shards with `async with`; those that are away at the start, once they are there.

    What is wanted of a shard until then is refused by its database, with a 503 and `Retry-After`.

    Args:
        service: its name, for the log.
        shards: by name.
        prepare: called with the name of a shard that was away and is open now, before it counts as open.
    """

    def __init__(
        self,
        service: str,
        shards: Mapping[str, AnyShard],
        prepare: Callable[[str], Awaitable[object]] | None = None,
    ) -> None:
        self._service = service
        self.shards = shards
        self._prepare = prepare
        self._away: dict[str, str] = {}
        """Why a shard is not open yet, by its name."""
        self._all_open = asyncio.Event()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the shards that are there.

        Raises:
            Problem, OSError: none is there.
            ConfigError: one is there, and is not what the settings say.
        """
        async with AsyncExitStack() as stack:
            for name, shard in self.shards.items():
                try:
                    await stack.enter_async_context(shard)
                except (Problem, OSError) as error:
                    self._away[name] = str(error)
                    if len(self._away) == len(self.shards):
                        raise
                    log.error("%s starts without its shard %s: %s", self._service, name, error)  # noqa: TRY400
            for name in self._away:  # each by itself: one that hangs delays no other
                task = f"{self._service}: the opening of shard {name}"
                await stack.enter_async_context(periodic(partial(self._open, name), OPEN_INTERVAL, name=task))
            if not self._away:
                self._all_open.set()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    async def all_open(self) -> None:
        """Return once no shard is away that was so at the start."""
        await self._all_open.wait()

    async def ping(self) -> str | None:
        """The shards, and parts of them, that do not serve, as text; None when all do.

        Raises:
            Problem: 503, when none is.
        """
        pings = {name: asyncio.create_task(shard.ping()) for name, shard in self.shards.items()}
        try:
            _, late = await asyncio.wait(pings.values(), timeout=PING_TIMEOUT)
            failures = {
                name: f"no response within {PING_TIMEOUT} s" if ping in late else ping.exception()
                for name, ping in pings.items()
            }
            faults = [ping.result() for name, ping in pings.items() if failures[name] is None]
        finally:
            for ping in pings.values():
                ping.cancel()
            await asyncio.gather(*pings.values(), return_exceptions=True)
        away = [f"shard {name}: {failure}" for name, failure in failures.items() if failure is not None]
        if len(away) == len(pings):
            raise Problem(503, "store-unavailable", "; ".join(away), headers={"Retry-After": "1"})
        return "; ".join([*away, *filter(None, faults)]) or None

    async def _open(self, name: str) -> None:
        """Try to open a shard that was away at the start."""
        if name not in self._away:
            return
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.shards[name])
                if self._prepare is not None:
                    await self._prepare(name)
                self._stack.push_async_exit(stack.pop_all())
        except (Problem, OSError, ConfigError) as error:
            if str(error) != self._away[name]:
                log.error("%s: its shard %s stays away: %s", self._service, name, error)  # noqa: TRY400
            self._away[name] = str(error)
            return
        del self._away[name]
        log.warning("%s: its shard %s is open", self._service, name)
        if not self._away:
            self._all_open.set()
