"""Notification's database: how far the sending of each message is, and the messages that led to it."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from frontispiece.events import AlreadyHandled, Event, Inbox, Outbox
from frontispiece.stores import Moment, SqlStore
from services.notification.events import SendNotification
from services.notification.model import Channel, Delivery, Message, State

metadata = sa.MetaData()

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("order_id", sa.String(36), nullable=False, index=True),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("begun_at", Moment, nullable=False),
    sa.Column("sent_at", Moment),
)

outbox = Outbox(metadata, source="notification")
inbox = Inbox(metadata)

_CHANGE = deliveries.update().where(deliveries.c.key == sa.bindparam("of"))
_DELIVERY = [deliveries.c[name] for name in Delivery.__dataclass_fields__]


class Store(SqlStore):
    """Deliveries in one database; every method is one transaction."""

    main_table = deliveries
    migrations = "services.notification.migrations"

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._insertion = self._insert(deliveries).on_conflict_do_nothing().returning(deliveries.c.key)

    async def enqueue(self, event: Event[Any], messages: Iterable[Message]) -> None:
        """Put a command for each message into the work queue, once for each event."""
        async with self.database.write() as tx:
            await inbox.record(tx, event)
            commands = [(SendNotification(**asdict(message)), message.order_id) for message in messages]
            await outbox.add_all(tx, commands)

    async def begin(self, message: Message) -> State | None:
        """Record that the message is about to be sent; the state of an earlier sending, or None."""
        row = {name: value for name, value in asdict(message).items() if name in deliveries.c}
        row |= {"state": State.SENDING, "begun_at": self._now()}
        async with self.database.write() as tx:
            if (await tx.execute(self._insertion, row)).first() is not None:
                return None
            of_key = deliveries.c.key == message.key
            in_doubt = deliveries.update().where(of_key, deliveries.c.state == State.SENDING)
            await tx.execute(in_doubt.values(state=State.UNCONFIRMED))
            return State((await tx.execute(sa.select(deliveries.c.state).where(of_key))).scalar_one())

    async def abandon(self, key: str) -> None:
        """Forget that a message was about to be sent: it was not."""
        async with self.database.write() as tx:
            await tx.execute(deliveries.delete().where(deliveries.c.key == key))

    async def sent(self, event: Event[SendNotification]) -> None:
        """Record that the message of a command was sent, and the command as handled."""
        sent = {"of": event.data.key, "state": State.SENT, "sent_at": self._now()}
        async with self.database.write() as tx:
            await tx.execute(_CHANGE, sent)
            with suppress(AlreadyHandled):  # by a delivery that came meanwhile, and did not know
                await inbox.record(tx, event)

    async def record(self, event: Event[Any]) -> None:
        """Record a message as handled.

        Raises:
            AlreadyHandled: it was before.
        """
        async with self.database.write() as tx:
            await inbox.record(tx, event)

    async def deliveries(self, order_id: str) -> list[Delivery]:
        """What was recorded of the messages about an order, by key."""
        query = sa.select(*_DELIVERY).where(deliveries.c.order_id == order_id).order_by(deliveries.c.key)
        async with self.database.read() as tx:
            rows = (await tx.execute(query)).all()
        return [
            Delivery(**{**row._mapping, "channel": Channel(row.channel), "state": State(row.state)})
            for row in rows
        ]
