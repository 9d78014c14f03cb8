"""A BFF on its stage: before each request pact sets the scene, the shop behind the BFF."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import bff.mobile.app
import bff.web.app
from bff.app import BffSettings
from kit.asgi import App, Message, Receive, Scope, Send
from kit.settings import Directory, TokenSettings
from kit.tokens import Identity, Signer
from tests.bff.documents import article, order, review
from tests.bff.world import DOWN, HTTP_SERVICES, Shop, answering, behind_respx, discount_server, problem
from tests.support.contracts import LOGGED_IN, STATES
from tests.support.serving import servers
from tests.support.stub import Exchange

BFFS: Final = {"bff-web": bff.web.app.create_app, "bff-mobile": bff.mobile.app.create_app}
"""Every BFF that clients have contracts with."""


def _sells(shop: Shop) -> None:
    skus = ["PEN", "INK"]
    shop.sells(article("PEN", related=["INK"]), article("INK", 850))
    shop.stock = dict.fromkeys(skus, 3)
    shop.percent = dict.fromkeys(skus, 10)
    shop.ratings = dict.fromkeys(skus, (4.3, 12))
    shop.reviews = [review(1)]


def _catalogue_alone(shop: Shop) -> None:
    shop.trouble |= dict.fromkeys(("stocks", "discounts", "ratings", "reviews"), DOWN)


def _more(shop: Shop) -> None:
    shop.next = "a-cursor"


def _basket(shop: Shop) -> None:
    shop.basket = {"PEN": 2, "INK": 1}


def _ordered(shop: Shop) -> None:
    shop.orders = [order(2), order(1)]


def _short(shop: Shop) -> None:
    lines = [{"sku": "PEN", "wanted": 2, "available": 1}]
    shop.trouble["place"] = answering(problem(409, "out-of-stock", lines=lines))


SCENES: Final[Mapping[str, Callable[[Shop], None]]] = {
    "the shop sells PEN and INK": _sells,
    "only the catalogue answers": _catalogue_alone,
    "there is more to come": _more,
    "the basket holds PEN and INK": _basket,
    "the customer has ordered": _ordered,
    "the stock covers no order": _short,
}
"""What contracts say of the shop, and how it becomes so; a new scene begins with an empty shop."""


class Stage:
    """An ASGI app: a BFF, a door at `STATES`, and a member that its answers lack although it sends it.

    Args:
        bff: the app itself.
        shop: what it finds behind it.
        customer: proves a true customer, in place of what a contract says.
    """

    def __init__(self, bff: App, shop: Shop, customer: bytes) -> None:
        self.lacks: str | None = None
        self._bff = bff
        self._shop = shop
        self._customer = customer
        self._logged_in = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the scene, or play it."""
        if scope["type"] != "http":
            await self._bff(scope, receive, send)
        elif scope["path"] == STATES:
            await self._set(Exchange(scope, receive, send))
        else:
            headers = [(name, self._true(name, value)) for name, value in scope["headers"]]
            await self._bff({**scope, "headers": headers}, receive, self._lacking(send))

    async def _set(self, exchange: Exchange) -> None:
        wanted = json.loads(await exchange.read())
        status = 200
        if wanted["action"] == "teardown":
            vars(self._shop).update(vars(Shop()))
            self._logged_in = False
        elif wanted["state"] == LOGGED_IN:
            self._logged_in = True
        elif wanted["state"] in SCENES:
            SCENES[wanted["state"]](self._shop)
        elif wanted["state"]:  # an example without a state of its own has an empty one
            status = 400  # after a 5xx pact would try again, for minutes
        await exchange.start(status)
        await exchange.end()

    def _true(self, name: bytes, value: bytes) -> bytes:
        return self._customer if name == b"authorization" and self._logged_in else value

    def _lacking(self, send: Send) -> Send:
        """Where answers go; they have one body message each, as the BFFs send them."""
        head: Message = {}

        async def lacking(message: Message) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
                return
            body = json.dumps(_without(self.lacks, json.loads(message["body"]))).encode()
            length = (b"content-length", str(len(body)).encode())
            headers = [*(each for each in head["headers"] if each[0] != b"content-length"), length]
            await send({**head, "headers": headers})
            await send({**message, "body": body})

        return send if self.lacks is None else lacking


class OnStage(NamedTuple):
    """A stage and its address."""

    stage: Stage
    url: str


@asynccontextmanager
async def staged(provider: str, signing_key: str, tokens: TokenSettings) -> AsyncIterator[OnStage]:
    """A BFF on a stage, on a real socket: the app as it runs in production, in front of an empty shop."""
    shop = Shop()
    services = {name: f"httpx+http://{name}.test" for name in HTTP_SERVICES}
    with behind_respx(shop):
        async with discount_server(shop) as discounts, servers() as serve:
            directory = Directory(services={**services, "discount-grpc": discounts})
            app = BFFS[provider](BffSettings(directory=directory, signing_key=signing_key, tokens=tokens))
            customer = Identity(subject="reader", scopes=frozenset({"shop"}))
            stage = Stage(app, shop, Signer(signing_key, "gateway").authorization(customer, provider))
            yield OnStage(stage, await serve(stage))


def _without(name: str | None, value: Any) -> Any:
    if isinstance(value, list):
        return [_without(name, item) for item in value]
    if isinstance(value, dict):
        return {member: _without(name, told) for member, told in value.items() if member != name}
    return value
