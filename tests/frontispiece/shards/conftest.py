"""Two shards with things in them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from frontispiece.shards import Fence, Router, ShardMap, open_router
from frontispiece.stores import Database
from tests.support.postgres import Postgres

metadata = sa.MetaData()
fence = Fence(metadata)
things = sa.Table(
    "things",
    metadata,
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("bucket", sa.SmallInteger, nullable=False, index=True),
)


class World:
    """Two shards, `0` and `1`, and a router.

    Each half of the buckets is in one of them.
    """

    def __init__(self, databases: dict[str, Database], router: Router) -> None:
        self.databases = databases
        self.router = router

    async def add(self, name: str, bucket: int, router: Router | None = None) -> None:
        """Add a thing where its bucket is."""

        async def change(shard: str, epoch: int) -> None:
            async with self.databases[shard].write() as tx:
                await fence.check(tx, bucket, epoch)
                await tx.execute(things.insert().values(name=name, bucket=bucket))

        await (router or self.router).run(bucket, change)

    async def names(self, shard: str) -> list[str]:
        """The things in a shard."""
        async with self.databases[shard].read() as tx:
            return list(await tx.scalars(sa.select(things.c.name).order_by(things.c.position)))


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """Two empty databases."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield [f"sqlite:///{tmp_path}/{name}.db" for name in range(2)]
        else:
            server: Postgres = request.getfixturevalue("postgres")
            yield [stack.enter_context(server.database("")) for _ in range(2)]


@pytest.fixture
async def world(urls: list[str]) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        databases = {
            str(name): await stack.enter_async_context(Database(url, metadata))
            for name, url in enumerate(urls)
        }
        yield World(databases, await open_router(databases, fence, ShardMap.even(["0", "1"])))
