"""The checkout as a process manager: what a reply or a time-out makes of an order, and what is sent next.

A pure function: the same order and cause have the same reaction. So whatever happens in between (a copy dies,
a message comes twice, late or in another order), the next cause carries on from the stored state.

    placed → reserve → authorise → confirmed → commit + create shipment → capture → completed

Until `confirmed`, what is refused, has no reply or is cancelled by the customer is undone backwards
(shipment, payment, stock), and the order is cancelled. After it, only a reservation that has expired or a
shipment that is refused does so; a command without a reply leaves the order stuck, for a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from frontispiece.events import EventData
from services.ordering import domain_events as domain
from services.ordering.domain_events import OrderEvent, Reason, Step, StepStarted
from services.ordering.messages import event_of, messages_of
from services.ordering.model import Status
from services.ordering.order import PENDING, Order, Part, Payment, Shipment, Stock, evolve

ATTEMPTS_BEFORE_CANCELLING: Final = 3
"""Commands without a reply after which a step that can be undone is undone."""

ATTEMPTS_BEFORE_STUCK: Final = 8
"""Commands without a reply after which any other step waits for a person."""

MAX_DELAY: Final = 60.0
"""Seconds to which the time-out of a step grows, doubled by each attempt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeout:
    """A step whose reply is awaited for `delay` seconds."""

    step: Step
    attempt: int
    delay: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedOut:
    """The reply to this attempt of a step did not come in time."""

    step: Step
    attempt: int


Cause = EventData | TimedOut


@dataclass(frozen=True, kw_only=True, slots=True)
class Reaction:
    """What follows from a cause.

    Args:
        order: after the events.
        events: to be appended to the order's stream; empty when the cause changes nothing.
        messages: facts and commands to be published.
        timeouts: to be set; each replaces the one of its step.
        settled: the steps that await a reply no longer.
    """

    order: Order
    events: Sequence[OrderEvent]
    messages: Sequence[EventData]
    timeouts: Sequence[Timeout]
    settled: frozenset[Step]


def react(order: Order, cause: Cause, reply_timeout: float) -> Reaction:
    """The reaction to a reply or a time-out; `reply_timeout` is in seconds, of a first attempt."""
    caused = _timed_out(order, cause) if isinstance(cause, TimedOut) else _replied(order, cause)
    return follow(order, caused, reply_timeout, order_id=order.id)


def follow(
    order: Order | None, decided: Sequence[OrderEvent], reply_timeout: float, *, order_id: str
) -> Reaction:
    """The reaction to events that have been decided on: these, and what they entail."""
    pending = order.pending_steps if order else frozenset()
    happened: list[OrderEvent] = []
    messages: list[EventData] = []
    while decided:
        for event in decided:
            order = evolve(order, event, order_id)
            messages += messages_of(order, event)
        happened += decided
        decided = _next(order) if order else []
    assert order is not None, "an order begins with an event"
    awaited = order.pending_steps
    return Reaction(
        order=order,
        events=happened,
        messages=messages,
        timeouts=[
            Timeout(step=event.step, attempt=event.attempt, delay=_delay(event.attempt, reply_timeout))
            for event in happened
            if isinstance(event, StepStarted) and event.step in awaited
        ],
        settled=pending - awaited,
    )


def _delay(attempt: int, reply_timeout: float) -> float:
    return float(min(reply_timeout * 2 ** (attempt - 1), max(MAX_DELAY, reply_timeout)))


ACCEPTED: Final[Mapping[type[OrderEvent], frozenset[Part]]] = {
    domain.Reserved: frozenset(
        {
            Stock.RESERVE_PENDING,
            Stock.REFUSED,
            Stock.RELEASED,
            Stock.LEFT_TO_EXPIRE,
        }
    ),
    domain.ReservationRefused: frozenset({Stock.RESERVE_PENDING}),
    domain.ReservationExpired: frozenset({Stock.RESERVE_PENDING, Stock.RESERVED, Stock.COMMIT_PENDING}),
    domain.Committed: frozenset({Stock.COMMIT_PENDING}),
    domain.Released: frozenset({Stock.RELEASE_PENDING, Stock.LEFT_TO_EXPIRE}),
    domain.Authorised: frozenset({Payment.AUTHORISE_PENDING, Payment.DECLINED, Payment.CANCELLED}),
    domain.Declined: frozenset({Payment.AUTHORISE_PENDING}),
    domain.Captured: frozenset({Payment.CAPTURE_PENDING}),
    domain.PaymentCancelled: frozenset({Payment.CANCEL_PENDING}),
    domain.ShipmentCreated: frozenset({Shipment.CREATE_PENDING, Shipment.REFUSED, Shipment.CANCELLED}),
    domain.ShipmentRefused: frozenset({Shipment.CREATE_PENDING}),
    domain.ShipmentCancelled: frozenset({Shipment.CANCEL_PENDING}),
}
"""The states in which a reply is news. In any other it was answered before, or by a command sent since: what
holds something for an order that is over is undone again, and everything else is dropped."""


