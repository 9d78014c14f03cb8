"""The services behind the BFFs, as far as these see them: HTTP ones behind respx, discounts over gRPC."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import grpc
import httpx
import respx

from frontispiece.http.problems import MEDIA_TYPE, Problem
from shop.pb import discount_pb2 as pb
from tests.bff.documents import Json, euros, order, shipment

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


def problem(
    status: int, kind: str, headers: Mapping[str, str] | None = None, **members: Any
) -> httpx.Response:
    """What a service says when it refuses."""
    fault = Problem(status, kind, f"This is {kind}.", headers=headers, **members)
    return httpx.Response(status, content=fault.body(), headers={**fault.headers, "Content-Type": MEDIA_TYPE})


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A way in which a service fails, over HTTP and over gRPC, and what becomes of it."""

    over_http: httpx.Response | Exception | None
    over_grpc: grpc.StatusCode | bytes | None
    reason: str
    status: int


DOWN = Trouble(
    over_http=httpx.ConnectError("refused"),
    over_grpc=grpc.StatusCode.UNAVAILABLE,
    reason="unavailable",
    status=503,
)
SLOW = Trouble(
    over_http=httpx.ReadTimeout("slow"),
    over_grpc=grpc.StatusCode.DEADLINE_EXCEEDED,
    reason="timeout",
    status=504,
)
FAILING = Trouble(
    over_http=httpx.Response(500, text="Oh."), over_grpc=grpc.StatusCode.INTERNAL, reason="failed", status=502
)
BABBLING = Trouble(
    over_http=httpx.Response(200, text="<p>Hello!"), over_grpc=b"\xff", reason="invalid-response", status=502
)
BREAKING_OFF = Trouble(
    over_http=httpx.RemoteProtocolError("broke off"), over_grpc=b"\xff", reason="invalid-response", status=502
)
REFUSING = Trouble(
    over_http=problem(403, "not-for-you"),
    over_grpc=grpc.StatusCode.PERMISSION_DENIED,
    reason="refused",
    status=403,
)
HANGING = Trouble(over_http=None, over_grpc=None, reason="timeout", status=504)
"""It takes a request and never answers."""


