"""Two shards with things in them."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.shards import Fence, LogTable, Movable, Router, ShardMap, open_router
from frontispiece.shards.movable import Row
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
todos = sa.Table(
    "todos",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("bucket", sa.SmallInteger, nullable=False, index=True),
)
waiting = sa.Table("waiting", metadata, sa.Column("bucket", sa.SmallInteger, primary_key=True))


async def insert_things(tx: AsyncConnection, rows: Sequence[Row]) -> None:
    """Insert things of another shard at positions of this one's."""
    dialect: Any = postgresql if tx.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(things).on_conflict_do_nothing(index_elements=["name"])
    await tx.execute(statement, [{"name": row["name"], "bucket": row["bucket"]} for row in rows])


async def unpublished(tx: AsyncConnection, buckets: Collection[int]) -> int:
    """How many messages wait for a relay."""
    query = sa.select(sa.func.count()).select_from(waiting).where(waiting.c.bucket.in_(buckets))
    return (await tx.execute(query)).scalar_one()


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
                await tx.execute(todos.delete().where(todos.c.bucket == bucket))
                await tx.execute(todos.insert().values(name=name, bucket=bucket))

        await (router or self.router).run(bucket, change)

    async def names(self, shard: str) -> list[str]:
        """The things in a shard."""
        async with self.databases[shard].read() as tx:
            return list(await tx.scalars(sa.select(things.c.name).order_by(things.c.position)))

    async def todos(self, shard: str) -> set[str]:
        """What is still to do in a shard: the newest thing of each bucket."""
        async with self.databases[shard].read() as tx:
            return set(await tx.scalars(sa.select(todos.c.name)))

    @property
    def movable(self) -> Movable:
        """What a mover is given."""
        return Movable(
            service="things",
            databases=self.databases,
            fence=fence,
            logs=[LogTable(table=things, key=("name",), position="position", insert=insert_things)],
            states=[todos],
            unpublished=unpublished,
        )


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
