"""The move of buckets as it stands: one value at the broker, so that it outlives its mover."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from enum import StrEnum
from typing import Final

import msgspec

from frontispiece.errors import UserError
from frontispiece.events import BrokerUnavailable, Entry, KeyExists, KeyValue, RevisionMismatch
from frontispiece.shards.map import format_buckets, parse_buckets

RETRY_INTERVAL: Final = 0.2
"""Seconds until the broker is tried again, which a move needs for each step."""


TAKEN: Final = "Another process goes on with the move."


class Step(StrEnum):
    """A step of the move of a group of buckets; each begins once the one before is done."""

    COPY = "copy"
    """Rows are copied while the source serves."""
    COMPARE = "compare"
    """Rows, and what the shards have derived of them, are compared."""
    HAND_OVER = "hand over"
    """The source is fenced, the last rows are copied, the target opens."""
    FOLLOW = "follow"
    """The target serves, and its changes are copied back: the way back is open."""
    CLEAN = "clean"
    """The rows are deleted where the buckets are not."""
    DONE = "done"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Buckets that are handed over together.

    Args:
        source: has the buckets, until they are handed over.
        target: has them afterwards.
        buckets: such as `0-15`.
        epoch: from which on the target has the buckets, once it is decided.
        copied: the position in each log of the source up to which rows are copied.
        returning: whether this is the way back.
    """

    source: str
    target: str
    buckets: str
    step: Step = Step.COPY
    epoch: int = 0
    copied: dict[str, int] = {}
    returning: bool = False

    @property
    def numbers(self) -> list[int]:
        """The numbers of its buckets."""
        return sorted(parse_buckets(self.buckets))


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A move: one at a time for each service."""

    groups: tuple[Group, ...]

    @property
    def description(self) -> str:
        """Where the buckets go."""
        ways: defaultdict[str, list[int]] = defaultdict(list)
        for group in self.groups:
            ways[f"from {group.source} to {group.target}"] += group.numbers
        return "; ".join(f"{format_buckets(buckets)} {way}" for way, buckets in ways.items())


class MoveFailed(UserError):
    """The move cannot begin, or cannot go on; the message says why."""


class MoveTaken(MoveFailed):
    """Another process goes on with the move."""


class StoredMove:
    """The move of a service at the broker."""

    def __init__(self, kv: KeyValue, service: str) -> None:
        self._kv = kv
        self._key = f"{service}.move"
        self._revision = 0
        self.move: Move | None = None

    async def load(self) -> Move | None:
        """The move; None when there is none.

        Raises:
            BrokerUnavailable: it is not known.
        """
        entry = await self._kv.get(self._key)
        self.move = None if entry is None else _decode(entry)
        self._revision = 0 if entry is None else entry.revision
        return self.move

    async def create(self, move: Move) -> None:
        """Begin a move.

        Raises:
            MoveFailed: there is one.
            BrokerUnavailable: it may have begun.
        """
        try:
            self._revision = await self._kv.create(self._key, msgspec.json.encode(move))
        except KeyExists:
            raise MoveFailed("Another move is under way: front shards shows it.") from None
        self.move = move

    async def save(self, move: Move) -> None:
        """Have a move go on from here; waits for the broker.

        Raises:
            MoveTaken: another process has gone on with it.
        """
        document = msgspec.json.encode(move)
        while True:
            try:
                self._revision = await self._kv.update(self._key, document, self._revision)
            except BrokerUnavailable:
                await asyncio.sleep(RETRY_INTERVAL)
            except RevisionMismatch:
                entry = await self._kv.get(self._key)
                if entry is None or entry.value != document:  # else it was saved, and the response was lost
                    raise MoveTaken(TAKEN) from None
                self._revision = entry.revision
                break
            else:
                break
        self.move = move

    async def confirm(self) -> None:
        """Return when no other process has gone on with the move, as far as the broker can be reached.

        Raises:
            MoveTaken: another has.
        """
        with suppress(BrokerUnavailable):
            entry = await self._kv.get(self._key)
            if entry is None or entry.revision != self._revision:
                raise MoveTaken(TAKEN)

    async def delete(self) -> None:
        """End the move.

        Raises:
            BrokerUnavailable: it may not have ended.
        """
        await self._kv.delete(self._key)
        self.move = None


def _decode(entry: Entry) -> Move:
    assert entry.value is not None
    return msgspec.json.decode(entry.value, type=Move)
