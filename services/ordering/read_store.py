"""Ordering's read model, in a database of its own: what `projection.py` keeps up to date."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import SqlStore
from services.ordering.event_store import Seen
from services.ordering.model import Status
from services.ordering.projection import PROJECTION, decode_view
from services.ordering.read_tables import COUNTED, GENERATIONS, Generation, State, generations
from services.ordering.views import OrderView, Stage

_LIVE: Final = sa.select(generations).where(generations.c.state == State.LIVE)

_DAY: Final = timedelta(days=1, microseconds=-1)

Buckets = Collection[int] | None
"""Some buckets; None for all."""

_LOCK_LIVE: Final = _LIVE.with_for_update()


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """One order in a list."""

    id: str
    owner: str
    status: Status
    stage: Stage
    reason: str | None
    placed_at: datetime
    pieces: int
    total: int
    currency: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DayTotal:
    """How many orders came to each stage on a day (in UTC), and the revenue of the completed ones."""

    day: str
    currency: str
    placed: int
    confirmed: int
    completed: int
    cancelled: int
    revenue: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sold:
    """How many pieces of a product were ordered."""

    sku: str
    pieces: int


class NotInitialised(Exception):
    """No tables are live: ordering was never started with this database."""


class ReadStore(SqlStore):
    """The live tables; whoever reads sees one moment of the log."""

    main_table = generations
    migrations = "services.ordering.read_migrations"

    async def initialise(self) -> None:
        """Make a set of tables live if none is."""
        async with self.database.write() as tx:
            row = {"name": "blue", "state": State.LIVE, "position": 0, "projection": PROJECTION}
            await tx.execute(self._insert(generations).values(row).on_conflict_do_nothing())

    async def position(self) -> int:
        """Of the last event that the live tables have seen."""
        async with self.database.read() as tx:
            return (await live(tx))[1].position

    async def order(self, id_: str) -> OrderView | None:
        """An order; None when there is none yet."""
        async with self.database.read() as tx:
            details = (await live(tx))[0].details
            query = sa.select(details.c.document).where(details.c.id == id_)
            document = (await tx.execute(query)).scalar_one_or_none()
        return None if document is None else decode_view(document)

    # What is asked of buckets leaves out those of which the shard has copies alone.

    async def orders(
        self,
        limit: int,
        after: tuple[datetime, str] | None = None,
        *,
        owner: str | None = None,
        day: date | None = None,
        buckets: Buckets = None,
    ) -> list[Summary]:
        """The orders of an owner or of all, newest first, beginning after the one with this sort key.

        With a day, those that were placed on it (in UTC).
        """
        async with self.database.read() as tx:
            table = (await live(tx))[0].summaries
            query = sa.select(*_columns(table, Summary)).where(_in(table, buckets))
            if owner is not None:
                query = query.where(table.c.owner == owner)
            if day is not None:
                begin = datetime.combine(day, time(), UTC)
                query = query.where(table.c.placed_at.between(begin, begin + _DAY))
            if after is not None:
                query = query.where(sa.tuple_(table.c.placed_at, table.c.id) < after)
            query = query.order_by(table.c.placed_at.desc(), table.c.id.desc()).limit(limit)
            return [_summary(row) for row in await tx.execute(query)]

    async def sold(
        self, day: date, buckets: Buckets, *, limit: int | None = None, skus: Collection[str] | None = None
    ) -> list[Sold]:
        """How many pieces of each product were ordered on a day, those of most pieces first."""
        async with self.database.read() as tx:
            table = (await live(tx))[0].sold
            pieces = sa.func.sum(table.c.pieces).label("pieces")
            query = sa.select(table.c.sku, pieces).where(table.c.day == day.isoformat(), _in(table, buckets))
            if skus is not None:
                query = query.where(table.c.sku.in_(skus))
            query = query.group_by(table.c.sku).order_by(pieces.desc(), table.c.sku).limit(limit)
            return [Sold(sku=sku, pieces=int(count)) for sku, count in await tx.execute(query)]

    async def stuck(self, buckets: Buckets = None) -> list[OrderView]:
        """The orders that wait for a person, oldest first."""
        async with self.database.read() as tx:
            generation, _ = await live(tx)
            table, details = generation.summaries, generation.details
            query = sa.select(details.c.document).join(table, table.c.id == details.c.id)
            query = query.where(table.c.is_stuck, _in(table, buckets)).order_by(table.c.placed_at)
            return [decode_view(document) for document in await tx.scalars(query)]

    async def totals(self, since: str, buckets: Buckets = None) -> list[DayTotal]:
        """The totals of a day (such as `2026-11-29`) and those after it, newest first."""
        async with self.database.read() as tx:
            table = (await live(tx))[0].totals
            key = table.c.day, table.c.currency
            sums = (sa.func.sum(table.c[name]) for name in COUNTED)
            query = sa.select(*key, *sums).where(table.c.day >= since, _in(table, buckets)).group_by(*key)
            rows = await tx.execute(query.order_by(table.c.day.desc(), table.c.currency))
            return [
                DayTotal(day=day, currency=currency, **dict(zip(COUNTED, map(int, counts), strict=True)))
                for day, currency, *counts in rows
            ]


def _in(table: sa.Table, buckets: Buckets) -> sa.ColumnElement[bool]:
    return sa.true() if buckets is None else table.c.bucket.in_(buckets)


async def live(tx: AsyncConnection, *, lock: bool = False) -> tuple[Generation, Seen]:
    """The live tables and what they have seen.

    Args:
        tx: a transaction.
        lock: whether nobody else may change or replace them until its end.

    Raises:
        NotInitialised: no tables are live.
    """
    for _ in range(2):  # the row that a lock waited for may be the one that a rebuild has just retired
        row = (await tx.execute(_LOCK_LIVE if lock else _LIVE)).one_or_none()
        if row is not None:
            return GENERATIONS[row.name], Seen(position=row.position, recorded_at=row.recorded_at)
    raise NotInitialised("The read model has no live tables: start ordering first.")


def _columns(table: sa.Table, shape: type[Any]) -> list[sa.Column[Any]]:
    return [table.c[name] for name in shape.__dataclass_fields__]


def _summary(row: sa.Row[Any]) -> Summary:
    fields = {**row._mapping, "status": Status(row.status), "stage": Stage(row.stage)}
    return Summary(**fields)
