"""Time-outs of orders as rows: they outlive the copy that set them, and any copy may take one that is due."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import Moment
from services.ordering.domain_events import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class DueTimeout:
    """A time-out whose time has come."""

    order_id: str
    step: Step
    attempt: int


class Timeouts:
    """One time-out for each order and step; every method works in the caller's transaction."""

    def __init__(self, metadata: sa.MetaData) -> None:
        self.table = sa.Table(
            "timeouts",
            metadata,
            sa.Column("order_id", sa.String(36), primary_key=True),
            sa.Column("step", sa.String(32), primary_key=True),
            sa.Column("attempt", sa.Integer, nullable=False),
            sa.Column("due_at", Moment, nullable=False, index=True),
        )

    async def set(
        self, tx: AsyncConnection, order_id: str, step: Step, *, attempt: int, due_at: datetime
    ) -> None:
        """Set the time-out of a step, in place of the one before."""
        change = {"attempt": attempt, "due_at": due_at}
        insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(self.table)
        insert = insert.values(order_id=order_id, step=step, **change)
        await tx.execute(insert.on_conflict_do_update(index_elements=["order_id", "step"], set_=change))

    async def settle(self, tx: AsyncConnection, order_id: str, steps: Collection[Step]) -> None:
        """Remove the time-outs of these steps."""
        table = self.table.c
        await tx.execute(self.table.delete().where(table.order_id == order_id, table.step.in_(steps)))

    async def take(self, tx: AsyncConnection, now: datetime) -> DueTimeout | None:
        """Remove one time-out that is due, which no other transaction is taking; None when there is none."""
        table = self.table.c
        due = sa.select(self.table).where(table.due_at <= now).order_by(table.due_at).limit(1)
        row = (await tx.execute(due.with_for_update(skip_locked=True))).one_or_none()
        if row is None:
            return None
        step = Step(row.step)
        await self.settle(tx, row.order_id, [step])
        return DueTimeout(order_id=row.order_id, step=step, attempt=row.attempt)

    async def next_due(self, tx: AsyncConnection) -> datetime | None:
        """When the first time-out is due; None when there is none."""
        due_at: datetime | None = await tx.scalar(sa.select(sa.func.min(self.table.c.due_at)))
        return due_at
