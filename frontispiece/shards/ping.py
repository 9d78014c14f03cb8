"""Whether any of several databases is reachable."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from frontispiece.http import Problem


class Pinged(Protocol):
    """A shard that can be tried."""

    async def ping(self) -> None:
        """Return when the shard is reachable; else raise a `Problem`, 503."""


async def ping_any(shards: Iterable[Pinged]) -> None:
    """Return when a shard is reachable: what is in another one waits, all else need not.

    Raises:
        Problem: 503, when none is.
    """
    pings = [asyncio.create_task(shard.ping()) for shard in shards]
    try:
        for ping in asyncio.as_completed(pings):
            try:
                return await ping
            except Problem as problem:
                failure = problem
        raise failure
    finally:
        for each in pings:
            each.cancel()
        await asyncio.gather(*pings, return_exceptions=True)
