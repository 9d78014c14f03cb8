"""Ordering's tables and databases, described for moves of buckets between shards."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.shards import LogTable, Movable, ShardSet
from frontispiece.stores import expect_files
from services.ordering.read_store import live
from services.ordering.settings import ShardSettings
from services.ordering.shard import Shard
from services.ordering.tables import event_store, fence, inbox, order_ids, outbox, timeouts

OVERLAP: Final = 60_000_000
"""Microseconds: a row is committed within them of the time that is in it, by the clock of any copy."""

LOGS: Final = (
    LogTable(
        table=event_store.events, key=("order_id", "version"), position="position", insert=event_store.copy
    ),
    LogTable(table=order_ids.table, key=("intent",), position="reserved_at", overlap=OVERLAP),
    LogTable(
        table=inbox.table,
        key=("source", "id"),
        position="recorded_at",
        overlap=OVERLAP,
        retention=inbox.retention,
    ),
)


@asynccontextmanager
async def open_movable() -> AsyncIterator[Movable]:
    """The shards that `ORDERING_SHARDS` names."""
    databases = ShardSettings().shards
    expect_files(each.database_url for each in databases.values())
    shards = {name: Shard(name, each) for name, each in databases.items()}
    async with ShardSet("ordering", shards):
        yield movable(shards)


def movable(shards: Mapping[str, Shard]) -> Movable:
    """These shards, which are open."""

    async def views(name: str, buckets: Collection[int]) -> dict[str, tuple[int, bytes]]:
        async with shards[name].read_store.database.read() as tx:
            details = (await live(tx))[0].details.c
            query = sa.select(details.id, details.version, details.document).where(
                details.bucket.in_(buckets)
            )
            return {id_: (version, sha256(view).digest()) for id_, version, view in await tx.execute(query)}

    return Movable(
        service="ordering",
        databases={name: shard.database for name, shard in shards.items()},
        fence=fence,
        logs=LOGS,
        states=(timeouts.table,),
        unpublished=_unpublished,
        views=views,
        removed=event_store.record_removal,
    )


async def _unpublished(tx: AsyncConnection, buckets: Collection[int]) -> int:
    ids = order_ids.table.c
    waiting = sa.select(sa.func.count()).select_from(
        outbox.table.join(order_ids.table, ids.order_id == outbox.table.c.subject)
    )
    return int(await tx.scalar(waiting.where(ids.bucket.in_(buckets))) or 0)
