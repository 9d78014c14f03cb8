"""Facts and commands for notification, and senders that fail or die when a test wants it."""

from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from mailbox import Maildir
from pathlib import Path
from typing import Final

from frontispiece.events import Event
from services.notification.events import (
    OrderCancelled,
    OrderConfirmed,
    SendNotification,
    ShipmentDelivered,
    ShipmentDispatched,
)
from services.notification.model import Channel, Message
from services.notification.store import Store, outbox
from tests.support.events import event, published

ORDER: Final = "5f0c7a5e-6f0e-4b53-9d0b-3a1c8e6f2d47"
MESSAGE: Final = Message(
    key=f"{ORDER}:order-confirmed:mail",
    order_id=ORDER,
    owner="reader",
    kind="order-confirmed",
    channel=Channel.MAIL,
    title="Your order is confirmed",
    text="Thank you.",
)


class Died(BaseException):
    """The process was killed: nothing of it runs any more."""


@dataclass
class Recorder:
    """A sender that keeps what it sends, after or before it raises what a test wants."""

    sent: list[Message] = field(default_factory=list)
    before: list[BaseException] = field(default_factory=list)
    after: list[BaseException] = field(default_factory=list)

    def send(self, message: Message) -> None:
        """Keep the message."""
        if self.before:
            raise self.before.pop()
        self.sent.append(message)
        if self.after:
            raise self.after.pop()


def confirmed(order_id: str = ORDER) -> Event[OrderConfirmed]:
    """Ordering's fact that an order is confirmed."""
    data = OrderConfirmed(order_id=order_id, owner="reader", currency="EUR", total=4425)
    return event(data, subject=order_id)


def cancelled(reason: str) -> Event[OrderCancelled]:
    """Ordering's fact that an order was cancelled."""
    return event(OrderCancelled(order_id=ORDER, owner="reader", reason=reason), subject=ORDER)


def dispatched(store: str = "") -> Event[ShipmentDispatched]:
    """Shipping's fact that an order is on its way."""
    data = ShipmentDispatched(order_id=ORDER, owner="reader", tracking_code="FR000000000001", store=store)
    return event(data, subject=ORDER)


def delivered(store: str = "") -> Event[ShipmentDelivered]:
    """Shipping's fact that an order is where it was sent."""
    return event(ShipmentDelivered(order_id=ORDER, owner="reader", store=store), subject=ORDER)


def command(key: str = MESSAGE.key, channel: Channel = MESSAGE.channel) -> Event[SendNotification]:
    """The command to send a message."""
    data = SendNotification(
        order_id=ORDER,
        owner=MESSAGE.owner,
        kind=MESSAGE.kind,
        key=key,
        channel=channel,
        title=MESSAGE.title,
        text=MESSAGE.text,
    )
    return event(data, subject=ORDER)


def read(folder: Path) -> list[EmailMessage]:
    """The mails of a maildir, as a mail program reads them."""
    return [message_from_bytes(each.as_bytes(), policy=policy.default) for each in Maildir(folder)]


async def commands(store: Store) -> list[Event[SendNotification]]:
    """The commands in the outbox, in order."""
    return await published(store.database, outbox)


async def states(store: Store) -> list[str]:
    """The states of the messages about the order, by key."""
    return [delivery.state for delivery in await store.deliveries(ORDER)]
