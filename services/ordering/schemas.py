"""Orders as they leave ordering over HTTP."""

from datetime import datetime

from pydantic import BaseModel

from frontispiece.service import ResponseBody
from services.ordering.domain_events import Delivery, Reason
from services.ordering.model import Bill, OrderLine, Status
from services.ordering.read_store import Summary
from services.ordering.views import OrderView, Stage
from shop.money import Money


class LineBody(BaseModel):
    """One article of an order, at its price at the time of the order."""

    sku: str
    name: str
    quantity: int
    unit_price: Money
    percent_off: int
    total: Money


class AddressBody(ResponseBody):
    """Where an order is delivered."""

    name: str
    street: str
    postal_code: str
    city: str
    country: str


class PickupBody(ResponseBody):
    """The store where the customer picks an order up; `ready_at` is in the store's own time."""

    store: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    ready_at: datetime


class ShippingBody(BaseModel):
    """How and where an order is delivered; `tracking_code` is null until there is a shipment.

    `pickup` is null unless the customer comes for the order: then it goes to that store.
    """

    method: str
    address: AddressBody
    price: Money
    tracking_code: str | None
    pickup: PickupBody | None


class MilestoneBody(ResponseBody):
    """A stage of an order, and when it came to it."""

    stage: Stage
    at: datetime


class OrderBody(BaseModel):
    """One of the caller's orders.

    A `pending` one may still be cancelled; `reason` says why it was, or is being, cancelled. `stage` is finer
    than `status`, and `timeline` has all stages so far. `shipping` is null for orders of the time before it.
    """

    id: str
    status: Status
    placed_at: datetime
    lines: list[LineBody]
    subtotal: Money
    discount: Money
    total: Money
    shipping: ShippingBody | None
    coupon: str | None
    stage: Stage
    reason: Reason | None
    timeline: list[MilestoneBody]


class OrderSummary(BaseModel):
    """One order in a list."""

    id: str
    status: Status
    placed_at: datetime
    pieces: int
    total: Money
    stage: Stage
    reason: Reason | None


def order_body(view: OrderView) -> OrderBody:
    """An order in full; its total counts goods after discounts, and shipping."""
    bill = view.bill
    return OrderBody(
        id=view.id,
        status=view.status,
        placed_at=view.placed_at,
        lines=[_line(bill, line) for line in bill.lines],
        subtotal=_money(bill, bill.subtotal),
        discount=_money(bill, bill.discount),
        total=_money(bill, view.total),
        shipping=None if view.delivery is None else _shipping(view, view.delivery),
        coupon=view.coupon or None,
        stage=view.stage,
        reason=view.reason,
        timeline=[MilestoneBody.of(milestone) for milestone in view.timeline],
    )


def order_summary(summary: Summary) -> OrderSummary:
    """An order in a list."""
    return OrderSummary(
        id=summary.id,
        status=summary.status,
        placed_at=summary.placed_at,
        pieces=summary.pieces,
        total=Money(amount=summary.total, currency=summary.currency),
        stage=summary.stage,
        reason=None if summary.reason is None else Reason(summary.reason),
    )


def _line(bill: Bill, line: OrderLine) -> LineBody:
    return LineBody(
        sku=line.sku,
        name=line.name,
        quantity=line.quantity,
        unit_price=_money(bill, line.unit_price),
        percent_off=line.percent_off,
        total=_money(bill, line.total),
    )


def _shipping(view: OrderView, delivery: Delivery) -> ShippingBody:
    return ShippingBody(
        method=delivery.method,
        address=AddressBody.of(delivery.address),
        price=_money(view.bill, delivery.amount),
        tracking_code=view.tracking_code or None,
        pickup=None if delivery.pickup is None else PickupBody.of(delivery.pickup),
    )


def _money(bill: Bill, amount: int) -> Money:
    return Money(amount=amount, currency=bill.currency)
