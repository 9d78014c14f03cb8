"""Rebuilds of a store from facts: a request is not forgotten while the store cannot be rebuilt."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from frontispiece.http import Problem
from shop.facts import Fact, Rebuilds, Write


class Store:
    """A store of which a database is away for some rebuilds."""

    is_complete = True

    def __init__(self, away: int) -> None:
        self.away = away
        self.rebuilt = asyncio.Event()

    async def opened(self) -> None:
        """It is."""

    @asynccontextmanager
    async def replaying(self) -> AsyncIterator[Write]:
        """Data anew, or a refusal."""
        if self.away:
            self.away -= 1
            raise Problem(503, "store-unavailable", "The database is away.")
        yield self._write
        self.rebuilt.set()

    async def _write(self, _facts: Sequence[Fact]) -> None:
        pass


async def test_a_rebuild_that_a_database_refuses_is_tried_until_it_is_done() -> None:
    async def no_facts() -> AsyncIterator[Sequence[Fact]]:
        yield []

    store = Store(away=1)
    rebuilds = Rebuilds(store, no_facts)
    running = asyncio.create_task(rebuilds.run())
    rebuilds.request()

    async with asyncio.timeout(60):
        await store.rebuilt.wait()
    assert store.away == 0
    running.cancel()
    await asyncio.wait([running])
