"""Waiting for what tells nobody that it has happened."""

import asyncio
from collections.abc import Callable


async def until(happened: Callable[[], bool]) -> None:
    """Return as soon as it has happened; others run meanwhile."""
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110 (no event is set by what is looked at)
            await asyncio.sleep(0)
