"""The time, as tests set it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import formatdate

import pytest

from frontispiece.upstream.transports.http1 import connection, pool, transport

TURNS = 100
"""Turns of the event loop in which what can go on by itself has done so."""

START = 1_900_000_000.0
"""A day in 2030, where a test needs a date."""


class Clock:
    """A clock that only tests move; `clock()` is `now`, in seconds."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    def date(self, later: float = 0) -> str:
        """The time, as HTTP has it in header fields."""
        return formatdate(self.now + later, usegmt=True)


def event_loop_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Awaitable[None]]:
    """`await advance(5)`: once all that runs waits, what is due in five seconds of the loop is due now."""
    loop, ahead = asyncio.get_running_loop(), 0.0
    now = loop.time

    async def advance(seconds: float) -> None:
        nonlocal ahead
        for _ in range(TURNS):
            await asyncio.sleep(0)
        ahead += seconds

    monkeypatch.setattr(loop, "time", lambda: now() + ahead)
    for module in (connection, pool, transport):  # they read the clock without asking the loop
        monkeypatch.setattr(module, "now", loop.time)
    return advance


class Nanoseconds:
    """The same in whole nanoseconds; its beginning is no round number."""

    def __init__(self) -> None:
        self.now = 7_654_321_987_654_321

    def __call__(self) -> int:
        return self.now


class Calendar:
    """The same with a date, in UTC; its beginning has microseconds, too."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, 12, 30, 15, 123_457, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now
