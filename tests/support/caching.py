"""Kept results whose time passes as the test says, loaded by an upstream that answers as the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from frontispiece.pages.result_cache import Cache, ResultCache
from frontispiece.stores.valkey import BestEffortValkey
from tests.support.clock import Clock

KEY = b"a key"
POLICY = Cache(ttl=10, stale=60, stale_if_error=600, negative=5, shared=True)

CacheOf = Callable[[Cache], ResultCache]


class Titles:
    """Loads titles: `answer` is what each load returns or raises, as soon as `gate` is open."""

    def __init__(self, answer: Any = "first") -> None:
        self.answer = answer
        self.calls = 0
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def load(self) -> Any:
        """What a source's function does."""
        self.calls += 1
        self.begun.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def store_at(url: str, clock: Clock, *, patient: bool = True) -> BestEffortValkey:
    """A store whose time is the clock's; a patient one finds what is there however busy the machine is."""
    return BestEffortValkey(url, timeout=5.0 if patient else 0.05, clock=clock, now=clock)


class Process:
    """An app's process: it opens the store for one block, and all that it writes is written at its end.

    Without a URL it has no store.
    """

    def __init__(self, url: str | None, clock: Clock, *, patient: bool = True) -> None:
        self._url = url
        self._patient = patient
        self._clock = clock

    @asynccontextmanager
    async def source(
        self, policy: Cache = POLICY, *, name: str = "books title", shape: Any = str
    ) -> AsyncIterator[ResultCache]:
        """A source of a process that has just started."""
        shared = store_at(self._url, self._clock, patient=self._patient) if self._url else nullcontext()
        async with shared as store:
            cache = ResultCache(name, policy, shape, store, self._clock)
            try:
                yield cache
            finally:
                await cache.close()
