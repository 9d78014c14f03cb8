"""One shard: the log of its orders, its read model, and what keeps the one up to date with the other."""

from contextlib import AsyncExitStack
from typing import Self

from frontispiece.stores import Database
from services.ordering.progress import LogFollower
from services.ordering.projector import Projector
from services.ordering.read_store import ReadStore
from services.ordering.rebuild import BATCH
from services.ordering.settings import ShardDatabases
from services.ordering.store import Orders
from services.ordering.tables import event_store, fence


class Shard:
    """One shard; opened with `async with`.

    Args:
        name: of the shard.
        databases: of the shard.
        reply_timeout: see `Orders`.
    """

    def __init__(self, name: str, databases: ShardDatabases, *, reply_timeout: float = 5.0) -> None:
        self.name = name
        self.orders = Orders(databases.database_url, reply_timeout=reply_timeout)
        self.read_store = ReadStore(databases.read_database_url)
        self.projector = Projector(self.database, event_store, self.read_store, shard=name)
        self.follower = LogFollower(self.database, event_store, fence)
        self._stack = AsyncExitStack()

    @property
    def database(self) -> Database:
        """That of the log."""
        return self.orders.database

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.orders)
            await stack.enter_async_context(self.read_store)
            await self.read_store.initialise()
            if await self.read_store.position() == 0:  # new tables: readers must not miss what is in the log
                while await self.projector.advance(BATCH):
                    pass
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    async def ping(self) -> str | None:
        """What serves in part only; raises a `Problem`, 503, when a database is not reachable."""
        await self.orders.ping()
        await self.read_store.ping()
        return self.projector.fault

    async def buckets(self) -> frozenset[int]:
        """The buckets that are here: of others, the shard may have copies."""
        async with self.database.read() as tx:
            return frozenset((await tx.scalars(fence.owned)).all())