def answering(response: httpx.Response) -> Trouble:
    """It answers this."""
    return Trouble(over_http=response, over_grpc=None, reason="", status=response.status_code)


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
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes of the bodies that were answered, by operation."""

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
            answer = tell(request)
        elif isinstance(trouble.over_http, Exception):
            raise trouble.over_http
        else:
            assert trouble.over_http is not None
            answer = httpx.Response(
                trouble.over_http.status_code,
                content=trouble.over_http.content,
                headers=trouble.over_http.headers,
            )
        self.sent[what] += len(answer.content)
        return answer

    def _operation(self, request: httpx.Request) -> tuple[str, Callable[[httpx.Request], httpx.Response]]:
        service = request.url.host.removesuffix(".test")
        route = f"{request.method} {service}:{request.url.path}"
        for pattern, what in OPERATIONS:
            if re.fullmatch(pattern, route):
                return what, getattr(self, f"_{what}")
        batch = "search" if "sku" not in request.url.params else "products"
        return batch, getattr(self, f"_{batch}")

    def _health(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"status": "ready"})

    def _types(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": [{"id": "pens", "name": "Pens", "count": 7}]})

    def _product(self, request: httpx.Request) -> httpx.Response:
        sku = _last(request)
        if sku not in self.products:
            return problem(404, "product-unknown", sku=sku)
        return httpx.Response(200, json=self.products[sku])

    def _products(self, request: httpx.Request) -> httpx.Response:
        return _batch(request, self.products)

    def _search(self, request: httpx.Request) -> httpx.Response:
        items = list(self.products.values())[: int(request.url.params["limit"])]
        facets = {
            "brands": [{"id": "quill", "name": "Quill & Co", "count": 7}],
            "types": [{"id": "pens", "name": "Pens", "count": 7}],
            "prices": [{"from": 0, "to": None, "count": 7}],
        }
        return httpx.Response(
            200, json={"items": items, "next": self.next, "total": len(self.products), "facets": facets}
        )

    def _changes(self, request: httpx.Request) -> httpx.Response:
        items = list(self.products.values())[: int(request.url.params["limit"])]
        return httpx.Response(
            200, json={"upserts": items, "removed": self.removed, "cursor": "a-cursor", "more": self.more}
        )

    def _stocks(self, request: httpx.Request) -> httpx.Response:
        others = {"on_hand": 99, "reserved": 1}
        return _batch(request, {sku: {**others, "sku": sku, "available": n} for sku, n in self.stock.items()})

    def _ratings(self, request: httpx.Request) -> httpx.Response:
        items = [self._summary(sku) for sku in _skus(request)]
        return httpx.Response(200, json={"items": items})

    def _summary(self, sku: str) -> Json:
        average, count = self.ratings.get(sku, (None, 0))
        return {"sku": sku, "count": count, "average": average, "histogram": {"4": count}}

    def _recommendations(self, request: httpx.Request) -> httpx.Response:
        skus = self.also_bought.get(_last(request), [])[: int(request.url.params["limit"])]
        items = [{"sku": sku, "score": 0.5} for sku in skus]
        return httpx.Response(200, json={"sku": _last(request), "items": items})

    def _timeline(self, request: httpx.Request) -> httpx.Response:
        items = self.news[: int(request.url.params["limit"])]
        state = {"follows": self.follows, "unread": self.unread, "read_up_to": self.read_up_to}
        return httpx.Response(200, json={"items": items, "next": None, **state})

    @property
    def unread(self) -> int:
        return sum(int(each["id"]) > int(self.read_up_to) for each in self.news)

    def _mark_read(self, request: httpx.Request) -> httpx.Response:
        self.read_up_to = json.loads(request.content)["up_to"]
        return httpx.Response(200, json={"unread": self.unread})

    def _follows(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"items": self.follows})

    def _follow(self, request: httpx.Request) -> httpx.Response:
        self.follows = sorted({*self.follows, _last(request)})
        return self._follows(request)

    def _unfollow(self, request: httpx.Request) -> httpx.Response:
        self.follows = [each for each in self.follows if each != _last(request)]
        return self._follows(request)

    def _reviews(self, request: httpx.Request) -> httpx.Response:
        items = self.reviews[: int(request.url.params["limit"])]
        return httpx.Response(200, json={"items": items, "next": None})

    def _see(self, request: httpx.Request) -> httpx.Response:
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
        return httpx.Response(200, json={"owner": owner, "version": 7, "items": items, "waiting": waiting})

    def _put(self, request: httpx.Request) -> httpx.Response:
        self.basket[_last(request)] = json.loads(request.content)["quantity"]
        return self._see(request)

    def _remove(self, request: httpx.Request) -> httpx.Response:
        self.basket.pop(_last(request), None)
        return self._see(request)

    def _place(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            202, json=order(), headers={"Location": "/orders/order-1", "Position": f"{self.position}"}
        )

    def _quotes(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=self.quotes)

    def _pickups(self, request: httpx.Request) -> httpx.Response:
        name = request.url.params.get("place")
        if name == "nowhere":
            return httpx.Response(200, json={"place": None, "items": [], "shards": []})
        place = {"name": name, "latitude": 51.34, "longitude": 12.37}
        return httpx.Response(200, json={"place": place, "items": self.stores, "shards": ["0"]})

    def _shipment(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=shipment(_last(request)))

    def _shipments(self, request: httpx.Request) -> httpx.Response:
        wanted = request.url.params.get_list("order_id")
        return httpx.Response(200, json={"items": [shipment(each) for each in wanted], "unknown": []})

    def _cancel(self, request: httpx.Request) -> httpx.Response:
        cancelled = {**order(), "id": request.url.path.split("/")[2], "reason": "cancelled-by-customer"}
        return httpx.Response(202, json=cancelled, headers={"Position": f"{self.position}"})

    def _events(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=PROGRESS, headers={"Content-Type": "text/event-stream"})

    def _orders(self, request: httpx.Request) -> httpx.Response:
        members = ("id", "status", "placed_at", "total", "stage", "reason")
        items = [{**{name: each[name] for name in members}, "pieces": 2} for each in self.orders]
        return self._read(request, {"items": items, "next": self.next})

    def _read(self, request: httpx.Request, content: Json) -> httpx.Response:
        """What reads of orders have seen; 202 when that is not `Min-Position` yet."""
        if int(request.headers.get("min-position", 0)) <= self.seen_position:
            return httpx.Response(200, json=content)
        return httpx.Response(202, json=content, headers={"Retry-After": "1"})

    def _order(self, request: httpx.Request) -> httpx.Response:
        found = next((each for each in self.orders if each["id"] == _last(request)), None)
        return self._read(request, found) if found else problem(404, "order-unknown")

    async def discounts(
        self, request: pb.ListDiscountsRequest, context: Any
    ) -> pb.ListDiscountsResponse | bytes:
        assert 1 <= len(request.skus) <= 100
        self.discount_calls.append(dict(context.invocation_metadata()))
        trouble = self.trouble.get("discounts")
        if trouble is HANGING:
            await asyncio.Event().wait()
        if trouble is not None and isinstance(trouble.over_grpc, grpc.StatusCode):
            await context.abort(trouble.over_grpc, "refused by the test", (("problem-type", "just-so"),))
        if trouble is not None and isinstance(trouble.over_grpc, bytes):
            return trouble.over_grpc
        rules = [("", self.percent), (request.coupon, self.coupons.get(request.coupon, {}))]
        found = {
            sku: pb.Discount(
                id=f"rule-{sku}", sku=sku, percent=percent, coupon=coupon, description="Sale", version=1
            )
            for coupon, percents in rules
            for sku, percent in percents.items()
            if sku in request.skus
        }
        problem = self.coupon_problem if request.coupon_must_be_usable else ""
        answer = pb.ListDiscountsResponse(discounts=found, coupon_problem=problem)
        self.sent["discounts"] += answer.ByteSize()
        return answer


PROGRESS = (
    ":\n\nid: 3\nevent: confirmed\n"
    'data: {"order_id":"order-1","status":"confirmed","stage":"confirmed","at":"2030-11-22T23:31:00Z",'
    '"tracking_code":"FS-7"}\n\n'
)
"""Server-sent events of an order."""

OPERATIONS = (
    (r"GET \w+:/health/ready", "health"),
    (r"GET catalog:/types", "types"),
    (r"GET catalog:/product-changes", "changes"),
    (r"GET catalog:/products/[^/]+", "product"),
    (r"GET inventory:/stock", "stocks"),
    (r"GET reviews:/summaries", "ratings"),
    (r"GET reviews:/reviews", "reviews"),
    (r"GET recommendation:/recommendations/[^/]+", "recommendations"),
    (r"GET feed:/timelines/[^/]+", "timeline"),
    (r"PUT feed:/timelines/[^/]+/read", "mark_read"),
    (r"GET feed:/follows/[^/]+", "follows"),
    (r"PUT feed:/follows/[^/]+/[^/]+", "follow"),
    (r"DELETE feed:/follows/[^/]+/[^/]+", "unfollow"),
    (r"GET basket:/baskets/.+", "see"),
    (r"PUT basket:/baskets/.+/items/[^/]+", "put"),
    (r"DELETE basket:/baskets/.+/items/[^/]+", "remove"),
    (r"GET shipping:/quotes", "quotes"),
    (r"GET pickup:/nearby", "pickups"),
    (r"GET shipping:/shipments/[^/]+", "shipment"),
    (r"GET shipping:/shipments", "shipments"),
    (r"POST ordering:/orders", "place"),
    (r"POST ordering:/orders/[^/]+/cancel", "cancel"),
    (r"GET ordering:/orders/[^/]+/events", "events"),
    (r"GET ordering:/orders", "orders"),
    (r"GET ordering:/orders/[^/]+", "order"),
)
"""Operations by method, service and path; the two that remain, `products` and `search`, differ by query."""


def _last(request: httpx.Request) -> str:
    return request.url.path.rsplit("/", 1)[1]


def _skus(request: httpx.Request) -> list[str]:
    """The requested articles: no service responds with more than 100 at a time."""
    skus = request.url.params.get_list("sku")
    assert 1 <= len(skus) <= 100
    return skus


def _batch(request: httpx.Request, known: Mapping[str, Any]) -> httpx.Response:
    skus = _skus(request)
    return httpx.Response(
        200,
        json={
            "items": [known[sku] for sku in skus if sku in known],
            "unknown": [sku for sku in skus if sku not in known],
        },
    )


@contextmanager
def behind_respx(shop: Shop) -> Iterator[None]:
    """The shop's HTTP services, at `http://catalog.test` and so on."""
    with respx.mock(assert_all_called=False) as router:
        router.route(host__in=[f"{name}.test" for name in HTTP_SERVICES]).mock(side_effect=shop.answer)
        yield


@asynccontextmanager
async def discount_server(shop: Shop) -> AsyncIterator[str]:
    """The address of the shop's discount service, which may also answer bytes that are no message."""
    method = grpc.unary_unary_rpc_method_handler(
        shop.discounts,
        request_deserializer=pb.ListDiscountsRequest.FromString,
        response_serializer=_serialized,
    )
    service = grpc.method_handlers_generic_handler(
        "frontispiece.discount.v1.Discounts", {"ListDiscounts": method}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(1)  # gracefully, or gRPC writes on stderr that it cancels all calls


def _serialized(answer: pb.ListDiscountsResponse | bytes) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()
