"""The client of ordering."""

from collections.abc import AsyncGenerator
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bff.clients.common import Client, Moment, Money
from frontispiece.http import read_events
from frontispiece.pages import mark_degraded
from frontispiece.upstream import Headers, InvalidResponse, Reply

Shape = TypeVar("Shape")


class Address(Struct, frozen=True):
    """Where an order is delivered; `country` is an ISO 3166-1 alpha-2 code."""

    name: str
    street: str
    postal_code: str
    city: str
    country: str


class Pickup(Struct, frozen=True):
    """The store where an order is picked up, and from when in the store's own time."""

    store: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    ready_at: Moment


class OrderShipping(Struct, frozen=True):
    """How and where an order is delivered; no `tracking_code` before there is a shipment.

    With `pickup` the customer comes for it to a store.
    """

    method: str
    address: Address
    price: Money
    tracking_code: str | None = None
    pickup: Pickup | None = None


class Milestone(Struct, frozen=True):
    """A stage of an order, and when the order came to it."""

    stage: str
    at: Moment


class OrderEvent(Struct, frozen=True):
    """A stage that an order has come to; those after it are read by its `id`."""

    status: str
    stage: str
    at: Moment
    tracking_code: str | None = None
    reason: str | None = None
    id: str = ""


class OrderLine(Struct, frozen=True):
    """A product in a quantity, at the price of the order."""

    sku: str
    name: str
    quantity: int
    unit_price: Money
    percent_off: int
    total: Money


class Order(Struct, frozen=True):
    """An order.

    `stage` is finer than `status`; `timeline` has all stages so far. `reason` says why an order is, or is
    being, cancelled. Orders of the time before shipping have no `shipping`.
    """

    id: str
    status: str
    placed_at: Moment
    lines: list[OrderLine]
    subtotal: Money
    discount: Money
    total: Money
    shipping: OrderShipping | None = None
    coupon: str | None = None
    stage: str | None = None
    reason: str | None = None
    timeline: list[Milestone] = []


class Written(Struct, frozen=True):
    """An order after a change; reads that name its `position` have seen the change."""

    order: Order
    position: bytes | None


class OrderSummary(Struct, frozen=True):
    """An order in a list."""

    id: str
    status: str
    placed_at: Moment
    pieces: int
    total: Money
    stage: str | None = None
    reason: str | None = None


class OrderList(Struct, frozen=True):
    """Some orders, newest first."""

    items: list[OrderSummary]
    next: str | None = None


def _order(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='')}"


class Orders(Client):
    """The caller's orders."""

    async def place(self, checkout: Struct, idempotency_key: str, client: str | None) -> Written:
        """Order what is in the caller's basket, with a client; a repeated key returns the same order."""
        headers = [(b"idempotency-key", idempotency_key.encode("latin-1"))]
        if client is not None:
            headers.append((b"x-client", client.encode("latin-1")))
        return await self._write("/orders", body=checkout, headers=tuple(headers))

    async def cancel(self, order_id: str) -> Written:
        """Cancel an order that is not confirmed yet."""
        return await self._write(f"{_order(order_id)}/cancel")

    async def events(self, order_id: str, last_event_id: str | None) -> Reply:
        """What happens to an order after this event, as server-sent events."""
        headers = ((b"last-event-id", last_event_id.encode("latin-1")),) if last_event_id else ()
        return await self._service.open(f"{_order(order_id)}/events", headers=headers)

    async def stages(self, order_id: str, last_event_id: str | None) -> AsyncGenerator[OrderEvent, None]:
        """The stages that an order comes to after this event, until it is completed or cancelled."""
        async with await self.events(order_id, last_event_id) as reply:
            async for event in read_events(reply.chunks()):
                try:
                    yield replace(msgspec.json.decode(event.data, type=OrderEvent), id=event.id)
                except msgspec.MsgspecError as error:
                    raise InvalidResponse(f"its event is not what was agreed on: {error}") from error

    async def list(self, cursor: str | None, limit: int, min_position: int) -> OrderList:
        """The caller's orders, newest first, with the change of this position."""
        criteria = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return await self._read("/orders?" + urlencode(criteria), OrderList, min_position)

    async def get(self, order_id: str, min_position: int) -> Order:
        """One order, with the change of this position."""
        return await self._read(_order(order_id), Order, min_position)

    async def _write(self, target: str, **request: Any) -> Written:
        headers: Headers = []
        order = await self._service.send("POST", target, Order, on_headers=headers.extend, **request)
        return Written(order, dict(headers).get(b"position"))

    async def _read(self, target: str, shape: type[Shape], min_position: int) -> Shape:
        """Read what has seen `min_position`, or degrade the page when the service has not come to it yet."""
        headers: Headers = []
        wanted = ((b"min-position", b"%d" % min_position),) if min_position else ()
        found = await self._service.send("GET", target, shape, headers=wanted, on_headers=headers.extend)
        if b"retry-after" in dict(headers):
            mark_degraded("outdated")
        return found
