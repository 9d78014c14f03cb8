"""The transactional outbox: events wait in the service's own database until the broker has them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from frontispiece.events.envelope import (
    MAX_BODY_BYTES,
    D,
    Event,
    EventData,
    broker_subject,
    create_event,
    encode,
)
from frontispiece.events.fact_log import FactLog
from frontispiece.extras import extra
from frontispiece.stores import CommitSignal, Moment, insert

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxMessage:
    """An event as the broker takes it.

    Args:
        id: of the event; the broker drops a second message with it.
        subject: id of the aggregate, whose messages are published in order.
        broker_subject: what it is published to.
        body: the CloudEvent in JSON.
    """

    id: str
    subject: str
    broker_subject: str
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxLag:
    """How far the broker is behind the database.

    Args:
        waiting: number of events that are not published yet.
        oldest: age of the first of them; zero when there are none.
    """

    waiting: int
    oldest: timedelta


class Outbox:
    """The events that a service has to publish, stored with the changes that they tell of.

    Args:
        metadata: of the service's database, which gets a table `outbox`.
        source: the service's name.
        log: stores the events for longer than until they are published.

    Example:
        outbox = Outbox(metadata, source="store")

        async with database.write() as tx:
            await tx.execute(things.insert().values(id=thing))
            await outbox.add(tx, Added(thing=thing, quantity=1), subject=thing)
    """

    def __init__(self, metadata: sa.MetaData, source: str, *, log: FactLog | None = None) -> None:
        self.source = source
        self._log = log
        self.added = CommitSignal("outbox")
        """The signal of each commit with events."""
        self.table = sa.Table(
            "outbox",
            metadata,
            sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
            sa.Column("id", sa.String(200), nullable=False, unique=True),
            sa.Column("subject", sa.String(200), nullable=False),
            sa.Column("broker_subject", sa.String(200), nullable=False),
            sa.Column("added_at", Moment, nullable=False),
            sa.Column("body", sa.LargeBinary, nullable=False),
        )
        table = self.table.c
        self._insertions: dict[str, sa.Insert] = {
            dialect: insert(self.table, dialect).on_conflict_do_nothing(index_elements=["id"])
            for dialect in ("postgresql", "sqlite")
        }
        # PostgreSQL delivers the notification at the commit: it wakes the relays of other processes
        self._insertions["postgresql"] = self._insertions["postgresql"].returning(self.added.notification)
        first = sa.select(table.id, table.subject, table.broker_subject, table.body)
        self._first = first.order_by(table.position).limit(sa.bindparam("limit"))
        self._deletion = self.table.delete().where(table.id.in_(sa.bindparam("ids", expanding=True)))

    async def add(
        self,
        tx: AsyncConnection,
        data: D,
        *,
        subject: str,
        id: str | None = None,  # noqa: A002 (CloudEvents' name)
    ) -> Event[D]:
        """Store an event within the write transaction of its change; the relay publishes it after the commit.

        Args:
            tx: of `Database.write`.
            data: what happened.
            subject: id of the aggregate that it is about.
            id: by default a random UUID; a second event with an id that still waits is not stored.

        Raises:
            ValueError: the event is larger than 512 KiB.
        """
        event = create_event(data, source=self.source, subject=subject, id=id)
        await self._insert(tx, [event])
        return event

    async def add_all(self, tx: AsyncConnection, new: Sequence[tuple[EventData, str]]) -> None:
        """Store many events in one statement; see `add`.

        Args:
            tx: of `Database.write`.
            new: what happened, each with the id of its aggregate.

        Raises:
            ValueError: an event is larger than 512 KiB.
        """
        if not new:
            return
        events = [create_event(data, source=self.source, subject=subject) for data, subject in new]
        await self._insert(tx, events)

    async def _insert(self, tx: AsyncConnection, events: Sequence[Event[Any]]) -> None:
        rows = [self._row(event) for event in events]
        # one row alone takes the shorter way through the driver
        await tx.execute(self._insertions[tx.dialect.name], rows if len(rows) > 1 else rows[0])
        if self._log is not None:
            await self._log.record(tx, rows)
        self.added.after_commit(tx)

    def _row(self, event: Event[Any]) -> dict[str, Any]:
        body = encode(event)
        if len(body) > MAX_BODY_BYTES:
            raise ValueError(
                f"{event.type} of {event.subject} has {len(body)} bytes: at most {MAX_BODY_BYTES}"
            )
        return {
            "id": event.id,
            "subject": event.subject,
            "broker_subject": broker_subject(type(event.data)),
            "added_at": event.time,
            "body": body,
        }

    async def messages(
        self, tx: AsyncConnection, limit: int, *, without: Collection[str] = ()
    ) -> list[OutboxMessage]:
        """The first messages that wait, in the order of their publication.

        Args:
            tx: any transaction.
            limit: their greatest number.
            without: aggregates whose messages are left out.
        """
        query = self._first
        if without:
            query = query.where(self.table.c.subject.not_in(without))
        rows = await tx.execute(query, {"limit": limit})
        return [OutboxMessage(**row._mapping) for row in rows]

    async def delete(self, tx: AsyncConnection, ids: Sequence[str]) -> None:
        """Delete published messages.

        By id: a position may have been given to another message since a relay that was suspended read it.
        """
        await tx.execute(self._deletion, {"ids": ids})

    async def lag(self, tx: AsyncConnection) -> OutboxLag:
        """How far the broker is behind."""
        table = self.table.c
        row = (await tx.execute(sa.select(sa.func.count(), sa.func.min(table.added_at)))).one()
        waiting, first = row
        oldest = timedelta() if first is None else max(datetime.now(UTC) - first, timedelta())
        return OutboxLag(waiting=waiting, oldest=oldest)
