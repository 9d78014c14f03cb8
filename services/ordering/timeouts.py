"""Time-outs of orders as rows: they outlive the copy that set them, and any copy may take one that is due."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import Moment, insert
from services.ordering.domain_events import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderTimeout:
    """The time-out of a step of an order; `attempt` is that of the command whose reply is awaited."""

    order_id: str
    bucket: int
    step: Step
    attempt: int
    due_at: datetime


class Timeouts:
    """One time-out for each order and step; every method works in the caller's transaction.

    Args:
        metadata: of ordering's write side.
        active: selects the buckets whose time-outs may be taken.
    """

    def __init__(self, metadata: sa.MetaData, active: sa.Select[Any]) -> None:
        self.table = sa.Table(
            "timeouts",
            metadata,
            sa.Column("order_id", sa.String(36), primary_key=True),
            sa.Column("step", sa.String(32), primary_key=True),
            sa.Column("attempt", sa.Integer, nullable=False),
            sa.Column("due_at", Moment, nullable=False, index=True),
            sa.Column("bucket", sa.SmallInteger, nullable=False, index=True),
        )
        self._upserts = {dialect: self._upsert(dialect) for dialect in ("postgresql", "sqlite")}
        of_order = self.table.c.order_id == sa.bindparam("of_order")
        of_steps = self.table.c.step.in_(sa.bindparam("steps", expanding=True))
        self._deletion = self.table.delete().where(of_order, of_steps)
        is_active = self.table.c.bucket.in_(active)
        self._first = sa.select(sa.func.min(self.table.c.due_at)).where(is_active)
        due = sa.select(self.table).where(self.table.c.due_at <= sa.bindparam("at"), is_active)
        self._due = due.order_by(self.table.c.due_at).limit(1).with_for_update(skip_locked=True)

    def _upsert(self, dialect: str) -> sa.Insert:
        new = insert(self.table, dialect)
        change = {name: new.excluded[name] for name in ("attempt", "due_at")}
        return new.on_conflict_do_update(index_elements=["order_id", "step"], set_=change)

    async def set(self, tx: AsyncConnection, new: Sequence[OrderTimeout]) -> None:
        """Set time-outs, each in place of the one of its order and step."""
        if new:
            await tx.execute(self._upserts[tx.dialect.name], [asdict(timeout) for timeout in new])

    async def settle(self, tx: AsyncConnection, order_id: str, steps: Collection[Step]) -> None:
        """Remove the time-outs of these steps."""
        await tx.execute(self._deletion, {"of_order": order_id, "steps": list(steps)})

    async def take(self, tx: AsyncConnection, now: datetime) -> OrderTimeout | None:
        """Remove one time-out that is due, which no other transaction is taking; None when there is none."""
        row = (await tx.execute(self._due, {"at": now})).one_or_none()
        if row is None:
            return None
        step = Step(row.step)
        await self.settle(tx, row.order_id, [step])
        return OrderTimeout(**{**row._mapping, "step": step})

    async def next_due(self, tx: AsyncConnection) -> datetime | None:
        """When the first time-out is due that may be taken; None when there is none."""
        due_at: datetime | None = await tx.scalar(self._first)
        return due_at
