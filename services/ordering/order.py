"""An order: its state, which is made of its events alone, and what its customer may do with it; no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from services.ordering.domain_events import (
    Authorised,
    CancellationStarted,
    Cancelled,
    Captured,
    Committed,
    Completed,
    Confirmed,
    Declined,
    Delivery,
    LeftToExpire,
    OrderEvent,
    PaymentCancelled,
    Placed,
    Reason,
    Released,
    ReservationExpired,
    ReservationRefused,
    Reserved,
    ShipmentCancelled,
    ShipmentCreated,
    ShipmentRefused,
    Step,
    StepStarted,
    Stuck,
)
from services.ordering.model import Bill, Status


class Stock(Enum):
    """How far the units are; `*_pending` while a reply of inventory is awaited."""

    NONE = "none"
    RESERVE_PENDING = "reserve_pending"
    RESERVED = "reserved"
    REFUSED = "refused"
    EXPIRED = "expired"
    COMMIT_PENDING = "commit_pending"
    COMMITTED = "committed"
    RELEASE_PENDING = "release_pending"
    RELEASED = "released"
    LEFT_TO_EXPIRE = "left_to_expire"


class Payment(Enum):
    """How far the payment is."""

    NONE = "none"
    AUTHORISE_PENDING = "authorise_pending"
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURE_PENDING = "capture_pending"
    CAPTURED = "captured"
    CANCEL_PENDING = "cancel_pending"
    CANCELLED = "cancelled"


class Shipment(Enum):
    """How far the delivery is."""

    NONE = "none"
    CREATE_PENDING = "create_pending"
    CREATED = "created"
    REFUSED = "refused"
    CANCEL_PENDING = "cancel_pending"
    CANCELLED = "cancelled"


Part = Stock | Payment | Shipment

PENDING: Final[dict[Step, Part]] = {
    Step.RESERVE: Stock.RESERVE_PENDING,
    Step.COMMIT: Stock.COMMIT_PENDING,
    Step.RELEASE: Stock.RELEASE_PENDING,
    Step.AUTHORISE: Payment.AUTHORISE_PENDING,
    Step.CAPTURE: Payment.CAPTURE_PENDING,
    Step.CANCEL_PAYMENT: Payment.CANCEL_PENDING,
    Step.CREATE_SHIPMENT: Shipment.CREATE_PENDING,
    Step.CANCEL_SHIPMENT: Shipment.CANCEL_PENDING,
}
"""The state in which each step waits for its reply."""

_STEPS: Final = {state: step for step, state in PENDING.items()}

AFTER: Final[dict[type[OrderEvent], Part]] = {
    Reserved: Stock.RESERVED,
    ReservationRefused: Stock.REFUSED,
    ReservationExpired: Stock.EXPIRED,
    Committed: Stock.COMMITTED,
    Released: Stock.RELEASED,
    LeftToExpire: Stock.LEFT_TO_EXPIRE,
    Authorised: Payment.AUTHORISED,
    Declined: Payment.DECLINED,
    Captured: Payment.CAPTURED,
    PaymentCancelled: Payment.CANCELLED,
    ShipmentRefused: Shipment.REFUSED,
    ShipmentCancelled: Shipment.CANCELLED,
}
"""The state after each event that concerns a part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One customer's order.

    `attempts` counts the commands sent for each step that has begun; `stuck` has the steps that wait for a
    person, and why; `reason` is known from the start of a cancellation; `captured` is the money that was
    taken, given back or not; `client` is empty where it is not known.
    """

    id: str
    owner: str
    digest: str
    bill: Bill
    coupon: str
    basket_version: int
    delivery: Delivery | None
    payment_token: str
    placed_at: datetime
    client: str = ""
    captured: int = 0
    status: Status = Status.PENDING
    stock: Stock = Stock.NONE
    payment: Payment = Payment.NONE
    shipment: Shipment = Shipment.NONE
    reason: Reason | None = None
    tracking_code: str = ""
    attempts: Mapping[Step, int] = field(default_factory=dict)
    stuck: Mapping[Step, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The amount to pay: goods after discounts, and delivery."""
        return self.bill.total + (self.delivery.amount if self.delivery else 0)

    @property
    def pending_steps(self) -> frozenset[Step]:
        """The steps whose replies are awaited."""
        parts = (self.stock, self.payment, self.shipment)
        return frozenset(_STEPS[part] for part in parts if part in _STEPS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Place the order with these particulars."""

    placed: Placed


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel the order, because its customer wishes so."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Send the commands of stuck steps again, because a person has removed the reason."""


Command = Place | Cancel | Retry


class UnknownOrder(Exception):
    """There is no such order."""


class TooLate(Exception):
    """The order is confirmed, and can no longer be cancelled."""


class KeyReused(Exception):
    """The order was placed by another request with the same idempotency key."""


def decide(order: Order | None, command: Command) -> list[OrderEvent]:
    """What a command makes happen; nothing where it has been carried out already.

    Raises:
        UnknownOrder: the command needs an order.
        TooLate: the order can no longer be cancelled.
        KeyReused: the order exists, and was placed by another request.
    """
    if isinstance(command, Place):
        if order is None:
            return [command.placed]
        if order.digest != command.placed.digest:
            raise KeyReused
        return []
    if order is None:
        raise UnknownOrder
    if isinstance(command, Retry):
        return [StepStarted(step=step) for step in order.stuck]
    if order.reason is not None:
        return []
    if order.status is not Status.PENDING:
        raise TooLate
    return [CancellationStarted(reason=Reason.CANCELLED_BY_CUSTOMER)]


def evolve(order: Order | None, event: OrderEvent, order_id: str = "") -> Order:
    """The order after an event; `order_id` is needed for the first one alone."""
    if isinstance(event, Placed):
        return _placed(order_id, event)
    assert order is not None, f"{event.NAME} happened to an order that was not placed"
    match event:
        case StepStarted(step=step, attempt=attempt):
            return _with_part(order, PENDING[step], attempts={**order.attempts, step: attempt})
        case ShipmentCreated(tracking_code=tracking_code):
            return _with_part(order, Shipment.CREATED, tracking_code=tracking_code)
        case Captured(amount=amount):
            return _with_part(order, Payment.CAPTURED, captured=amount)
        case _ if type(event) in AFTER:
            return _with_part(order, AFTER[type(event)])
    return replace(order, **_change(order, event))


def fold(events: Iterable[OrderEvent], order: Order | None = None, order_id: str = "") -> Order | None:
    """The order after these events, which follow the given state."""
    for event in events:
        order = evolve(order, event, order_id)
    return order


def _placed(order_id: str, event: Placed) -> Order:
    return Order(
        id=order_id,
        owner=event.owner,
        digest=event.digest,
        bill=Bill(currency=event.currency, lines=event.lines),
        coupon=event.coupon,
        basket_version=event.basket_version,
        delivery=event.delivery,
        payment_token=event.payment_token,
        placed_at=event.placed_at,
        client=event.client,
    )


def _change(order: Order, event: OrderEvent) -> dict[str, Any]:
    match event:
        case Confirmed():
            return {"status": Status.CONFIRMED}
        case Completed():
            return {"status": Status.COMPLETED}
        case CancellationStarted(reason=reason):
            return {"reason": reason}
        case Cancelled(reason=reason):
            return {"status": Status.CANCELLED, "reason": reason}
        case Stuck(step=step, reason=why):
            return {"stuck": {**order.stuck, step: why}}
    raise NotImplementedError(event.NAME)


def _with_part(order: Order, state: Part, **change: Any) -> Order:
    """The order with one part in a new state: none of its steps is stuck any longer."""
    names = {Stock: "stock", Payment: "payment", Shipment: "shipment"}
    stuck = {step: why for step, why in order.stuck.items() if type(PENDING[step]) is not type(state)}
    change[names[type(state)]] = state
    return replace(order, stuck=stuck, **change)
