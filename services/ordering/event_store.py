"""The streams of orders, append-only, in ordering's own database."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.shards import bucket_for
from frontispiece.stores import CommitSignal, Moment
from services.ordering.domain_events import BucketRemoved, OrderEvent, Placed, encode
from services.ordering.order import Order, fold
from services.ordering.upcasting import upcast

SNAPSHOT_EVERY: Final = 50
"""Events of one stream between two snapshots."""

SNAPSHOT_SCHEMA: Final = 2
"""Of `Order`: raised with every change of its fields, so that older snapshots are rebuilt."""

NO_BUCKET: Final = -1
"""The bucket of events that are about no order; they never move to another shard."""

MOVED_ALONE: Final = 10_000
"""By how many events an older version of ordering may have moved a stored position without its time."""

APPEND_LOCK: Final = 727180
"""The advisory lock of PostgreSQL that a transaction holds from its first append to its end."""


class Conflict(Exception):
    """Another transaction has appended to the stream meanwhile: load it again and decide anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """An event in the store.

    Args:
        position: among all events, from 1; the gaps are those of buckets that have moved to another shard.
        version: among the events of its order, from 1, without gaps.
    """

    position: int
    order_id: str
    version: int
    event: OrderEvent
    recorded_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """The last event of the log that a reader has seen: its position, and when it was stored.

    With both, it notices a log that was restored from a backup: another event is there, or none.
    """

    position: int = 0
    recorded_at: datetime | None = None


