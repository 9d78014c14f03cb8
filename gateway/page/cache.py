"""Results of sources: used again for a while, and loaded once for all who want them at the same time."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from cachetools import LRUCache

from gateway.page.coalesce import Coalescer, Spawn, again
from gateway.page.shared_cache import Found, SharedStore, Shelf
from gateway.upstream import Refused, TimedOut, UpstreamError

log = logging.getLogger(__name__)

Result = TypeVar("Result")

GONE: Final = frozenset({404, 410})
"""Refusals that say that there is no such thing, which can be remembered."""

ENDING: Final = GONE | {401, 403}
"""Refusals after which an older result is not this caller's to see any more."""

MISSING: Final = object()
"""What `peek` returns when there is no fresh result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cache:
    """How long a source's result may be used again, in seconds.

    Results that are kept are given to many: nobody may change them (take frozen Structs).

    Args:
        ttl: so long it is fresh; with 0 it is only shared by those who ask at the same time.
        stale: so long after that it is still served at once, while one refresh runs in the background.
        stale_if_error: so long after `ttl` it is served when an upstream fails without refusing.
        negative: so long is remembered that there is no such thing (404 and 410).
        size: at most so many results are kept in each process; the least recently used go first.
        shared: keep them in Valkey too, for all processes.

    Raises:
        ValueError: a time is negative or has no end, or nothing fits.
    """

    ttl: float
    stale: float = 0.0
    stale_if_error: float = 0.0
    negative: float = 0.0
    size: int = 1024
    shared: bool = False

    def __post_init__(self) -> None:
        for name in ("ttl", "stale", "stale_if_error", "negative"):
            seconds = getattr(self, name)
            if not (math.isfinite(seconds) and seconds >= 0):
                raise ValueError(f"Cache: {name} is a number of seconds, not {seconds}")
        if self.size < 1:
            raise ValueError(f"Cache: size is at least 1, not {self.size}")

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self.lasting > 0 or self.negative > 0

    @property
    def lasting(self) -> float:
        """How long a result is of any use."""
        return self.ttl + max(self.stale, self.stale_if_error)


class CacheState(StrEnum):
    """How a cache came to what it gave."""

    HIT = "hit"
    STALE = "stale"
    MISS = "miss"
    JOINED = "joined"
    """Somebody else's load brought it."""
    REVIVED = "revived"
    """The load failed: this is an older result."""


class _Entry:
    """A result or a refusal, and until when it is of which use, by the clock of its source."""

    __slots__ = ("_refusal", "_value", "for_errors_until", "fresh_until", "stale_until")

    def __init__(self, found: Found, policy: Cache, now: float) -> None:
        negative = found.refusal is not None
        self._value = found.value
        self._refusal = found.refusal
        self.fresh_until = now - found.age + (policy.negative if negative else policy.ttl)
        self.stale_until = self.fresh_until + (0.0 if negative else policy.stale)
        self.for_errors_until = self.fresh_until + (0.0 if negative else policy.stale_if_error)

    def result(self) -> Any:
        """The result.

        Raises:
            Refused: it is the refusal.
        """
        if self._refusal is not None:
            raise again(self._refusal)
        return self._value

    def peek(self) -> Any:
        """The result, `MISSING` for a refusal."""
        return self._value if self._refusal is None else MISSING


