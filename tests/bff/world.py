"""The HTTP services behind the BFFs, as far as these see them, behind respx."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import httpx
import respx

from tests.bff.documents import Json, euros, order, shipment
from tests.bff.operations import OPERATIONS
from tests.bff.troubles import HANGING, Trouble, problem

HTTP_SERVICES = (
    "catalog",
    "inventory",
    "reviews",
    "basket",
    "ordering",
    "shipping",
    "recommendation",
    "feed",
    "pickup",
)


class Call(NamedTuple):
    """A call of a BFF: `what` is the name of the operation."""

    what: str
    request: httpx.Request


@dataclass
class Shop:
    """Services with what they know in plain sight; `trouble[operation]` is how an operation fails."""

    products: dict[str, Json] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)
    percent: dict[str, int] = field(default_factory=dict)
    ratings: dict[str, tuple[float, int]] = field(default_factory=dict)
    also_bought: dict[str, list[str]] = field(default_factory=dict)
    """What customers of an article have bought, too, best first."""
    news: list[Json] = field(default_factory=list)
    """Of the brands that the customer follows, newest first; they are read up to the id `read_up_to`."""
    follows: list[str] = field(default_factory=list)
    read_up_to: str = "0"
    reviews: list[Json] = field(default_factory=list)
    coupons: dict[str, dict[str, int]] = field(default_factory=dict)
    coupon_problem: str = ""
    """Percent off with a coupon, by coupon and sku."""
    basket: dict[str, int] = field(default_factory=dict)
    added_at: dict[str, int] = field(default_factory=dict)
    """What a piece in the basket cost when it was put in, where that is known."""
    waiting: dict[str, int] = field(default_factory=dict)
    """What a checkout gave back, and has no room in the basket."""
    quotes: list[Json] = field(default_factory=list)
    stores: list[Json] = field(default_factory=list)
    """Where orders can be picked up."""
    orders: list[Json] = field(default_factory=list)
    next: str | None = None
    removed: list[str] = field(default_factory=list)
    more: bool = False
    position: int = 41
    """Of the latest change of an order."""
    seen_position: int = 41
    """Of the latest change that reads of orders have seen."""
    trouble: dict[str, Trouble] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    discount_calls: list[Json] = field(default_factory=list)

    def sells(self, *articles: Json) -> None:
        self.products |= {product["sku"]: product for product in articles}

    @property
    def operations(self) -> list[str]:
        """The operations that were called, in alphabetical order."""
        return sorted([*(call.what for call in self.calls), *("discounts" for _ in self.discount_calls)])

    def last(self, what: str) -> httpx.Request:
        """The latest request for an operation."""
        return next(call.request for call in reversed(self.calls) if call.what == what)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        what, tell = self._operation(request)
        self.calls.append(Call(what, request))
        trouble = self.trouble.get(what)
        if trouble is HANGING:
            await asyncio.Event().wait()
        if trouble is None:
            document = tell(request)
            return document if isinstance(document, httpx.Response) else httpx.Response(200, json=document)
        if isinstance(trouble.over_http, Exception):
            raise trouble.over_http
        assert trouble.over_http is not None
        return httpx.Response(
            trouble.over_http.status_code,
            content=trouble.over_http.content,
            headers=trouble.over_http.headers,
        )

    def _operation(self, request: httpx.Request) -> tuple[str, Callable[[httpx.Request], Any]]:
        service = request.url.host.removesuffix(".test")
        route = f"{request.method} {service}:{request.url.path}"
        for pattern, what in OPERATIONS:
            if re.fullmatch(pattern, route):
                return what, self._handler(what)
        batch = "search" if "sku" not in request.url.params else "products"
        return batch, self._handler(batch)

    def _handler(self, what: str) -> Callable[[httpx.Request], Any]:
        if what in PLAIN:
            return partial(PLAIN[what], self)
        handler: Callable[[httpx.Request], Any] = getattr(self, f"_{what}")
        return handler

    def _product(self, request: httpx.Request) -> Any:
        sku = _last(request)
        if sku not in self.products:
            return problem(404, "product-unknown", sku=sku)
        return self.products[sku]

    def _search(self, request: httpx.Request) -> Any:
        items = list(self.products.values())[: int(request.url.params["limit"])]
        facets = {
            "brands": [{"id": "quill", "name": "Quill & Co", "count": 7}],
            "types": [{"id": "pens", "name": "Pens", "count": 7}],
            "prices": [{"from": 0, "to": None, "count": 7}],
        }
        return {"items": items, "next": self.next, "total": len(self.products), "facets": facets}

    def _changes(self, request: httpx.Request) -> Any:
        items = list(self.products.values())[: int(request.url.params["limit"])]
        return {"upserts": items, "removed": self.removed, "cursor": "a-cursor", "more": self.more}

    def _stocks(self, request: httpx.Request) -> Any:
        others = {"on_hand": 99, "reserved": 1}
        return _batch(request, {sku: {**others, "sku": sku, "available": n} for sku, n in self.stock.items()})

    def _ratings(self, request: httpx.Request) -> Any:
        items = [self._summary(sku) for sku in _skus(request)]
        return {"items": items}

    def _summary(self, sku: str) -> Json:
        average, count = self.ratings.get(sku, (None, 0))
        return {"sku": sku, "count": count, "average": average, "histogram": {"4": count}}

    def _recommendations(self, request: httpx.Request) -> Any:
        skus = self.also_bought.get(_last(request), [])[: int(request.url.params["limit"])]
        items = [{"sku": sku, "score": 0.5} for sku in skus]
        return {"sku": _last(request), "items": items}

    def _timeline(self, request: httpx.Request) -> Any:
        cursor = request.url.params.get("cursor", "0")
        if re.fullmatch("[0-9]{1,9}", cursor) is None:
            return problem(422, "cursor-invalid")
        first = int(cursor)
        end = first + int(request.url.params["limit"])
        state = {"follows": self.follows, "unread": self.unread, "read_up_to": self.read_up_to}
        following = str(end) if end < len(self.news) else None
        return {"items": self.news[first:end], "next": following, **state}

    @property
    def unread(self) -> int:
        return sum(int(each["id"]) > int(self.read_up_to) for each in self.news)

    def _mark_read(self, request: httpx.Request) -> Any:
        self.read_up_to = json.loads(request.content)["up_to"]
        return {"unread": self.unread}

    def _follows(self, _request: httpx.Request) -> Any:
        return {"items": self.follows}

    def _follow(self, request: httpx.Request) -> Any:
        self.follows = sorted({*self.follows, _last(request)})
        return self._follows(request)

    def _unfollow(self, request: httpx.Request) -> Any:
        self.follows = [each for each in self.follows if each != _last(request)]
        return self._follows(request)

    def _reviews(self, request: httpx.Request) -> Any:
        items = self.reviews[: int(request.url.params["limit"])]
        return {"items": items, "next": None}

    def _see(self, request: httpx.Request) -> Any:
        items = [
            {
                "sku": sku,
                "quantity": quantity,
                "price_when_added": euros(self.added_at[sku]) if sku in self.added_at else None,
                "current_price": None,
            }
            for sku, quantity in self.basket.items()
        ]
        waiting = [{"sku": sku, "quantity": quantity} for sku, quantity in self.waiting.items()]
        owner = request.url.path.split("/")[2]
        return {"owner": owner, "version": 7, "items": items, "waiting": waiting}

    def _put(self, request: httpx.Request) -> Any:
        self.basket[_last(request)] = json.loads(request.content)["quantity"]
        return self._see(request)

    def _remove(self, request: httpx.Request) -> Any:
        self.basket.pop(_last(request), None)
        return self._see(request)

    def _place(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            202, json=order(), headers={"Location": "/orders/order-1", "Position": f"{self.position}"}
        )

    def _pickups(self, request: httpx.Request) -> Any:
        name = request.url.params.get("place")
        if name == "nowhere":
            return {"place": None, "items": [], "shards": []}
        place = {"name": name, "latitude": 51.34, "longitude": 12.37}
        return {"place": place, "items": self.stores, "shards": ["0"]}

    def _shipments(self, request: httpx.Request) -> Any:
        wanted = request.url.params.get_list("order_id")
        return {"items": [shipment(each) for each in wanted], "unknown": []}

    def _cancel(self, request: httpx.Request) -> httpx.Response:
        cancelled = {**order(), "id": request.url.path.split("/")[2], "reason": "cancelled-by-customer"}
        return httpx.Response(202, json=cancelled, headers={"Position": f"{self.position}"})

    def _events(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=PROGRESS, headers={"Content-Type": "text/event-stream"})

    def _orders(self, request: httpx.Request) -> Any:
        members = ("id", "status", "placed_at", "total", "stage", "reason")
        items = [{**{name: each[name] for name in members}, "pieces": 2} for each in self.orders]
        return self._read(request, {"items": items, "next": self.next})

    def _read(self, request: httpx.Request, content: Json) -> Any:
        """What reads of orders have seen; 202 when that is not `Min-Position` yet."""
        if int(request.headers.get("min-position", 0)) <= self.seen_position:
            return content
        return httpx.Response(202, json=content, headers={"Retry-After": "1"})

    def _order(self, request: httpx.Request) -> Any:
        found = next((each for each in self.orders if each["id"] == _last(request)), None)
        return self._read(request, found) if found else problem(404, "order-unknown")


PROGRESS = (
    ":\n\nid: 3\nevent: confirmed\n"
    'data: {"order_id":"order-1","status":"confirmed","stage":"confirmed","at":"2030-11-22T23:31:00Z",'
    '"tracking_code":"FS-7"}\n\n'
)
"""Server-sent events of an order."""

PLAIN: dict[str, Callable[[Shop, httpx.Request], Any]] = {
    "health": lambda _shop, _request: {"status": "ready"},
    "types": lambda _shop, _request: {"items": [{"id": "pens", "name": "Pens", "count": 7}]},
    "products": lambda shop, request: _batch(request, shop.products),
    "quotes": lambda shop, _request: shop.quotes,
    "shipment": lambda _shop, request: shipment(_last(request)),
}
"""Operations whose answer is a value."""


def _last(request: httpx.Request) -> str:
    return request.url.path.rsplit("/", 1)[1]


def _skus(request: httpx.Request) -> list[str]:
    """The requested articles: no service responds with more than 100 at a time."""
    skus = request.url.params.get_list("sku")
    assert 1 <= len(skus) <= 100
    return skus


def _batch(request: httpx.Request, known: Mapping[str, Any]) -> Json:
    skus = _skus(request)
    return {
        "items": [known[sku] for sku in skus if sku in known],
        "unknown": [sku for sku in skus if sku not in known],
    }


@contextmanager
def behind_respx(shop: Shop) -> Iterator[None]:
    """The shop's HTTP services, at `http://catalog.test` and so on."""
    with respx.mock(assert_all_called=False) as router:
        router.route(host__in=[f"{name}.test" for name in HTTP_SERVICES]).mock(side_effect=shop.answer)
        yield