class LogReplaced(Exception):
    """The log does not have the event that its reader has seen last: it was restored from a backup."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(f"event {seen.position} is not in the log any more: it was restored from a backup")


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
            sa.Column("bucket", sa.SmallInteger, nullable=False, index=True),
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
        self._make_queries()

    def _make_queries(self) -> None:
        """Build the queries once: building one costs more than running it."""
        events, snapshots = self.events.c, self.snapshots.c
        order_id: sa.BindParameter[str] = sa.bindparam("order_id")
        of_order = events.order_id == order_id
        self._history = sa.select(self.events).where(of_order).order_by(events.version)
        usable = (snapshots.order_id == order_id) & (snapshots.schema_version == SNAPSHOT_SCHEMA)
        of_snapshot = sa.select(snapshots.version).where(usable).scalar_subquery()
        # the events from that of the snapshot on; all when there is none
        self._since_snapshot = self._history.where(events.version >= sa.func.coalesce(of_snapshot, 0))
        self._usable_snapshot = sa.select(snapshots.version, snapshots.state).where(usable)
        later = sa.select(self.events).where(events.position > sa.bindparam("after"))
        self._after = later.order_by(events.position).limit(sa.bindparam("limit"))
        last_position = sa.func.coalesce(sa.func.max(events.position), 0)
        self._last_position = sa.select(last_position)
        self._position = self._last_position.where(of_order)
        # the last position of all, the last version of the order, and its bucket; 0 where there is none
        ends = (sa.select(sa.func.max(each)).where(of_order) for each in (events.version, events.bucket))
        self._ends_of = sa.select(
            last_position, *(sa.func.coalesce(end.scalar_subquery(), 0) for end in ends)
        )

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
        await self.lock(tx)
        ends: tuple[int, int, int] = (await tx.execute(self._ends_of, {"order_id": order_id})).one()
        last, version, bucket = ends
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
                "bucket": bucket_for(events[0].owner) if isinstance(events[0], Placed) else bucket,
            }
            for number, event in enumerate(events, 1)
        ]
        await tx.execute(self.events.insert(), rows)
        if (version + len(rows)) // self._snapshot_every > version // self._snapshot_every:
            await self._save_snapshot(tx, order_id)
        return last + len(rows)

    async def lock(self, tx: AsyncConnection) -> None:
        """Keep others from appending until the transaction ends; its commit wakes the readers of the log."""
        if tx.dialect.name == "postgresql":
            lock = sa.func.pg_advisory_xact_lock(APPEND_LOCK)
            await tx.execute(sa.select(lock, self.appended.notification))
        self.appended.after_commit(tx)

    async def copy(self, tx: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows of another shard's log, in their order, without those that are here already."""
        await self.lock(tx)
        key = self.events.c.order_id, self.events.c.version
        named = [(row["order_id"], row["version"]) for row in rows]
        query = sa.select(*key).where(sa.tuple_(*key).in_(named))
        known = {(row.order_id, row.version) for row in await tx.execute(query)}
        new = [row for row, name in zip(rows, named, strict=True) if name not in known]
        last = await self.last_position(tx)
        if new:
            numbered = [{**row, "position": last + number} for number, row in enumerate(new, 1)]
            await tx.execute(self.events.insert(), numbered)

    async def record_removal(self, tx: AsyncConnection, bucket: int) -> None:
        """Append that the orders of a bucket leave, in the transaction that then deletes their rows."""
        await self.lock(tx)
        event, position = BucketRemoved(bucket=bucket), await self.last_position(tx) + 1
        row = {
            "position": position,
            "order_id": f"bucket {bucket} at {position}",
            "version": 1,
            "type": event.NAME,
            "schema_version": event.SCHEMA,
            "data": encode(event),
            "recorded_at": self._now(),
            "bucket": NO_BUCKET,
        }
        await tx.execute(self.events.insert(), row)

    async def load(self, tx: AsyncConnection, order_id: str) -> tuple[Order | None, int]:
        """An order and its version; None and 0 when there is none."""
        events = await self._read(tx, self._since_snapshot, order_id=order_id)
        order, version = None, 0
        if events and events[0].version > 1:  # most streams are short: they have no snapshot
            order, version = await self._snapshot(tx, order_id)
        for recorded in events:
            if recorded.version > version:
                order, version = fold([recorded.event], order, order_id), recorded.version
        return order, version

    async def history(self, tx: AsyncConnection, order_id: str) -> list[Recorded]:
        """The events of one order, oldest first."""
        return await self._read(tx, self._history, order_id=order_id)

    async def read(self, tx: AsyncConnection, seen: Seen, limit: int) -> list[Recorded]:
        """The next events of all orders; no later commit adds one before them.

        Raises:
            LogReplaced: the log is not the one that was seen.
        """
        rows = (await tx.execute(self._after, {"after": seen.position - 1, "limit": limit + 1})).all()
        if seen.position and not rows:
            raise LogReplaced(seen)
        if rows and rows[0].position == seen.position:  # else its bucket has left since
            if seen.recorded_at not in {None, rows[0].recorded_at}:
                near = self.events.c.position.between(seen.position - MOVED_ALONE, seen.position)
                is_here = sa.exists().where(near, self.events.c.recorded_at == seen.recorded_at)
                if not await tx.scalar(sa.select(is_here)):  # else an older version moved the position alone
                    raise LogReplaced(seen)
            rows = rows[1:]
        return [_recorded(row) for row in rows[:limit]]

    async def read_facts(
        self, tx: AsyncConnection, after_position: int, limit: int, types: Collection[type[OrderEvent]]
    ) -> list[tuple[Recorded, list[Recorded]]]:
        """The next events of these types after a position, each with the events of its order up to it."""
        names = [each.NAME for each in types]
        query = self._after.where(self.events.c.type.in_(names))
        facts = await self._read(tx, query, after=after_position, limit=limit)
        of_orders = self.events.c.order_id.in_({fact.order_id for fact in facts})
        query = sa.select(self.events).where(of_orders).order_by(self.events.c.version)
        histories: defaultdict[str, list[Recorded]] = defaultdict(list)
        for recorded in await self._read(tx, query) if facts else []:
            histories[recorded.order_id].append(recorded)
        return [(fact, histories[fact.order_id][: fact.version]) for fact in facts]

    async def last_position(self, tx: AsyncConnection) -> int:
        """The position of the newest event; 0 when there is none."""
        return int((await tx.execute(self._last_position)).scalar_one())

    async def first_after(self, tx: AsyncConnection, position: int) -> Seen | None:
        """The next event after a position; None at the end."""
        events = self.events.c
        query = sa.select(events.position, events.recorded_at).where(events.position > position)
        row = (await tx.execute(query.order_by(events.position).limit(1))).one_or_none()
        return None if row is None else Seen(position=row.position, recorded_at=row.recorded_at)

    async def position(self, tx: AsyncConnection, order_id: str) -> int:
        """The position of an order's last event; 0 when there is none."""
        return int((await tx.execute(self._position, {"order_id": order_id})).scalar_one())

    async def _read(self, tx: AsyncConnection, query: sa.Select[Any], **parameters: Any) -> list[Recorded]:
        return [_recorded(row) for row in await tx.execute(query, parameters)]

    async def _snapshot(self, tx: AsyncConnection, order_id: str) -> tuple[Order | None, int]:
        row = (await tx.execute(self._usable_snapshot, {"order_id": order_id})).one_or_none()
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


def _recorded(row: sa.Row[Any]) -> Recorded:
    return Recorded(
        position=row.position,
        order_id=row.order_id,
        version=row.version,
        event=upcast(row.type, row.schema_version, row.data),
        recorded_at=row.recorded_at,
    )
