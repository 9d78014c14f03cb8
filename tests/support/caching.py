"""Kept results whose time passes as the test says, loaded by an upstream that answers as the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from gateway.page.cache import Cache, KeptResults
from gateway.page.shared_cache import SharedStore

KEY = b"a key"
POLICY = Cache(ttl=10, stale=60, stale_if_error=600, negative=5, shared=True)

KeptAs = Callable[[Cache], KeptResults]


class Clock:
    """Seconds that pass when `pass_by` says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


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


def store_at(url: str, clock: Clock, *, patient: bool = True) -> SharedStore:
    """A store whose time is the clock's; a patient one finds what is there however busy the machine is."""
    return SharedStore(url, answers_within=5.0 if patient else 0.05, clock=clock, now=clock)


async def until(condition: Callable[[], bool]) -> None:
    """Let others go on until this is so, for 5 seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (what is waited for is seen from outside only)
            await asyncio.sleep(0)


class Process:
    """An app's process: it opens the store for one block, and all that it writes is written at its end."""

    def __init__(self, url: str, clock: Clock, *, patient: bool = True) -> None:
        self._url = url
        self._patient = patient
        self._clock = clock

    @asynccontextmanager
    async def source(
        self, policy: Cache = POLICY, *, name: str = "books title", shape: Any = str
    ) -> AsyncIterator[KeptResults]:
        """A source of a process that has just started."""
        async with store_at(self._url, self._clock, patient=self._patient) as store:
            kept = KeptResults(name, policy, shape, store, self._clock)
            try:
                yield kept
            finally:
                await kept.close()
