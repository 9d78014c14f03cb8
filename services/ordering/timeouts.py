"""Time-outs of orders as rows: they outlive the copy that set them, and any copy may take one that is due."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import Moment
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
    """One time-out for each order and step; every method works in the caller's transaction."""

    def __init__(self, metadata: sa.MetaData) -> None:
        self.table = sa.Table(
            "timeouts",
            metadata,
            sa.Column("order_id", sa.String(36), primary_key=True),
            sa.Column("step", sa.String(32), primary_key=True),
            sa.Column("attempt", sa.Integer, nullable=False),
            sa.Column("due_at", Moment, nullable=False, index=True),
            sa.Column("bucket", sa.SmallInteger, nullable=False, index=True),
        )
        self._upserts = {"postgresql": self._upsert(postgresql), "sqlite": self._upsert(sqlite)}
        of_order = self.table.c.order_id == sa.bindparam("of_order")
        of_steps = self.table.c.step.in_(sa.bindparam("steps", expanding=True))
        self._deletion = self.table.delete().where(of_order, of_steps)

    def _upsert(self, dialect: Any) -> sa.Insert:
        insert = dialect.insert(self.table)
        change = {name: insert.excluded[name] for name in ("attempt", "due_at")}
        upsert: sa.Insert = insert.on_conflict_do_update(index_elements=["order_id", "step"], set_=change)
        return upsert

    async def set(self, tx: AsyncConnection, new: Sequence[OrderTimeout]) -> None:
        """Set time-outs, each in place of the one of its order and step."""
        if new:
            await tx.execute(self._upserts[tx.dialect.name], [asdict(timeout) for timeout in new])

    async def settle(self, tx: AsyncConnection, order_id: str, steps: Collection[Step]) -> None:
        """Remove the time-outs of these steps."""
        await tx.execute(self._deletion, {"of_order": order_id, "steps": list(steps)})

    async def take(self, tx: AsyncConnection, now: datetime, *, of: sa.Select[Any]) -> OrderTimeout | None:
        """Remove one time-out that is due, which no other transaction is taking; None when there is none.

        `of` selects the buckets whose time-outs may be taken.
        """
        table = self.table.c
        due = sa.select(self.table).where(table.due_at <= now, table.bucket.in_(of))
        due = due.order_by(table.due_at).limit(1)
        row = (await tx.execute(due.with_for_update(skip_locked=True))).one_or_none()
        if row is None:
            return None
        step = Step(row.step)
        await self.settle(tx, row.order_id, [step])
        return OrderTimeout(**{**row._mapping, "step": step})

    async def next_due(self, tx: AsyncConnection, *, of: sa.Select[Any]) -> datetime | None:
        """When the first time-out of these buckets is due; None when there is none."""
        first = sa.select(sa.func.min(self.table.c.due_at)).where(self.table.c.bucket.in_(of))
        due_at: datetime | None = await tx.scalar(first)
        return due_at
