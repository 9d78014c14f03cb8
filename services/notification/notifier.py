"""From a fact to messages in the work queue, and from there to the customer.

Each message is sent at most once. A worker records that it is about to send it, sends it, and records that it
was sent. Where it dies:

- before the first record: nothing was sent, and the next delivery of the command sends it;
- between the two: nobody can know whether it was sent. The next delivery does not send it, and the table
  `deliveries` says `unconfirmed`;
- after the second: it was sent, and the next delivery does nothing.

A sender that fails has sent nothing: the first record is deleted, and the next delivery sends the message.
"""

import asyncio
import logging
from collections.abc import Mapping

from frontispiece.events import Event
from services.notification.events import (
    OrderCancelled,
    OrderConfirmed,
    SendNotification,
    ShipmentDelivered,
    ShipmentDispatched,
)
from services.notification.model import Channel, Kind, Message, State, key_of
from services.notification.senders import Sender
from services.notification.store import Store
from services.notification.texts import Language, price_in_words, reason_in_words, render

log = logging.getLogger(__name__)

Fact = Event[OrderConfirmed] | Event[OrderCancelled] | Event[ShipmentDispatched] | Event[ShipmentDelivered]


class Notifier:
    """Handles facts and commands.

    Args:
        store: of the service.
        senders: one for each channel.
        language: of the messages.
    """

    def __init__(self, store: Store, senders: Mapping[Channel, Sender], language: Language) -> None:
        self._store = store
        self._senders = senders
        self._language = language

    async def confirmed(self, event: Event[OrderConfirmed]) -> None:
        """Write to the customer of a confirmed order."""
        total = price_in_words(self._language, event.data.total, event.data.currency)
        await self._enqueue(event, Kind.CONFIRMED, total=total)

    async def cancelled(self, event: Event[OrderCancelled]) -> None:
        """Write to the customer of a cancelled order."""
        reason = reason_in_words(self._language, event.data.reason)
        await self._enqueue(event, Kind.CANCELLED, reason=reason)

    async def dispatched(self, event: Event[ShipmentDispatched]) -> None:
        """Write to the customer of a dispatched order, unless it goes to a store."""
        if event.data.store:
            await self._store.record(event)
        else:
            await self._enqueue(event, Kind.DISPATCHED, tracking_code=event.data.tracking_code)

    async def delivered(self, event: Event[ShipmentDelivered]) -> None:
        """Write to the customer of an order that a store has for pickup."""
        if event.data.store:
            await self._enqueue(event, Kind.READY, store=event.data.store)
        else:
            await self._store.record(event)

    async def send(self, event: Event[SendNotification]) -> None:
        """Send a message, unless a worker has begun to send it before."""
        data = event.data
        message = Message(
            key=data.key,
            order_id=data.order_id,
            owner=data.owner,
            kind=data.kind,
            channel=data.channel,
            title=data.title,
            text=data.text,
        )
        state = await self._store.begin(message)
        if state is not None:
            if state is State.UNCONFIRMED:
                log.warning("Whether %s was sent is unknown: it is not sent again", message.key)
            await self._store.record(event)
            return
        try:
            await asyncio.to_thread(self._senders[message.channel].send, message)
        except OSError:
            await self._store.abandon(message.key)
            raise
        await self._store.sent(event)

    async def _enqueue(self, event: Fact, kind: Kind, **values: str) -> None:
        order_id = event.data.order_id
        title, text = render(self._language, kind, order_id=order_id, **values)
        messages = [
            Message(
                key=key_of(order_id, kind, channel),
                order_id=order_id,
                owner=event.data.owner,
                kind=kind,
                channel=channel,
                title=title,
                text=text,
            )
            for channel in Channel
        ]
        await self._store.enqueue(event, messages)
