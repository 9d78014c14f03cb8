"""What a run has left in the ledgers of its services: databases, streams, files, and the customers' notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An order that a customer got a 202 for, and the total that the customer had agreed to."""

    order_id: str
    total: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order in ordering's log.

    Args:
        owner: its customer.
        basket_version: of the basket that was ordered; the owner's next basket has another one.
        lines: units by sku.
        total: of goods and delivery, in minor units.
        facts: what ordering tells others of it, in order: `placed`, `confirmed`, `completed`, `cancelled`.
    """

    id: str
    owner: str
    basket_version: int
    lines: Mapping[str, int]
    total: int
    currency: str
    facts: tuple[str, ...]

    @property
    def is_completed(self) -> bool:
        """Whether it is sold, on its way and paid."""
        return "completed" in self.facts


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A row of the acquirer's ledger that was approved: `authorise`, `capture`, `void` or `refund`."""

    reference: str
    kind: str
    amount: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class Stock:
    """The units of an article: at the start of the run, and at its end."""

    start: int
    on_hand: int
    reserved: int


@dataclass(frozen=True, kw_only=True)
class Message:
    """An event in the stream."""

    id: str
    type: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """What a service consumes.

    Args:
        types: of the events that it is subscribed to.
        handled: ids in its inbox.
    """

    types: frozenset[str]
    handled: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Ledgers:
    """All ledgers of a run.

    Args:
        accepted: the customers' notes.
        orders: ordering's log.
        operations: the acquirer's ledger.
        stock: inventory's, by sku.
        lowest: the lowest number of available units of any article at any time.
        outboxes: events that wait to be published, by service.
        published: the stream of events.
        unhandled: messages that wait at the broker, by stream or consumer.
        parked: messages that a service has given up.
        consumers: by service.
        read_model: rows by table, as they are served.
        projection: the same tables, made of the log anew.
        notifications: the keys of all that was sent to customers.
    """

    accepted: Sequence[Accepted] = ()
    orders: Mapping[str, Order] = field(default_factory=dict)
    operations: Sequence[Operation] = ()
    stock: Mapping[str, Stock] = field(default_factory=dict)
    lowest: int = 0
    outboxes: Mapping[str, int] = field(default_factory=dict)
    published: Sequence[Message] = ()
    unhandled: Mapping[str, int] = field(default_factory=dict)
    parked: Sequence[str] = ()
    consumers: Mapping[str, Consumer] = field(default_factory=dict)
    read_model: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    projection: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    notifications: Sequence[str] = ()
