"""Typed clients of the shop's services over HTTP.

What is needed of many products is written for one: the loads of a page leave as one call of up to 100
products, as many as a service's batch read takes.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from bff.clients.models import (
    Basket,
    Counted,
    Follows,
    Items,
    Nearby,
    Order,
    OrderEvent,
    OrderList,
    Product,
    ProductChanges,
    Quote,
    Rating,
    Recommended,
    ReviewList,
    SearchResult,
    Shipment,
    Stock,
    Timeline,
    Unread,
    Written,
)
from frontispiece.http import read_events
from frontispiece.pages import loader, mark_degraded
from frontispiece.upstream import Headers, InvalidResponse, Reply, Service

Shape = TypeVar("Shape")


def _batch(path: str, keys: Sequence[str], name: str = "sku") -> str:
    return f"{path}?{urlencode({name: keys}, doseq=True)}"


def _basket(owner: str) -> str:
    return f"/baskets/{quote(owner, safe='')}"


def _order(order_id: str) -> str:
    return f"/orders/{quote(order_id, safe='')}"


def _basket_item(owner: str, sku: str) -> str:
    return f"{_basket(owner)}/items/{quote(sku, safe='')}"


def _follow(owner: str, brand: str) -> str:
    return f"/follows/{quote(owner, safe='')}/{quote(brand, safe='')}"


class _Client:
    def __init__(self, service: Service) -> None:
        self._service = service


class Catalog(_Client):
    """The products."""

    async def get_product(self, sku: str) -> Product:
        """The product that a page is about, by a call of its own: a 404 is the catalog's."""
        return await self._service.get(f"/products/{quote(sku, safe='')}", Product)

    @loader(max_size=100)
    async def load_product(self, skus: Sequence[str]) -> Mapping[str, Product | None]:
        """A product; None when the catalog does not have it."""
        batch = await self._service.get(_batch("/products", skus), Items[Product])
        return dict.fromkeys(skus) | {product.sku: product for product in batch.items}

    async def search(self, **criteria: Any) -> SearchResult:
        """Products by `q`, `brand`, `type`, `min_price`, `max_price`, `sort`, `cursor` and `limit`."""
        query = {name: value for name, value in criteria.items() if value not in (None, [], "")}
        return await self._service.get("/products?" + urlencode(query, doseq=True), SearchResult)

    async def changes(self, cursor: str | None, limit: int) -> ProductChanges:
        """What has changed after a cursor, or all products; 410 when a client has to begin anew."""
        query = {"limit": limit} | ({"since": cursor} if cursor else {})
        return await self._service.get(f"/product-changes?{urlencode(query)}", ProductChanges)

    async def types(self) -> list[Counted]:
        """Every type of product."""
        return (await self._service.get("/types", Items[Counted])).items


class Inventory(_Client):
    """The stock."""

    @loader(max_size=100)
    async def load_stock(self, skus: Sequence[str]) -> Mapping[str, Stock]:
        """The stock of a product; 0 for one that inventory does not know."""
        batch = await self._service.get(_batch("/stock", skus), Items[Stock])
        return {sku: Stock(sku, 0) for sku in skus} | {stock.sku: stock for stock in batch.items}


class Recommendations(_Client):
    """What customers of an article have bought, too."""

    async def beside(self, sku: str, limit: int) -> list[str]:
        """The skus of what customers of an article have bought, too, best first; none where too few have."""
        path = f"/recommendations/{quote(sku, safe='')}?limit={limit}"
        return [each.sku for each in (await self._service.get(path, Items[Recommended])).items]


class Reviews(_Client):
    """The customers' reviews."""

    @loader(max_size=100)
    async def load_rating(self, skus: Sequence[str]) -> Mapping[str, Rating]:
        """The rating of a product; one without reviews has no average."""
        batch = await self._service.get(_batch("/summaries", skus), Items[Rating])
        return {sku: Rating(sku) for sku in skus} | {rating.sku: rating for rating in batch.items}

    async def latest(self, sku: str, limit: int) -> ReviewList:
        """The newest reviews of a product."""
        return await self._service.get("/reviews?" + urlencode({"sku": sku, "limit": limit}), ReviewList)


class Baskets(_Client):
    """The baskets."""

    async def get(self, owner: str) -> Basket:
        """The basket of an owner."""
        return await self._service.get(_basket(owner), Basket)

    async def put(self, owner: str, sku: str, quantity: int) -> Basket:
        """Set the quantity of a product; returns the changed basket."""
        return await self._service.send("PUT", _basket_item(owner, sku), Basket, body={"quantity": quantity})

    async def remove(self, owner: str, sku: str) -> Basket:
        """Remove a product; returns the changed basket."""
        return await self._service.send("DELETE", _basket_item(owner, sku), Basket)


class Feeds(_Client):
    """The brands that customers follow, and their news."""

    async def timeline(self, owner: str, limit: int) -> Timeline:
        """The newest news of the brands that a customer follows."""
        return await self._service.get(f"/timelines/{quote(owner, safe='')}?limit={limit}", Timeline)

    async def mark_read(self, owner: str, up_to: str) -> Unread:
        """Mark a customer's news up to an id as read; returns how many are left."""
        path = f"/timelines/{quote(owner, safe='')}/read"
        return await self._service.send("PUT", path, Unread, body={"up_to": up_to})

    async def follows(self, owner: str) -> Follows:
        """The brands that a customer follows."""
        return await self._service.get(f"/follows/{quote(owner, safe='')}", Follows)

    async def follow(self, owner: str, brand: str) -> Follows:
        """Follow a brand; returns all that the customer follows."""
        return await self._service.send("PUT", _follow(owner, brand), Follows)

    async def unfollow(self, owner: str, brand: str) -> Follows:
        """Follow a brand no more; returns all that the customer follows."""
        return await self._service.send("DELETE", _follow(owner, brand), Follows)


class Shipping(_Client):
    """The shipping of orders."""

    async def quotes(self, country: str, pieces: int) -> list[Quote]:
        """The price of each method to this country."""
        query = urlencode({"country": country, "pieces": pieces})
        return await self._service.get(f"/quotes?{query}", list[Quote])

    async def shipment(self, order_id: str) -> Shipment:
        """The shipment of one of the caller's orders."""
        return await self._service.get(f"/shipments/{quote(order_id, safe='')}", Shipment)

    @loader(max_size=100)
    async def load_shipment(self, order_ids: Sequence[str]) -> Mapping[str, Shipment | None]:
        """The shipment of one of the caller's orders; None when it has none."""
        batch = await self._service.get(_batch("/shipments", order_ids, "order_id"), Items[Shipment])
        return dict.fromkeys(order_ids) | {each.order_id: each for each in batch.items}


class Pickups(_Client):
    """The stores where customers pick orders up."""

    async def nearby(self, skus: Sequence[str], limit: int, **place: str | float) -> Nearby:
        """The stores near a `place` by its name, or near `latitude` and `longitude`, that have products."""
        query = {"sku": skus, "limit": limit, **place}
        return await self._service.get("/nearby?" + urlencode(query, doseq=True), Nearby)


class Orders(_Client):
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
