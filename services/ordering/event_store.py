"""The streams of orders, append-only, in ordering's own database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.stores import CommitSignal, Moment
from services.ordering.domain_events import OrderEvent, encode
from services.ordering.order import Order, fold
from services.ordering.upcasting import upcast

SNAPSHOT_EVERY: Final = 50
"""Events of one stream between two snapshots."""

SNAPSHOT_SCHEMA: Final = 2
"""Of `Order`: raised with every change of its fields, so that older snapshots are rebuilt."""

APPEND_LOCK: Final = 727180
"""The advisory lock of PostgreSQL that a transaction holds from its first append to its end."""


class Conflict(Exception):
    """Another transaction has appended to the stream meanwhile: load it again and decide anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """An event in the store.

    Args:
        position: among all events, from 1, without gaps.
        version: among the events of its order, from 1, without gaps.
    """

    position: int
    order_id: str
    version: int
    event: OrderEvent
    recorded_at: datetime


class EventStore:
    """Streams of events by order; every method works in the caller's transaction.

    Positions are in the order of commits, so that a reader that has seen position n has seen all before it.
    On PostgreSQL, where transactions commit in any order, an appending transaction therefore holds an
    advisory lock until its end, and numbers its events on from the last committed one; so let `append` be
    among the last statements of a transaction. SQLite has only one writer at a time anyway.
    """

    def __init__(
        self,
        metadata: sa.MetaData,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._now = now
        self._snapshot_every = snapshot_every
        self.appended = CommitSignal("order_events")
        """Given by each commit with events."""
        self.events = sa.Table(
            "order_events",
            metadata,
            sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("order_id", sa.String(36), nullable=False),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("type", sa.String(64), nullable=False),
            sa.Column("schema_version", sa.Integer, nullable=False),
            sa.Column("data", sa.JSON, nullable=False),
            sa.Column("recorded_at", Moment, nullable=False),
            sa.UniqueConstraint("order_id", "version", name="order_events_of_order"),
        )
        self.snapshots = sa.Table(
            "order_snapshots",
            metadata,
            sa.Column("order_id", sa.String(36), primary_key=True),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("schema_version", sa.Integer, nullable=False),
            sa.Column("state", sa.JSON, nullable=False),
        )
        self._queries = _Queries.of(self.events, self.snapshots)

    async def append(
        self, tx: AsyncConnection, order_id: str, expected_version: int, events: Sequence[OrderEvent]
    ) -> int:
        """Append events to a stream; returns the position of the last one.

        Args:
            tx: a write transaction.
            order_id: the stream.
            expected_version: of the last event that the caller has seen in it; 0 for a new stream.
            events: at least one.

        Raises:
            Conflict: the stream is at another version.
        """
        if tx.dialect.name == "postgresql":
            lock = sa.func.pg_advisory_xact_lock(APPEND_LOCK)
            await tx.execute(sa.select(lock, self.appended.notification))
        self.appended.after_commit(tx)
        last, version = await self._ends(tx, order_id)
        if version != expected_version:
            raise Conflict(f"order {order_id} is at version {version}, not at {expected_version}")
        recorded_at = self._now()
        rows = [
            {
                "position": last + number,
                "order_id": order_id,
                "version": expected_version + number,
                "type": event.NAME,
                "schema_version": event.SCHEMA,
                "data": encode(event),
                "recorded_at": recorded_at,
            }
            for number, event in enumerate(events, 1)
        ]
        await tx.execute(self.events.insert(), rows)
        if (version + len(rows)) // self._snapshot_every > version // self._snapshot_every:
            await self._save_snapshot(tx, order_id)
        return last + len(rows)

    async def load(self, tx: AsyncConnection, order_id: str) -> tuple[Order | None, int]:
        """An order and its version; None and 0 when there is none."""
        events = await self._read(tx, self._queries.since_snapshot, order_id=order_id)
        order, version = None, 0
        if events and events[0].version > 1:  # most streams are short: they have no snapshot
            order, version = await self._snapshot(tx, order_id)
        for recorded in events:
            if recorded.version > version:
                order, version = fold([recorded.event], order, order_id), recorded.version
        return order, version

    async def history(self, tx: AsyncConnection, order_id: str) -> list[Recorded]:
        """The events of one order, oldest first."""
        return await self._read(tx, self._queries.history, order_id=order_id)

    async def read(self, tx: AsyncConnection, after_position: int, limit: int) -> list[Recorded]:
        """The next events of all orders after a position: none that comes before them is still to come."""
        return await self._read(tx, self._queries.after, after=after_position, limit=limit)

    async def read_orders(self, tx: AsyncConnection, after_position: int, limit: int) -> list[Recorded]:
        """All events of the next orders that began after a position, order by order."""
        return await self._read(tx, self._queries.of_orders_after, after=after_position, limit=limit)

    async def last_position(self, tx: AsyncConnection) -> int:
        """The position of the newest event; 0 when there is none."""
        return int((await tx.execute(self._queries.last_position)).scalar_one())

    async def recorded_at(self, tx: AsyncConnection, position: int) -> datetime | None:
        """When the event at a position was stored; None when there is none yet."""
        query = sa.select(self.events.c.recorded_at).where(self.events.c.position == position)
        recorded_at: datetime | None = await tx.scalar(query)
        return recorded_at

    async def position(self, tx: AsyncConnection, order_id: str) -> int:
        """The position of an order's last event; 0 when there is none."""
        return int((await tx.execute(self._queries.position, {"order_id": order_id})).scalar_one())

    async def _ends(self, tx: AsyncConnection, order_id: str) -> tuple[int, int]:
        """The last position of all and the last version of this order; 0 where there is none."""
        row = (await tx.execute(self._queries.ends, {"order_id": order_id})).one()
        return row[0], row[1]

    async def _read(self, tx: AsyncConnection, query: sa.Select[Any], **parameters: Any) -> list[Recorded]:
        return [_recorded(row) for row in await tx.execute(query, parameters)]

    async def _snapshot(self, tx: AsyncConnection, order_id: str) -> tuple[Order | None, int]:
        row = (await tx.execute(self._queries.snapshot, {"order_id": order_id})).one_or_none()
        return (None, 0) if row is None else (msgspec.convert(row.state, Order), row.version)

    async def _save_snapshot(self, tx: AsyncConnection, order_id: str) -> None:
        order, version = await self.load(tx, order_id)
        row = {
            "order_id": order_id,
            "version": version,
            "schema_version": SNAPSHOT_SCHEMA,
            "state": msgspec.to_builtins(order),
        }
        await tx.execute(self.snapshots.delete().where(self.snapshots.c.order_id == order_id))
        await tx.execute(self.snapshots.insert().values(row))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Queries:
    """The store's queries, made once: to make one costs more than to run it."""

    history: sa.Select[Any]
    since_snapshot: sa.Select[Any]
    """The events from that of the snapshot on; all when there is none."""
    snapshot: sa.Select[Any]
    after: sa.Select[Any]
    of_orders_after: sa.Select[Any]
    position: sa.Select[Any]
    last_position: sa.Select[Any]
    ends: sa.Select[Any]

    @classmethod
    def of(cls, events: sa.Table, snapshots: sa.Table) -> "_Queries":
        """The queries of these tables; their parameters are `order_id`, `after` and `limit`."""
        order_id: sa.BindParameter[str] = sa.bindparam("order_id")
        history = sa.select(events).where(events.c.order_id == order_id).order_by(events.c.version)
        usable = (snapshots.c.order_id == order_id) & (snapshots.c.schema_version == SNAPSHOT_SCHEMA)
        of_snapshot = sa.select(snapshots.c.version).where(usable).scalar_subquery()
        version = sa.select(sa.func.max(events.c.version)).where(events.c.order_id == order_id)
        last_position = sa.func.coalesce(sa.func.max(events.c.position), 0)
        later = sa.select(events).where(events.c.position > sa.bindparam("after"))
        begun = sa.select(events.c.order_id, events.c.position.label("began"))
        begun = begun.where(events.c.position > sa.bindparam("after"), events.c.version == 1)
        orders = begun.order_by(events.c.position).limit(sa.bindparam("limit")).subquery()
        of_orders = sa.select(events).join(orders, orders.c.order_id == events.c.order_id)
        return cls(
            history=history,
            since_snapshot=history.where(events.c.version >= sa.func.coalesce(of_snapshot, 0)),
            snapshot=sa.select(snapshots.c.version, snapshots.c.state).where(usable),
            after=later.order_by(events.c.position).limit(sa.bindparam("limit")),
            of_orders_after=of_orders.order_by(orders.c.began, events.c.version),
            position=sa.select(last_position).where(events.c.order_id == order_id),
            last_position=sa.select(last_position),
            ends=sa.select(last_position, sa.func.coalesce(version.scalar_subquery(), 0)),
        )


def _recorded(row: sa.Row[Any]) -> Recorded:
    return Recorded(
        position=row.position,
        order_id=row.order_id,
        version=row.version,
        event=upcast(row.type, row.schema_version, row.data),
        recorded_at=row.recorded_at,
    )
