"""The web client's orders: list them, see one in full, follow or cancel it."""

from msgspec import structs

from bff.clients.models import Order, OrderList, TrackingEvent
from bff.shared.sources import RETRY, cancelled_order, order, order_events, order_path, orders, tracking
from bff.web import OPTIONAL_TIMEOUT
from frontispiece.pages import Page
from frontispiece.upstream import Reply

every = Page("/orders", deadline=2.0)
one = Page("/orders/{order_id}", deadline=2.0)
cancel = Page("/orders/{order_id}/cancel", deadline=4.0, method="POST", status=202, location=order_path)
events = Page("/orders/{order_id}/events", deadline=2.0)

every.source(retry=RETRY)(orders)
one.source(retry=RETRY)(order)
one.source(timeout=OPTIONAL_TIMEOUT, fallback=list)(tracking)
cancel.source(name="order")(cancelled_order)
events.source(name="events")(order_events)


class TrackedOrder(Order, frozen=True, kw_only=True):
    """An order, and where its parcel has been, the oldest event first."""

    tracking: list[TrackingEvent]


@every.view
def order_list(orders: OrderList) -> OrderList:
    """The caller's orders, newest first."""
    return orders


@one.view
def order_page(order: Order, tracking: list[TrackingEvent]) -> TrackedOrder:
    """One order, with every line and every state of its parcel."""
    return TrackedOrder(**structs.asdict(order), tracking=tracking)


@cancel.view
def cancelled_order_page(order: Order) -> Order:
    """The order that is being cancelled, with every line."""
    return order


@events.view
def order_stream(events: Reply) -> Reply:
    """The stages that an order comes to, as server-sent events, until it is completed or cancelled."""
    return events


pages = [every, one, cancel, events]
