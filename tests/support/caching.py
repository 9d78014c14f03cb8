"""Kept results whose time passes as the test says, loaded by an upstream that answers as the test says."""

import asyncio
from collections.abc import Callable
from typing import Any

from gateway.page.cache import KeptResults

KEY = b"a key"

Make = Callable[..., KeptResults]
"""`make(Cache(…))`: results that are kept as the policy says, in the place that the test is about."""


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


async def until(condition: Callable[[], bool]) -> None:
    """Let others go on until this is so, for 5 seconds at most."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (what is waited for is seen from outside only)
            await asyncio.sleep(0)
