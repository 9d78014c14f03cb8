"""Messages to customers and the states of their sending: the rules, without I/O."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote


class Channel(StrEnum):
    """How a message reaches its recipient."""

    MAIL = "mail"
    PUSH = "push"


class Kind(StrEnum):
    """What a message is about."""

    CONFIRMED = "order-confirmed"
    CANCELLED = "order-cancelled"
    DISPATCHED = "order-dispatched"
    READY = "order-ready"


class State(StrEnum):
    """The state of a message's sending.

    A message whose command comes again while it is `sending` becomes `unconfirmed`: the worker that began to
    send it may have died before or after, so that it was sent once or not at all. It is not sent again.
    """

    SENDING = "sending"
    SENT = "sent"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A text for one customer.

    Args:
        key: what makes it this message; a second one with the same key is not sent.
        owner: the customer.
    """

    key: str
    order_id: str
    owner: str
    kind: str
    channel: Channel
    title: str
    text: str

    @property
    def digest(self) -> str:
        """The key in letters and digits that any header or file name can hold."""
        return hashlib.sha256(self.key.encode()).hexdigest()

    @property
    def address(self) -> str:
        """The recipient's mail address: a stand-in that leads nowhere (RFC 2606), made of the owner's id.

        Identity keeps an address of each user and gives it to OAuth clients alone, not to services.
        """
        return f"{quote(self.owner, safe='')}@customers.invalid"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """What is recorded of the sending of a message."""

    key: str
    order_id: str
    owner: str
    kind: str
    channel: Channel
    state: State


def key_of(order_id: str, kind: Kind, channel: Channel) -> str:
    """The key of an order's only message of this kind by this channel."""
    return f"{order_id}:{kind}:{channel}"
