"""Waiting for what tells nobody that it has happened."""

import asyncio
import time
from collections.abc import Callable

TIMEOUT = 60.0
"""Seconds after which a wait has failed: many, for the machine may be busy."""

TURNS = 500
"""Turns of the event loop before a wait lets other processes run, or finds that nothing moves."""


async def until(happened: Callable[[], bool]) -> None:
    """Return as soon as it has happened; others run meanwhile."""
    turns = 0
    async with asyncio.timeout(TIMEOUT):
        while not happened():
            turns += 1
            await asyncio.sleep(0 if turns < TURNS else 0.001)


async def until_still(count: Callable[[], int]) -> int:
    """Return the count once it stays the same, where all that could change it runs in this event loop."""
    before, turns = count(), 0
    async with asyncio.timeout(TIMEOUT):
        while turns < TURNS:
            await asyncio.sleep(0)
            turns = turns + 1 if count() == before else 0
            before = count()
    return before


def eventually(happened: Callable[[], bool]) -> bool:
    """Whether it has happened in another process, as soon as it has."""
    deadline = time.monotonic() + TIMEOUT
    while not (result := happened()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return result
