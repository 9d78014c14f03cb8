"""The caller's orders, their parcels, and how one goes on."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from msgspec import Meta

from bff.clients.catalog import Catalog, Product
from bff.clients.ordering import Order, OrderEvent, OrderLine, OrderList, Orders, OrderSummary
from bff.clients.shipping import Shipping, TrackingEvent
from bff.shared.orders import tracking as tracking_of
from bff.shared.sources import RETRY, Limit
from bff.web import OPTIONAL_TIMEOUT
from bff.web.graphql.graph import graph
from frontispiece.http import Problem
from frontispiece.security import Identity


def check_user(caller: Identity) -> None:
    """Orders are users' own: the API is for guests, too.

    Raises:
        Problem: 401 `session-missing`, as the pages' routes respond.
    """
    if caller.is_guest:
        raise Problem(401, "session-missing", "This needs a login.")


@graph.query(retry=RETRY)
async def orders(
    caller: Identity, ordering: Orders, cursor: str | None = None, limit: Limit = 20
) -> OrderList:
    """The caller's orders, newest first."""
    check_user(caller)
    return await ordering.list(cursor, limit, 0)


@graph.query(retry=RETRY)
async def order(id: str, caller: Identity, ordering: Orders) -> Order | None:  # noqa: A002 (the name of the argument)
    """One of the caller's orders."""
    check_user(caller)
    return await ordering.get(id, 0)


@graph.mutation()
async def cancel_order(id: str, caller: Identity, ordering: Orders) -> Order:  # noqa: A002 (the same)
    """Cancel an order that is not confirmed yet."""
    check_user(caller)
    return (await ordering.cancel(id)).order


@graph.subscription()
async def order_progress(
    id: str,  # noqa: A002 (the same)
    caller: Identity,
    ordering: Orders,
    last_event_id: Annotated[str, Meta(pattern=r"^[!-~]*\Z")] | None = None,  # it becomes a header
) -> AsyncIterator[OrderEvent]:
    """The stages that an order comes to after an event, until it is completed or cancelled."""
    check_user(caller)
    async with aclosing(ordering.stages(id, last_event_id)) as stages:
        async for event in stages:
            yield event


@graph.field(Order, timeout=OPTIONAL_TIMEOUT, batched=False)
async def tracking(order: Order, shipping: Shipping) -> list[TrackingEvent] | None:
    """Where its parcel has been, the oldest event first; none before there is one."""
    return await tracking_of(order, shipping)


@graph.field(OrderSummary, timeout=OPTIONAL_TIMEOUT, fallback=lambda: None)
async def parcel(order: OrderSummary, shipping: Shipping) -> str | None:
    """The state of its parcel; null before there is one."""
    if order.status != "completed":
        return None
    found = await shipping.load_shipment(order.id)
    return found.status if found else None


@graph.field(OrderLine, name="product", timeout=OPTIONAL_TIMEOUT)
async def product_of_line(line: OrderLine, catalog: Catalog) -> Product | None:
    """The product as it is now; null when the catalog no longer has it."""
    return await catalog.load_product(line.sku)