class KeptResults:
    """The results of one source of one app, and its loads under way. It lives as long as the app.

    Args:
        name: of the app and the source; in Valkey no other source has it.
        policy: how long results are kept.
        shape: the type of the results; it has to say all of it when they are shared.
        shared: where they are shared; None for in this process only.
        clock: seconds that only grow.

    Raises:
        TypeError: results of this type cannot be shared.
    """

    def __init__(
        self,
        name: str,
        policy: Cache,
        shape: Any,
        shared: SharedStore | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._policy = policy
        self._clock = clock
        self._shelf = Shelf(shared, name, shape) if shared and policy.shared and policy.keeps else None
        self._entries: LRUCache[bytes, _Entry] = LRUCache(policy.size)
        self._loads = Coalescer(name)

    def peek(self, key: bytes) -> Any:
        """The fresh result of this key, or `MISSING`."""
        entry = self._entries.get(key)
        if entry is not None and self._clock() < entry.fresh_until:
            return entry.peek()
        return MISSING

    def revived(self, key: bytes) -> Any:
        """The result that stands in for a load that failed now, or `MISSING`."""
        entry = self._entries.get(key)
        if entry is not None and self._clock() < entry.for_errors_until:
            return entry.peek()
        return MISSING

    async def get(
        self, key: bytes, load: Callable[[], Awaitable[Result]], spawn: Spawn = asyncio.create_task
    ) -> tuple[Result, CacheState]:
        """The result of this key: kept, or loaded for all who ask now, or an older one as the policy allows.

        Args:
            key: of the load's inputs, see `cache_key`.
            load: loads the result anew.
            spawn: makes the task that `load` runs in. The task must not end with the caller's: it goes on for
                others who wait. When all of them have left, it is cancelled.

        Raises:
            UpstreamError: the load failed, be it this caller's or one that was joined.
        """
        if (entry := self._entries.get(key)) is not None:
            now = self._clock()
            if now < entry.fresh_until:
                return entry.result(), CacheState.HIT
            if now < entry.stale_until:
                self._refresh(key, load)
                return entry.result(), CacheState.STALE
        work = partial(self._missed, key, load)
        ended, joined = await self._loads.share(key, work, spawn)
        if joined and isinstance(ended.failure, (TimedOut, asyncio.CancelledError)):
            # The other's time was up, or its task was ended: that says nothing of this caller's.
            ended, joined = await self._loads.share(key, work, spawn)
        result, state = ended.result()
        if state is CacheState.STALE:
            self._refresh(key, load)
        fresh = state in {CacheState.MISS, CacheState.HIT}
        return result, CacheState.JOINED if joined and fresh else state

    async def close(self) -> None:
        """Cancel every load and return when all have ended; nobody may ask any more."""
        await self._loads.close()

    def _refresh(self, key: bytes, load: Callable[[], Awaitable[Any]]) -> None:
        self._loads.begin_alone(key, partial(self._loaded, key, load))

    async def _missed(self, key: bytes, load: Callable[[], Awaitable[Any]]) -> tuple[Any, CacheState]:
        """What is in Valkey, even a stale result; else what is loaded."""
        if (entry := await self._shared(key)) is not None:
            now = self._clock()
            if now < entry.fresh_until:
                return entry.result(), CacheState.HIT
            if now < entry.stale_until:
                return entry.result(), CacheState.STALE
        return await self._fetched(key, load)

    async def _loaded(self, key: bytes, load: Callable[[], Awaitable[Any]]) -> tuple[Any, CacheState]:
        """What another process has refreshed already; else what is loaded."""
        if (entry := await self._shared(key)) is not None and self._clock() < entry.fresh_until:
            return entry.result(), CacheState.HIT
        return await self._fetched(key, load)

    async def _fetched(self, key: bytes, load: Callable[[], Awaitable[Any]]) -> tuple[Any, CacheState]:
        try:
            result = await load()
        except Refused as refusal:
            self._refused(key, refusal)
            raise
        except UpstreamError as failure:
            if (older := self.revived(key)) is MISSING:
                raise
            log.warning("%s: an older result is served: %s", self._name, failure)
            return older, CacheState.REVIVED
        if self._policy.lasting:
            self._entries[key] = self._entry(Found(value=result))
            if self._shelf:
                self._shelf.put(key, result, self._policy.lasting)
        return result, CacheState.MISS

    def _refused(self, key: bytes, refusal: Refused) -> None:
        """Remember that there is no such thing, and forget what there was."""
        if refusal.answered in GONE and self._policy.negative:
            kept = again(refusal)
            self._entries[key] = self._entry(Found(refusal=kept))
            if self._shelf:
                self._shelf.put_refusal(key, kept, self._policy.negative)
        elif refusal.answered in ENDING and self._policy.lasting:
            self._entries.pop(key, None)
            if self._shelf:
                self._shelf.delete(key)

    async def _shared(self, key: bytes) -> _Entry | None:
        """What another process has kept, from now on kept here too; None when it is no newer than what is."""
        found = await self._shelf.get(key) if self._shelf else None
        if found is None:
            return None
        entry, own = self._entry(found), self._entries.get(key)
        if own is not None and own.fresh_until >= entry.fresh_until:
            return None
        self._entries[key] = entry
        return entry

    def _entry(self, found: Found) -> _Entry:
        return _Entry(found, self._policy, self._clock())
