"""The mobile client's orders: seeing them all, seeing one, following or cancelling it."""

from collections.abc import Sequence

from msgspec import Struct

from bff.clients.ordering import Order, OrderList, Orders, OrderShipping, Pickup
from bff.clients.shipping import TrackingEvent
from bff.mobile import OPTIONAL_TIMEOUT
from bff.mobile.localization import Localization, localization
from bff.shared.orders import order_pages
from frontispiece.pages import Header, Page
from frontispiece.security import Identity
from frontispiece.upstream import Reply


class OrderEntry(Struct, frozen=True, omit_defaults=True):
    """An order among others; `reason` says why it was cancelled, `parcel` how its parcel is, if known."""

    id: str
    status: str
    date: str
    pieces: int
    total: str
    reason: str | None = None
    parcel: str | None = None


class OrderEntries(Struct, frozen=True, omit_defaults=True):
    """Some orders, newest first, and the way to older ones."""

    items: list[OrderEntry]
    next: str | None = None


class BoughtLine(Struct, frozen=True):
    """A product in a quantity, and its price."""

    sku: str
    name: str
    quantity: int
    total: str


class ParcelEvent(Struct, frozen=True):
    """A state that a parcel has come to, and on which day."""

    status: str
    date: str


class Store(Struct, frozen=True):
    """Where an order is picked up, and from when in the store's own time."""

    name: str
    address: str
    ready: str


class Parcel(Struct, frozen=True, omit_defaults=True):
    """How an order comes, and to whom; `tracking` says where it has been, the oldest event first.

    With `pickup` the customer comes for it to a store.
    """

    method: str
    price: str
    to: str
    tracking_code: str | None = None
    pickup: Store | None = None
    tracking: list[ParcelEvent] = []


class OrderScreen(Struct, frozen=True, omit_defaults=True):
    """One order; `saved` is what discounts took off, if any did.

    `stage` is finer than `status`; `reason` says why it is, or is being, cancelled.
    """

    id: str
    status: str
    date: str
    lines: list[BoughtLine]
    total: str
    saved: str | None = None
    shipping: Parcel | None = None
    stage: str | None = None
    reason: str | None = None


every, one, cancel = order_pages(
    read_deadline=2.0, cancel_deadline=3.0, optional_timeout=OPTIONAL_TIMEOUT, vary=("accept-language",)
)
events = Page("/orders/{order_id}/events", deadline=2.0)
pages = (every, one, cancel, events)
for page in (every, one, cancel):
    page.source()(localization)


@events.source(name="events")
async def order_events(
    order_id: str, _caller: Identity, ordering: Orders, last_event_id: Header[str | None] = None
) -> Reply:
    """What happens to one of the caller's orders after the event that `Last-Event-ID` names."""
    return await ordering.events(order_id, last_event_id)


@events.view
def order_stream(events: Reply) -> Reply:
    """The stages that an order comes to, as server-sent events, until it is completed or cancelled."""
    return events


@every.view
def order_list(orders: OrderList, parcels: dict[str, str], localization: Localization) -> OrderEntries:
    """The caller's orders, newest first, and how their parcels are."""
    entries = [
        OrderEntry(
            id=order.id,
            status=order.status,
            date=localization.date(order.placed_at),
            pieces=order.pieces,
            total=localization.price(order.total),
            reason=order.reason,
            parcel=parcels.get(order.id),
        )
        for order in orders.items
    ]
    return OrderEntries(items=entries, next=orders.next)


@one.view
def order_screen(order: Order, tracking: list[TrackingEvent], localization: Localization) -> OrderScreen:
    """One order."""
    return screen_of(order, localization, tracking)


@cancel.view
def cancelled_order_screen(order: Order, localization: Localization) -> OrderScreen:
    """The order that is being cancelled."""
    return screen_of(order, localization)


def screen_of(
    order: Order, localization: Localization, tracking: Sequence[TrackingEvent] = ()
) -> OrderScreen:
    """The screen of an order, whose parcel has come to these states."""
    return OrderScreen(
        id=order.id,
        status=order.status,
        date=localization.date(order.placed_at),
        lines=[
            BoughtLine(
                sku=line.sku, name=line.name, quantity=line.quantity, total=localization.price(line.total)
            )
            for line in order.lines
        ],
        total=localization.price(order.total),
        saved=localization.price(order.discount) if order.discount.amount else None,
        shipping=_parcel(order.shipping, tracking, localization) if order.shipping else None,
        stage=order.stage,
        reason=order.reason,
    )


def _parcel(shipping: OrderShipping, tracking: Sequence[TrackingEvent], localization: Localization) -> Parcel:
    return Parcel(
        method=shipping.method,
        price=localization.price(shipping.price),
        to=f"{shipping.address.name}, {shipping.address.city}",
        pickup=_store(shipping.pickup, localization) if shipping.pickup else None,
        tracking_code=shipping.tracking_code,
        tracking=[ParcelEvent(status=event.status, date=localization.date(event.at)) for event in tracking],
    )


def _store(pickup: Pickup, localization: Localization) -> Store:
    return Store(
        name=pickup.name,
        address=f"{pickup.street}, {pickup.postal_code} {pickup.city}",
        ready=localization.local_moment(pickup.ready_at),
    )
