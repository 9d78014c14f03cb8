"""The rows of buckets, read in one shard and inserted in another; all in the caller's transactions.

`as_of` is the time, in microseconds, at which the age of rows counts: the same for both shards.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Final

import msgspec

from frontispiece.extras import extra
from frontispiece.shards.fence import COPY, INCOMING, Fence
from frontispiece.shards.movable import LogTable, Row
from frontispiece.stores import Database, insert

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection

PAGE: Final = 200
"""Rows of a log that are copied in one transaction."""

MARGIN: Final = timedelta(hours=1)
"""How much younger than the retention rows are that do not count any more."""

MICROSECOND: Final = timedelta(microseconds=1)

_encoder = msgspec.json.Encoder(order="deterministic")


async def last_position(tx: AsyncConnection, log: LogTable) -> int:
    """The highest position in a log; 0 where it is empty."""
    return int(await tx.scalar(sa.select(sa.func.max(_position(log)))) or 0)


async def rows_after(
    database: Database,
    log: LogTable,
    buckets: Collection[int],
    *,
    after: int,
    until: int | None = None,
    as_of: int,
) -> AsyncIterator[Sequence[Row]]:
    """The rows of buckets after a position, a page at a time, in the order of their positions."""
    table, position = log.table, _position(log)
    keys = [table.c[name] for name in log.key]
    query = sa.select(table, position.label("_position")).where(
        table.c.bucket.in_(buckets), *_counting(log, as_of)
    )
    if until is not None:
        query = query.where(position <= until)
    query = query.order_by(position, *keys).limit(PAGE)
    place: sa.ColumnElement[bool] = position > after
    while True:
        async with database.read() as tx:
            found = (await tx.execute(query.where(place))).mappings().all()
        if found:
            yield [{name: row[name] for name in table.c.keys()} for row in found]  # noqa: SIM118 (columns)
        if len(found) < PAGE:
            return
        last = found[-1]
        of_last = [last["_position"], *(last[name] for name in log.key)]
        place = sa.tuple_(position, *keys) > sa.tuple_(*(sa.literal(value) for value in of_last))


async def insert_rows(tx: AsyncConnection, log: LogTable, rows: Sequence[Row]) -> None:
    """Insert rows, without those that are there."""
    if log.insert is not None:
        await log.insert(tx, rows)
    elif rows:
        await tx.execute(insert(log.table, tx.dialect.name).on_conflict_do_nothing(), list(rows))


async def count(tx: AsyncConnection, log: LogTable, buckets: Collection[int], as_of: int) -> dict[int, int]:
    """How many rows buckets have in a log, without those that have none."""
    bucket = log.table.c.bucket
    query = (
        sa.select(bucket, sa.func.count()).where(bucket.in_(buckets), *_counting(log, as_of)).group_by(bucket)
    )
    return {row[0]: row[1] for row in await tx.execute(query)}


async def names(tx: AsyncConnection, log: LogTable, of: Collection[str]) -> set[str]:
    """The names among `of` that have rows in a log: the first column of its key has them."""
    name = log.table.c[log.key[0]]
    return set(await tx.scalars(sa.select(name).where(name.in_(of))))


async def digest(tx: AsyncConnection, log: LogTable, bucket: int, *, until: int | None, as_of: int) -> str:
    """A hash of the rows of a bucket up to a position; None where positions are the shard's own."""
    columns = [column for column in log.table.c if log.insert is None or column.name != log.position]
    query = sa.select(*columns).where(log.table.c.bucket == bucket, *_counting(log, as_of))
    if until is not None:
        query = query.where(_position(log) <= until)
    hashed = sha256()
    for row in await tx.execute(query.order_by(*(log.table.c[name] for name in log.key))):
        hashed.update(_encoder.encode(list(row)))
    return hashed.hexdigest()


async def read_state(tx: AsyncConnection, state: sa.Table, buckets: Collection[int]) -> list[Row]:
    """All rows of buckets."""
    query = sa.select(state).where(state.c.bucket.in_(buckets))
    return [dict(row) for row in (await tx.execute(query)).mappings()]


async def replace_state(
    tx: AsyncConnection, state: sa.Table, buckets: Collection[int], rows: Sequence[Row]
) -> None:
    """Have these rows in place of all that buckets have."""
    await delete(tx, state, buckets)
    if rows:
        await tx.execute(state.insert(), list(rows))


async def delete(tx: AsyncConnection, table: sa.Table, buckets: Collection[int]) -> None:
    """Delete all rows of buckets."""
    await tx.execute(table.delete().where(table.c.bucket.in_(buckets)))


async def copied_buckets(tx: AsyncConnection, fence: Fence) -> Sequence[int]:
    """The buckets that are not here, but some of whose rows may be."""
    table = fence.table.c
    return (await tx.scalars(sa.select(table.bucket).where(table.state.in_((COPY, INCOMING))))).all()


def _position(log: LogTable) -> sa.ColumnElement[int]:
    return sa.type_coerce(log.table.c[log.position], sa.BigInteger)


def _counting(log: LogTable, as_of: int) -> list[sa.ColumnElement[bool]]:
    """Leaves out what the service may have deleted in one shard and not yet in the other."""
    if log.retention is None:
        return []
    return [_position(log) > as_of - (log.retention - MARGIN) // MICROSECOND]
