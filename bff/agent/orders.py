"""The customer's orders: the latest ones, how one is getting on, and cancelling it."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from bff.agent import CHECKOUT_BUDGET, OPTIONAL_TIMEOUT, READ_BUDGET, SHOP
from bff.clients.common import Money
from bff.clients.ordering import Order, OrderList
from bff.clients.shipping import TrackingEvent
from bff.shared.orders import order_pages
from frontispiece.pages import TaskState, Tool

BY_CUSTOMER = "cancelled-by-customer"
"""The reason of an order that its customer has cancelled."""

every, one, cancel = order_pages(read_deadline=2.0, cancel_deadline=3.0, optional_timeout=OPTIONAL_TIMEOUT)
every.agent = Tool("list orders", scopes=SHOP, budget=READ_BUDGET, paged="items")
one.agent = Tool("show order", scopes=SHOP, uri="order:{order_id}", budget=READ_BUDGET, paged="lines")
cancel.agent = Tool(
    "cancel order", "Cancels an order that is not on its way yet.", scopes=SHOP, budget=CHECKOUT_BUDGET
)

pages = [every, one, cancel]


class OrderLine(Struct, frozen=True):
    """A product in a quantity."""

    sku: str
    name: str
    quantity: int


class OrderAnswer(Struct, frozen=True):
    """An order: `stage` is finer than `status`, `reason` says why it ended, `parcel` where it has been.

    `changed_at` is when it came to its stage.
    """

    order_id: str
    status: str
    stage: str | None
    reason: str | None
    placed_at: str
    changed_at: str
    lines: list[OrderLine]
    total: Money
    parcel: list[str]

    @property
    def id(self) -> str:
        """The order's id."""
        return self.order_id


class Entry(Struct, frozen=True):
    """An order among others."""

    order_id: str
    status: str
    placed_at: str
    total: Money
    parcel: str | None


class Entries(Struct, frozen=True):
    """Some orders, the newest first; `next` is the cursor of older ones."""

    items: list[Entry]
    next: str | None


@every.view
def listed(orders: OrderList, parcels: dict[str, str]) -> Entries:
    """The customer's orders, the newest first."""
    items = [
        Entry(each.id, each.status, each.placed_at.isoformat(), each.total, parcels.get(each.id))
        for each in orders.items
    ]
    return Entries(items=items, next=orders.next)


@one.view
def shown(order: Order, tracking: list[TrackingEvent]) -> OrderAnswer:
    """How an order is getting on, by its id."""
    return answer_of(order, tracking)


@cancel.view
def cancelled(order: Order) -> OrderAnswer:
    """The order that is being cancelled."""
    return answer_of(order)


def answer_of(order: Order, tracking: Sequence[TrackingEvent] = ()) -> OrderAnswer:
    """What agents are told of an order, whose parcel has come to these states."""
    return OrderAnswer(
        order_id=order.id,
        status=order.status,
        stage=order.stage,
        reason=order.reason,
        placed_at=order.placed_at.isoformat(),
        changed_at=(order.timeline[-1].at if order.timeline else order.placed_at).isoformat(),
        lines=[OrderLine(line.sku, line.name, line.quantity) for line in order.lines],
        total=order.total,
        parcel=[f"{event.at.isoformat()}: {event.status}" for event in tracking],
    )


def state_of(order: OrderAnswer) -> TaskState:
    """An order as a task, which ends with it; one that was refused on its way has failed."""
    status: Literal["working", "completed", "cancelled", "failed"] = "working"
    if order.status == "completed":
        status = "completed"
    elif order.status == "cancelled":
        status = "cancelled" if order.reason == BY_CUSTOMER else "failed"
    message = ": ".join(each for each in (order.stage or order.status, order.reason) if each)
    return TaskState(
        id=order.order_id, status=status, began=order.placed_at, changed=order.changed_at, message=message
    )
