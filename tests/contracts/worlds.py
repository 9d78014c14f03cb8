"""Each app of the shop in a world in which its operations succeed."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest
import respx
from fastapi import FastAPI

from frontispiece.security import Identity, Signer
from frontispiece.settings import Directory
from services.payment.model import Payment, Status
from services.recommendation.events import Line, OrderCompleted
from shop.pb.services import DISCOUNTS, create_server
from tests.bff.discounts import discount_server
from tests.bff.documents import article, euros, order, review
from tests.bff.times import extend
from tests.bff.world import HTTP_SERVICES, behind_respx
from tests.bff.world import Shop as BffShop
from tests.contracts.operators import operators
from tests.services.feed.news import new
from tests.services.ordering.world import ADDRESS, Discounts
from tests.services.ordering.world import Shop as OrderingShop
from tests.services.shipping.world import ORDER, create
from tests.services.support import CATALOG_HOST, Catalog
from tests.support.apps import APPS, Parts
from tests.support.fuzzing import Fuzzed

World = Callable[[Parts], AbstractAsyncContextManager[Fuzzed]]

GUEST: Final = "guest:g1"
EVERY_SCOPE: Final = (
    *("shop", "acquirer", "payments:read", "faults:write"),
    *(
        "catalog:write",
        "stock:write",
        "discount:write",
        "orders:replay",
        "facts:replay",
        "data:rebuild",
        "sales:read",
        "stores:write",
    ),
)

SEEDED: Final = ["NOTE-001", "PENS-001", "INKS-002", "nope"]
KEYS: Final = ["key-00001", "key-00002"]
TAGS: Final = ['"1"', '"2"', "*"]
PURCHASE: Final = {
    "basket_version": 7,
    "total": {"amount": 1666 + 490, "currency": "EUR"},
    "shipping": {"method": "standard", "address": ADDRESS},
    "payment_token": "tok_1",
}


def callers(name: str, signing_key: str) -> list[dict[str, str]]:
    """A customer who may do everything and was a guest, one who may do nothing, a guest, and a forger."""
    signer = Signer(signing_key, "gateway")
    identities = (
        Identity(subject="reader", scopes=frozenset(EVERY_SCOPE), client="web", merged_guest=GUEST),
        Identity(subject="reader", scopes=frozenset({"nothing"}), client="web"),
        Identity(subject=GUEST, scopes=frozenset({"guest"}), client="web"),
    )
    tokens = [signer.authorization(identity, name).decode() for identity in identities]
    return [{"Authorization": token} for token in [*tokens, "Bearer x.y.z"]]


@contextmanager
def _hosts(answers: Mapping[str, Callable[[httpx.Request], Any]]) -> Iterator[None]:
    with respx.mock(assert_all_called=False) as router:
        for host, answer in answers.items():
            router.route(host=host).mock(side_effect=answer)
        yield


def plain(name: str, **known: Any) -> World:
    """An app that needs nothing around it but, perhaps, a catalog."""
    keywords = {key: known.pop(key) for key in ("always", "bodies") if key in known}

    @asynccontextmanager
    async def world(parts: Parts) -> AsyncIterator[Fuzzed]:
        app = APPS[name](parts)
        catalog = Catalog(unknown={"nope"})
        with _hosts({CATALOG_HOST: catalog.respond}):
            async with app.router.lifespan_context(app):
                yield Fuzzed(
                    app=app,
                    callers=callers(name, parts.signing_key),
                    known={"idempotency_key": list(KEYS), "if_match": list(TAGS), "if_none_match": list(TAGS)}
                    | {key: list(values) for key, values in known.items()},
                    **keywords,
                )

    return world


@asynccontextmanager
async def ordering(parts: Parts) -> AsyncIterator[Fuzzed]:
    """Ordering among services that always have what an order needs."""
    app, discounts = APPS["ordering"], Discounts()
    server = create_server(DISCOUNTS, discounts)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    addresses = {name: f"httpx+http://{name}.test" for name in ("catalog", "basket", "shipping", "pickup")}
    directory = Directory(services={**addresses, "discount-grpc": f"127.0.0.1:{port}"})
    running = app(replace(parts, directory=directory))
    shop = FullBasket(http=httpx.AsyncClient(), bearer=lambda *_: {}, discounts=discounts)
    shop.sells("PEN", 333)
    shop.sells("INK", 1000)
    with _hosts({f"{name}.test": shop.answer for name in addresses}):
        async with shop.http, running.router.lifespan_context(running):
            yield Fuzzed(
                app=running,
                callers=callers("ordering", parts.signing_key),
                known={"idempotency_key": list(KEYS), "min_position": [0, 1], "last_event_id": ["0", "1"]},
                bodies={"POST /orders": [PURCHASE, {**PURCHASE, "coupon": "SAVE"}]},
            )
    await server.stop(1)


class FullBasket(OrderingShop):
    """Services around ordering with a basket that is full again for each order.

    Where the worlds of several services share a process, its catalog is that of all of them.
    """

    def _catalog(self, request: httpx.Request) -> httpx.Response:
        return Catalog().respond(request) if request.url.path == "/brands" else super()._catalog(request)

    def _claim(self, request: httpx.Request) -> httpx.Response:
        self.basket = {"PEN": 2, "INK": 1}
        return super()._claim(request)


@asynccontextmanager
async def shipping(parts: Parts) -> AsyncIterator[Fuzzed]:
    """Shipping with a shipment."""
    async with plain("shipping", order_id=[ORDER], country=["DE", "AQ"])(parts) as fuzzed:
        await _store(fuzzed).create(create(owner="reader"))
        yield fuzzed


@asynccontextmanager
async def payment(parts: Parts) -> AsyncIterator[Fuzzed]:
    """Payment with a payment that was announced."""
    async with plain("payment", order_id=[ORDER])(parts) as fuzzed:
        await _store(fuzzed).begin(
            Payment(
                order_id=ORDER,
                owner="reader",
                amount=4250,
                currency="EUR",
                token="tok_1",
                status=Status.AUTHORISED,
            )
        )
        yield fuzzed


@asynccontextmanager
async def recommendation(parts: Parts) -> AsyncIterator[Fuzzed]:
    """Recommendation with an article that three customers have bought beside another."""
    async with plain("recommendation", sku=["PEN", "INK", "nope"])(parts) as fuzzed:
        store = _store(fuzzed)
        await store.opened()
        lines = (Line(sku="PEN"), Line(sku="INK"))
        facts = [OrderCompleted(owner=each, lines=lines) for each in "abc"]
        await store.write(lambda graph: graph.apply(facts))
        yield fuzzed


@asynccontextmanager
async def feed(parts: Parts) -> AsyncIterator[Fuzzed]:
    """Feed with news in a timeline."""
    async with plain("feed", owner=["reader", "nope"], brand=["quill", "nib"])(parts) as fuzzed:
        shard = _store(fuzzed).of("reader")
        await shard.follow("reader", "quill")
        for number in range(3):
            await shard.add(new(number, at=datetime.now(UTC)))
        yield fuzzed


@asynccontextmanager
async def sales(parts: Parts) -> AsyncIterator[Fuzzed]:
    """Sales with its columns open."""
    async with plain("sales")(parts) as fuzzed:
        await _store(fuzzed).opened()
        yield fuzzed


def _store(fuzzed: Fuzzed) -> Any:
    assert isinstance(fuzzed.app, FastAPI)
    return fuzzed.app.state.store


def bff(name: str) -> World:
    """A BFF in front of services that respond."""

    @asynccontextmanager
    async def world(parts: Parts) -> AsyncIterator[Fuzzed]:
        shop = BffShop(
            stock={"PEN": 40, "INK": 3},
            percent={"PEN": 10},
            ratings={"PEN": (4.3, 12)},
            reviews=[review(number) for number in range(1, 8)],
            basket={"PEN": 2, "INK": 1},
            orders=[order(2), order(1)],
            quotes=[{"method": "standard", **euros(490), "days": 3}],
            next="a-cursor",
        )
        shop.sells(article("PEN", related=["INK"]), article("INK", 850))
        services = {name: f"httpx+http://{name}.test" for name in HTTP_SERVICES}
        with behind_respx(shop), pytest.MonkeyPatch.context() as patch:
            extend(patch)
            async with discount_server(shop) as discounts:
                app = APPS[name](
                    replace(parts, directory=Directory(services={**services, "discount-grpc": discounts}))
                )
                async with app.router.lifespan_context(app):
                    yield Fuzzed(
                        app=app,
                        callers=callers(name, parts.signing_key),
                        known={
                            "sku": ["PEN", "INK", "nope"],
                            "order_id": ["order-1", "nope"],
                            "min_position": [0, 41, 42],
                            "idempotency_key": list(KEYS),
                            "accept_language": ["de", "en-GB;q=0.5, fr"],
                        },
                        bodies={"POST /checkout": [PURCHASE]},
                        accepted=["*/*", "application/x-ndjson", "text/event-stream", "image/png"],
                    )

    return world


WORLDS: Final[Mapping[str, World]] = {
    "acquirer": plain(
        "acquirer",
        key=KEYS,
        token=["tok_visa", "tok_declined"],
        reference=["an-order"],
        currency=["EUR"],
        always={"delay": 0, "hang": 0, "error_rate": 0, "timeout_rate": 0},
        bodies={
            "POST /operations": [
                {"reference": "an-order", "kind": kind, "amount": 1, "currency": "EUR", "token": "tok_visa"}
                for kind in ("authorise", "capture", "void", "refund")
            ]
        },
    ),
    "basket": plain("basket", owner=["reader", GUEST], sku=["PEN", "nope"], version=[0, 1, 2]),
    "bff-agent": bff("bff-agent"),
    "bff-mobile": bff("bff-mobile"),
    "bff-operator": lambda parts: operators(parts, callers("bff-operator", parts.signing_key)),
    "bff-web": bff("bff-web"),
    "catalog": plain(
        "catalog", sku=SEEDED, file=["1-160.svg"], sort=["name", "price", "-price"], brand=["quill"]
    ),
    "discount": plain("discount"),
    "identity": plain("identity"),
    "feed": feed,
    "inventory": plain(
        "inventory",
        sku=SEEDED,
        bodies={"POST /reservations": [{"lines": [{"sku": "NOTE-001", "quantity": 1}]}]},
    ),
    "notification": plain("notification"),
    "ordering": ordering,
    "payment": payment,
    "pickup": plain(
        "pickup",
        store_id=["1", "7", "nope"],
        place=["Berlin", "nope"],
        if_match=['"1"', '"2"'],
    ),
    "recommendation": recommendation,
    "reviews": plain(
        "reviews",
        sku=["PEN", "INK", "nope"],
        bodies={"POST /reviews": [{"sku": "PEN", "rating": 4, "title": "Good", "text": "Not a blot."}]},
    ),
    "sales": sales,
    "shipping": shipping,
}
