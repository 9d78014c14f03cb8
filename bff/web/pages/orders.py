"""The web client's orders: list them, see one in full, follow or cancel it."""

from msgspec import Struct, structs

from bff.clients.ordering import Order, OrderList, OrderSummary
from bff.clients.shipping import TrackingEvent
from bff.shared.orders import order_pages
from bff.web import OPTIONAL_TIMEOUT

pages = order_pages(read_deadline=2.0, cancel_deadline=4.0, optional_timeout=OPTIONAL_TIMEOUT)
every, one, cancel = pages


class TrackedOrder(Order, frozen=True, kw_only=True):
    """An order, and where its parcel has been, the oldest event first."""

    tracking: list[TrackingEvent]


class ListedOrder(OrderSummary, frozen=True, kw_only=True):
    """An order in the list; `parcel` is the state of its parcel, None while it is not known."""

    parcel: str | None


class ListedOrders(Struct, frozen=True):
    """Some orders, newest first."""

    items: list[ListedOrder]
    next: str | None


@every.view
def order_list(orders: OrderList, parcels: dict[str, str]) -> ListedOrders:
    """The caller's orders, newest first, and where their parcels are."""
    items = [ListedOrder(**structs.asdict(order), parcel=parcels.get(order.id)) for order in orders.items]
    return ListedOrders(items, orders.next)


@one.view
def order_page(order: Order, tracking: list[TrackingEvent]) -> TrackedOrder:
    """One order, with every line and every state of its parcel."""
    return TrackedOrder(**structs.asdict(order), tracking=tracking)


@cancel.view
def cancelled_order_page(order: Order) -> Order:
    """The order that is being cancelled, with every line."""
    return order
