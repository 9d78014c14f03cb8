"""The result cache of a source: results are reused for a while, and loaded once for concurrent requests."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from cachetools import LRUCache

from frontispiece import clocks
from frontispiece.aio.single_flight import SingleFlight, Spawn, clone_error
from frontispiece.pages.shared_result_cache import CacheNamespace, LoadedResult
from frontispiece.stores.valkey import BestEffortValkey
from frontispiece.upstream import TimedOut, UpstreamClientError, UpstreamError

log = logging.getLogger(__name__)

Result = TypeVar("Result")

NEGATIVE: Final = frozenset({404, 410})
"""Statuses that a negative entry can hold."""

INVALIDATING: Final = NEGATIVE | {401, 403}
"""Statuses after which this caller may not see an older result any more."""

MISSING: Final = object()
"""Returned by `peek` when there is no fresh result."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cache:
    """How long a source's result may be reused, in seconds.

    A cached result is shared by many requests: nobody may change it (take frozen Structs).

    Args:
        ttl: how long it is fresh; with 0 only concurrent requests share it.
        stale: how long after `ttl` it is still served at once, while one refresh runs in the background.
        stale_if_error: how long after `ttl` it is served when an upstream fails without a 4xx.
        negative: how long a 404 or 410 is cached.
        size: results in each process at most; the least recently used are evicted.
        shared: cache them in Valkey as well, for all processes.

    Raises:
        ValueError: a duration is negative or not finite, or `size` is less than 1.
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
    def stores(self) -> bool:
        """Whether anything is cached at all."""
        return self.lifetime > 0 or self.negative > 0

    @property
    def lifetime(self) -> float:
        """Seconds for which a result may be used at all."""
        return self.ttl + max(self.stale, self.stale_if_error)


class CacheState(StrEnum):
    """Where a result came from."""

    HIT = "hit"
    STALE = "stale"
    MISS = "miss"
    COLLAPSED = "collapsed"
    """The load of a concurrent request."""
    STALE_IF_ERROR = "stale-if-error"
    """An older load, for the latest one failed."""


class CachedResult:
    """A result or a 4xx with the times until which it may be used, by the cache's clock."""

    __slots__ = ("_error", "_value", "fresh_until", "stale_if_error_until", "stale_until")

    def __init__(self, loaded: LoadedResult, policy: Cache, now: float) -> None:
        negative = loaded.error is not None
        self._value = loaded.value
        self._error = loaded.error
        self.fresh_until = now - loaded.age + (policy.negative if negative else policy.ttl)
        self.stale_until = self.fresh_until + (0.0 if negative else policy.stale)
        self.stale_if_error_until = self.fresh_until + (0.0 if negative else policy.stale_if_error)

    def result(self) -> Any:
        """The result.

        Raises:
            UpstreamClientError: it is a 4xx.
        """
        if self._error is not None:
            raise clone_error(self._error)
        return self._value

    def peek(self) -> Any:
        """The result, `MISSING` for a 4xx."""
        return self._value if self._error is None else MISSING


