"""What has changed in the catalogue since a client looked: the last change of each sku, in one order.

Positions are in the order of commits, on PostgreSQL, too: a writer takes its positions from the one row of
`change_log`, whose lock it holds until its transaction ends. So the next writer gets its own only once all
earlier ones are committed and can be seen. A sequence would give positions without waiting, and a reader
could pass one that is committed later. Writers take this lock last, after those of products, so that they
never wait for each other in a circle.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import Moment, insert
from services.catalog.model import ChangePosition

REMOVAL_RETENTION: Final = timedelta(days=90)
"""How long a client may stay away and still learn what was removed meanwhile."""

MAX_REMOVALS: Final = 10_000
"""Removals that are remembered, the latest ones."""

RECORDED_AT_ONCE: Final = 500
"""Changes between two turns of the event loop."""

ONLY_ROW: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedRows:
    """Some changes in their order: rows with the `sku`, and the product's columns unless it was removed.

    Args:
        rows: the changes, one at most for each sku.
        after: the client's position after these.
        more: whether there are more.
    """

    rows: Sequence[sa.Row[Any]]
    after: ChangePosition
    more: bool


class PositionExpired(Exception):
    """The position is of another database, or removals after it are not remembered any more."""


class ChangeLog:
    """The last change of each sku; a removal is one, too.

    Args:
        metadata: of the service's database, which gets the tables `changes` and `change_log`.
        sku: the column of products that is their key.
    """

    def __init__(self, metadata: sa.MetaData, sku: sa.Column[str]) -> None:
        self._sku = sku
        self._changes = sa.Table(
            "changes",
            metadata,
            sa.Column("sku", sku.type, primary_key=True),
            sa.Column("position", sa.BigInteger, nullable=False, unique=True),
            sa.Column("removed_at", Moment, nullable=True, index=True),
        )
        self._log = sa.Table(
            "change_log",
            metadata,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("history", sa.String(32), nullable=False),
            sa.Column("position", sa.BigInteger, nullable=False),  # the newest
            sa.Column("forgotten", sa.BigInteger, nullable=False),  # the last removal that is not remembered
        )

    async def record(self, tx: AsyncConnection, skus: Sequence[str]) -> None:
        """Record that products were added or changed, as the last step of a write transaction but commits."""
        await self._record(tx, skus, removed_at=None)

    async def record_removal(self, tx: AsyncConnection, sku: str, now: datetime) -> None:
        """Record that a product was removed, likewise, and forget old removals."""
        await self._record(tx, [sku], removed_at=now)
        await self._forget(tx, now)

    async def read(
        self,
        tx: AsyncConnection,
        columns: Sequence[sa.Column[Any]],
        position: ChangePosition | None,
        limit: int,
    ) -> ChangedRows:
        """The changes after a position, or all products when there is none.

        Args:
            tx: the first use of a read transaction.
            columns: of products.
            position: up to where the client knows the catalogue.
            limit: the maximum of changes.

        Raises:
            PositionExpired: the client has to begin anew.
        """
        if tx.dialect.name == "postgresql":  # the newest position and the changes are those of one moment
            await tx.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        log = (await tx.execute(sa.select(self._log))).one_or_none()
        history, newest, forgotten = (log.history, log.position, log.forgotten) if log else ("", 0, 0)
        if position is None:
            position = ChangePosition(history=history, position=0, since=newest)
        elif position.history != history or not forgotten <= max(position.position, position.since) <= newest:
            raise PositionExpired
        changes = self._changes.c
        concerns_client = changes.removed_at.is_(None) | (changes.position > position.since)
        query = (
            sa.select(changes.position, changes.sku, changes.removed_at, *columns)
            .select_from(self._changes.outerjoin(self._sku.table, self._sku == changes.sku))
            .where(changes.position > position.position, concerns_client)
            .order_by(changes.position)
            .limit(limit + 1)
        )
        rows = (await tx.execute(query)).all()
        more = len(rows) > limit
        seen = rows[limit - 1].position if more else newest
        after = ChangePosition(history=history, position=seen, since=position.since)
        return ChangedRows(rows=rows[:limit], after=after, more=more)

    async def _record(self, tx: AsyncConnection, skus: Sequence[str], removed_at: datetime | None) -> None:
        if not skus:
            return
        first = await self._take_positions(tx, len(skus))
        adding = insert(self._changes, tx.dialect.name)
        upsert = adding.on_conflict_do_update(
            index_elements=["sku"],
            set_={"position": adding.excluded.position, "removed_at": adding.excluded.removed_at},
        )
        for start in range(0, len(skus), RECORDED_AT_ONCE):
            await asyncio.sleep(0)
            some = enumerate(skus[start : start + RECORDED_AT_ONCE], first + start)
            rows = [{"sku": sku, "position": place, "removed_at": removed_at} for place, sku in some]
            await tx.execute(upsert, rows)

    async def _take_positions(self, tx: AsyncConnection, count: int) -> int:
        """The first of so many new positions; until the transaction ends, no other gets any."""
        newest = self._log.c.position
        first_row = {"id": ONLY_ROW, "history": uuid4().hex, "position": count, "forgotten": 0}
        adding = insert(self._log, tx.dialect.name).values(first_row)
        take = adding.on_conflict_do_update(index_elements=["id"], set_={"position": newest + count})
        last: int = (await tx.execute(take.returning(newest))).scalar_one()
        return last - count + 1

    async def _forget(self, tx: AsyncConnection, now: datetime) -> None:
        """Delete removals that are too old or too many."""
        changes = self._changes.c
        removed = changes.removed_at.is_not(None)
        too_many = (
            sa.select(changes.position)
            .where(removed)
            .order_by(changes.position.desc())
            .offset(MAX_REMOVALS)
            .limit(1)
            .scalar_subquery()
        )
        too_old = changes.removed_at < now - REMOVAL_RETENTION
        delete = self._changes.delete().where(removed, too_old | (changes.position <= too_many))
        deleted = (await tx.execute(delete.returning(changes.position))).scalars().all()
        if deleted:
            last = sa.func.max if tx.dialect.name == "sqlite" else sa.func.greatest
            forgotten = last(self._log.c.forgotten, max(deleted))
            await tx.execute(self._log.update().values(forgotten=forgotten))
