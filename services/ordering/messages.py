"""From an order's own events to the messages of the checkout, and from replies back to events."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from frontispiece.events import EventData
from services.ordering import domain_events as domain
from services.ordering import events
from services.ordering.domain_events import OrderEvent, Reason, Step
from services.ordering.order import Order

RESERVATION_SECONDS: Final = 900
"""How long inventory holds units that are not committed: longer than all attempts until `confirmed` take."""


def messages_of(order: Order, event: OrderEvent) -> list[EventData]:
    """The facts and commands to be published for an event of this order, which is as after it."""
    match event:
        case domain.StepStarted(step=step):
            return [_COMMANDS[step](order)]
        case domain.Placed():
            return [_placed(order)]
        case domain.Confirmed():
            return [
                events.OrderConfirmed(
                    order_id=order.id, owner=order.owner, currency=order.bill.currency, total=order.total
                )
            ]
        case domain.Completed():
            return [
                events.OrderCompleted(
                    order_id=order.id, owner=order.owner, lines=_lines(order), captured=order.captured
                )
            ]
        case domain.Cancelled(reason=reason):
            return [_cancelled(order, reason)]
    return []


def _placed(order: Order) -> EventData:
    return events.OrderPlaced(
        order_id=order.id,
        owner=order.owner,
        lines=order.bill.lines,
        currency=order.bill.currency,
        total=order.total,
        coupon=order.coupon,
        basket_version=order.basket_version,
        placed_at=order.placed_at,
        client=order.client,
    )


def _cancelled(order: Order, reason: Reason) -> EventData:
    return events.OrderCancelled(
        order_id=order.id,
        owner=order.owner,
        reason=reason,
        lines=_lines(order),
        restore_basket=reason is not Reason.CANCELLED_BY_CUSTOMER,
        coupon=order.coupon,
        refunded=order.captured,
    )


def _lines(order: Order) -> tuple[events.Line, ...]:
    return tuple(events.Line(sku=line.sku, quantity=line.quantity) for line in order.bill.lines)


def _create_shipment(order: Order) -> EventData:
    assert order.delivery is not None
    return events.CreateShipment(
        order_id=order.id,
        owner=order.owner,
        method=order.delivery.method,
        address=order.delivery.destination,
        lines=_lines(order),
        store=order.delivery.pickup.name if order.delivery.pickup else "",
    )


_COMMANDS: Final[Mapping[Step, Callable[[Order], EventData]]] = {
    Step.RESERVE: lambda order: events.ReserveStock(
        order_id=order.id, lines=_lines(order), ttl_seconds=RESERVATION_SECONDS
    ),
    Step.COMMIT: lambda order: events.CommitStock(order_id=order.id),
    Step.RELEASE: lambda order: events.ReleaseStock(order_id=order.id),
    Step.AUTHORISE: lambda order: events.AuthorisePayment(
        order_id=order.id,
        owner=order.owner,
        amount=order.total,
        currency=order.bill.currency,
        payment_token=order.payment_token,
    ),
    Step.CAPTURE: lambda order: events.CapturePayment(order_id=order.id),
    Step.CANCEL_PAYMENT: lambda order: events.CancelPayment(order_id=order.id),
    Step.CREATE_SHIPMENT: _create_shipment,
    Step.CANCEL_SHIPMENT: lambda order: events.CancelShipment(order_id=order.id),
}

_EVENTS: Final[Mapping[type[EventData], Callable[[Any], OrderEvent]]] = {
    events.StockReserved: lambda _: domain.Reserved(),
    events.ReservationRefused: lambda reply: domain.ReservationRefused(
        reason=reply.reason, shortages=reply.shortages
    ),
    events.ReservationExpired: lambda _: domain.ReservationExpired(),
    events.StockCommitted: lambda _: domain.Committed(),
    events.StockReleased: lambda _: domain.Released(),
    events.PaymentAuthorised: lambda _: domain.Authorised(),
    events.PaymentDeclined: lambda reply: domain.Declined(reason=reply.reason),
    events.PaymentCaptured: lambda reply: domain.Captured(amount=reply.amount),
    events.PaymentVoided: lambda _: domain.PaymentCancelled(),
    events.PaymentRefunded: lambda _: domain.PaymentCancelled(),
    events.ShipmentCreated: lambda reply: domain.ShipmentCreated(
        shipment_id=reply.shipment_id, tracking_code=reply.tracking_code
    ),
    events.ShipmentRefused: lambda reply: domain.ShipmentRefused(reason=reply.reason),
    events.ShipmentCancelled: lambda _: domain.ShipmentCancelled(),
}

REPLIES: Final = frozenset(_EVENTS)
"""The types of the replies that the checkout waits for."""


def event_of(reply: EventData) -> OrderEvent:
    """What a reply says has happened to its order."""
    return _EVENTS[type(reply)](reply)