def _replied(order: Order, reply: EventData) -> list[OrderEvent]:
    event = event_of(reply)
    parts = (order.stock, order.payment, order.shipment)
    return [event] if any(part in ACCEPTED[type(event)] for part in parts) else []


def _timed_out(order: Order, cause: TimedOut) -> list[OrderEvent]:
    step = cause.step
    if step not in order.pending_steps or step in order.stuck or order.attempts[step] != cause.attempt:
        return []
    harmless = step in _CANCELLING or (step is Step.RELEASE and Step.COMMIT not in order.attempts)
    if cause.attempt < (ATTEMPTS_BEFORE_CANCELLING if harmless else ATTEMPTS_BEFORE_STUCK):
        return [StepStarted(step=step, attempt=cause.attempt + 1)]
    if step in _CANCELLING:
        return [domain.CancellationStarted(reason=Reason.TIMED_OUT)]
    if harmless:
        return [domain.LeftToExpire()]
    return [domain.Stuck(step=step, reason=f"No reply to {cause.attempt} commands.")]


_CANCELLING: Final = frozenset({Step.RESERVE, Step.AUTHORISE})
"""The steps that cancel the order when they have no reply: those before `confirmed`."""


def _next(order: Order) -> list[OrderEvent]:
    """What the state of an order entails; nothing while a reply is awaited."""
    if order.reason is not None:
        return _backward(order, order.reason)
    refused = (part for part in (order.shipment, order.payment, order.stock) if part in _REASONS)
    if (part := next(refused, None)) is not None:
        return [domain.CancellationStarted(reason=_REASONS[part])]
    return _forward(order)


_REASONS: Final[Mapping[Part, Reason]] = {
    Stock.REFUSED: Reason.OUT_OF_STOCK,
    Stock.EXPIRED: Reason.TIMED_OUT,
    Payment.DECLINED: Reason.PAYMENT_DECLINED,
    Shipment.REFUSED: Reason.NOT_DELIVERABLE,
}
"""The states that end in a cancellation, and why."""


def _forward(order: Order) -> list[OrderEvent]:
    match order.stock, order.payment, order.shipment:
        case Stock.NONE, _, _:
            return [StepStarted(step=Step.RESERVE)]
        case Stock.RESERVED, Payment.NONE, _:
            return [StepStarted(step=Step.AUTHORISE)]
        case Stock.RESERVED, Payment.AUTHORISED, _:
            return [
                domain.Confirmed(),
                StepStarted(step=Step.COMMIT),
                StepStarted(step=Step.CREATE_SHIPMENT),
            ]
        case Stock.COMMITTED, Payment.AUTHORISED, Shipment.CREATED:
            return [StepStarted(step=Step.CAPTURE)]
        case _, Payment.CAPTURED, _ if order.status is not Status.COMPLETED:
            return [domain.Completed()]
    return []


def _backward(order: Order, reason: Reason) -> list[OrderEvent]:
    for part in (order.shipment, order.payment, order.stock):
        if part in _UNDO:
            return [StepStarted(step=_UNDO[part])]
        if part in _UNDOING:
            return []
    return [] if order.status is Status.CANCELLED else [domain.Cancelled(reason=reason)]


_UNDO: Final[Mapping[Part, Step]] = {
    Shipment.CREATE_PENDING: Step.CANCEL_SHIPMENT,
    Shipment.CREATED: Step.CANCEL_SHIPMENT,
    Payment.AUTHORISE_PENDING: Step.CANCEL_PAYMENT,
    Payment.AUTHORISED: Step.CANCEL_PAYMENT,
    Stock.RESERVE_PENDING: Step.RELEASE,
    Stock.RESERVED: Step.RELEASE,
    Stock.EXPIRED: Step.RELEASE,
    Stock.COMMIT_PENDING: Step.RELEASE,
    Stock.COMMITTED: Step.RELEASE,
}
"""What undoes a part in this state; a command whose reply is not known may have been carried out."""

_UNDOING: Final = frozenset(PENDING[step] for step in _UNDO.values())
