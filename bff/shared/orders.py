"""Sources and pages of orders that every client shares.

Orders belong to a caller: their sources ask for one, so that a request without a token ends here with 401.
"""

from typing import Annotated, Protocol
from urllib.parse import quote

from msgspec import Meta

from bff.clients.ordering import Order, OrderList, Orders, Written
from bff.clients.shipping import Shipping, TrackingEvent
from bff.shared.sources import RETRY, Limit
from frontispiece.pages import Page, gather, set_response_header
from frontispiece.security import Identity

Position = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""The place of a change among all changes of orders."""


class HasId(Protocol):
    """What has an id, such as an order or its screen."""

    @property
    def id(self) -> str:
        """The id."""


async def orders(
    _caller: Identity,
    ordering: Orders,
    cursor: str | None = None,
    limit: Limit = 20,
    min_position: Position = 0,
) -> OrderList:
    """The caller's orders, newest first, with the change that had this `Position`."""
    return await ordering.list(cursor, limit, min_position)


async def order(order_id: str, _caller: Identity, ordering: Orders, min_position: Position = 0) -> Order:
    """One of the caller's orders, with the change that had this `Position`."""
    return await ordering.get(order_id, min_position)


def order_of(written: Written) -> Order:
    """The order; the page's response says the change's `Position`."""
    if written.position is not None:
        set_response_header(b"position", written.position)
    return written.order


def order_path(view: HasId) -> str:
    """Where an order is seen."""
    return f"/orders/{quote(view.id, safe='')}"


async def tracking(order: Order, shipping: Shipping) -> list[TrackingEvent]:
    """Where the order's parcel has been; nothing before there is one."""
    if order.shipping is None or order.shipping.tracking_code is None:
        return []
    return (await shipping.shipment(order.id)).tracking


async def parcels(orders: OrderList, shipping: Shipping) -> dict[str, str]:
    """The states of the completed orders' parcels, by the orders' ids."""
    sold = [order.id for order in orders.items if order.status == "completed"]
    found = await gather(map(shipping.load_shipment, sold))
    return {shipment.order_id: shipment.status for shipment in found if shipment is not None}


async def cancelled_order(order_id: str, _caller: Identity, ordering: Orders) -> Order:
    """The order after the caller has cancelled it."""
    return order_of(await ordering.cancel(order_id))


def order_pages(
    *, read_deadline: float, cancel_deadline: float, optional_timeout: float, vary: tuple[str, ...] = ()
) -> tuple[Page, Page, Page]:
    """The pages of orders: to list them, to read one, to cancel one.

    They have their sources; a client adds its own views.

    Args:
        read_deadline: of the pages that read, in seconds: longer than ordering waits for its read model.
        cancel_deadline: of the page that cancels, in seconds.
        optional_timeout: of the sources that know where parcels are, in seconds.
        vary: request headers that the client's view depends on.
    """
    every = Page("/orders", deadline=read_deadline, vary=vary)
    one = Page("/orders/{order_id}", deadline=read_deadline, vary=vary)
    cancel = Page(
        "/orders/{order_id}/cancel",
        deadline=cancel_deadline,
        method="POST",
        status=202,
        vary=vary,
        headers=("Position",),
        location=order_path,
    )
    every.source(retry=RETRY)(orders)
    every.source(timeout=optional_timeout, fallback=dict)(parcels)
    one.source(retry=RETRY)(order)
    one.source(timeout=optional_timeout, fallback=list)(tracking)
    cancel.source(name="order")(cancelled_order)
    return every, one, cancel