class ResultCache:
    """The cached results of one source of one app, and its loads in progress. It lives as long as the app.

    Args:
        name: of the app and the source; unique in Valkey.
        shape: the exact type of the results, by which shared ones are decoded.

    Raises:
        TypeError: results of this type cannot be shared.
    """

    def __init__(
        self,
        name: str,
        policy: Cache,
        shape: Any,
        shared: BestEffortValkey | None,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        self._name = name
        self._policy = policy
        self._clock = clock
        self._namespace = (
            CacheNamespace(shared, name, shape) if shared and policy.shared and policy.stores else None
        )
        self._entries: LRUCache[bytes, CachedResult] = LRUCache(policy.size)
        self._loads = SingleFlight(name, expected=(UpstreamError,))

    def peek(self, key: bytes) -> Any:
        """The fresh result of this key, or `MISSING`."""
        entry = self._entries.get(key)
        if entry is not None and self._clock() < entry.fresh_until:
            return entry.peek()
        return MISSING

    def stale_value(self, key: bytes, state: CacheState) -> Any:
        """The result for a load that failed now (`STALE_IF_ERROR`) or is not made (`STALE`), or `MISSING`."""
        entry = self._entries.get(key)
        if entry is None:
            return MISSING
        until = entry.stale_if_error_until
        if state is CacheState.STALE:
            until = max(until, entry.stale_until)
        return entry.peek() if self._clock() < until else MISSING

    async def get(
        self, key: bytes, load: Callable[[], Awaitable[Result]], spawn: Spawn = asyncio.create_task
    ) -> tuple[Result, CacheState]:
        """The result of this key: cached, or loaded once for concurrent requests, or a stale one.

        `spawn` makes the task that `load` runs in. It must not end with the caller's: it goes on for
        others who wait, and is cancelled when all of them have left.

        Raises:
            UpstreamError: the load failed, be it this caller's or that of a concurrent request.
        """
        if (entry := self._entries.get(key)) is not None:
            now = self._clock()
            if now < entry.fresh_until:
                return entry.result(), CacheState.HIT
            if now < entry.stale_until:
                self._refresh(key, load)
                return entry.result(), CacheState.STALE
        work = partial(self._load_missing, key, load)
        ended, joined = await self._loads.share(key, work, spawn)
        if joined and isinstance(ended.failure, (TimedOut, asyncio.CancelledError)):
            # Its first caller timed out or was cancelled: that means nothing for this one.
            ended, joined = await self._loads.share(key, work, spawn)
        result, state = ended.result()
        if state is CacheState.STALE:
            self._refresh(key, load)
        fresh = state in {CacheState.MISS, CacheState.HIT}
        return result, CacheState.COLLAPSED if joined and fresh else state

    async def close(self) -> None:
        """Cancel every load and return when all have ended; the cache is not to be used any more."""
        await self._loads.close()

    def _refresh(self, key: bytes, load: Callable[[], Awaitable[Any]]) -> None:
        self._loads.start_detached(key, partial(self._load_stale, key, load))

    async def _load_missing(self, key: bytes, load: Callable[[], Awaitable[Any]]) -> tuple[Any, CacheState]:
        """The result in Valkey, even a stale one; else it is loaded."""
        if (entry := await self._read_shared(key)) is not None:
            now = self._clock()
            if now < entry.fresh_until:
                return entry.result(), CacheState.HIT
            if now < entry.stale_until:
                return entry.result(), CacheState.STALE
        return await self._load(key, load)

    async def _load_stale(self, key: bytes, load: Callable[[], Awaitable[Any]]) -> tuple[Any, CacheState]:
        """The result that another process has refreshed already; else it is loaded."""
        if (entry := await self._read_shared(key)) is not None and self._clock() < entry.fresh_until:
            return entry.result(), CacheState.HIT
        return await self._load(key, load)

    async def _load(self, key: bytes, load: Callable[[], Awaitable[Any]]) -> tuple[Any, CacheState]:
        try:
            result = await load()
        except UpstreamClientError as error:
            self._store_error(key, error)
            raise
        except UpstreamError as failure:
            if (stale := self.stale_value(key, CacheState.STALE_IF_ERROR)) is MISSING:
                raise
            log.warning("%s: a stale result is served: %s", self._name, failure)
            return stale, CacheState.STALE_IF_ERROR
        if self._policy.lifetime:
            self._put(key, LoadedResult(value=result), self._policy.lifetime)
        return result, CacheState.MISS

    def _store_error(self, key: bytes, error: UpstreamClientError) -> None:
        """Cache a 404 or 410; drop the result that a 401 or 403 invalidates."""
        if error.upstream_status in NEGATIVE and self._policy.negative:
            self._put(key, LoadedResult(error=clone_error(error)), self._policy.negative)
        elif error.upstream_status in INVALIDATING and self._policy.lifetime:
            self._entries.pop(key, None)
            if self._namespace:
                self._namespace.delete(key)

    def _put(self, key: bytes, loaded: LoadedResult, ttl: float) -> None:
        self._entries[key] = self._entry(loaded)
        if self._namespace:
            self._namespace.put(key, loaded, ttl)

    async def _read_shared(self, key: bytes) -> CachedResult | None:
        """The result of another process, now cached here, too; None when it is no newer."""
        loaded = await self._namespace.get(key) if self._namespace else None
        if loaded is None:
            return None
        entry, own = self._entry(loaded), self._entries.get(key)
        if own is not None and own.fresh_until >= entry.fresh_until:
            return None
        self._entries[key] = entry
        return entry

    def _entry(self, loaded: LoadedResult) -> CachedResult:
        return CachedResult(loaded, self._policy, self._clock())
