"""A BFF on its stage: before each request pact sets the scene, the shop behind the BFF."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import bff.mobile.app
import bff.web.app
from frontispiece.http.asgi import App, Message, Receive, Scope, Send
from frontispiece.pages import AuthenticatedBffSettings
from frontispiece.security import Identity, Signer
from frontispiece.settings import Directory, TokenSettings
from tests.bff.documents import article, euros, order, review
from tests.bff.world import DOWN, HTTP_SERVICES, Shop, answering, behind_respx, discount_server, problem
from tests.support.contracts import LOGGED_IN, STATES
from tests.support.serving import servers
from tests.support.stub import Exchange

BFFS: Final = {"bff-web": bff.web.app.create_app, "bff-mobile": bff.mobile.app.create_app}
"""Every BFF that clients have contracts with."""


SCENES: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "the shop sells PEN and INK": lambda: {
        "products": {"PEN": article("PEN", related=["INK"]), "INK": article("INK", 850)},
        "stock": {"PEN": 3, "INK": 3},
        "percent": {"PEN": 10, "INK": 10},
        "ratings": {"PEN": (4.3, 12), "INK": (4.3, 12)},
        "reviews": [review(1)],
    },
    "only the catalogue answers": lambda: {
        "trouble": dict.fromkeys(("stocks", "discounts", "ratings", "reviews"), DOWN)
    },
    "there is more to come": lambda: {"next": "a-cursor"},
    "the basket holds PEN and INK": lambda: {"basket": {"PEN": 2, "INK": 1}},
    "the customer has ordered": lambda: {"orders": [order(2), order(1)]},
    "parcels go to Germany": lambda: {
        "quotes": [{"method": "standard", "amount": 490, "currency": "EUR", "days": 3}]
    },
    "parcels go nowhere": lambda: {
        "trouble": {"quotes": answering(problem(422, "country-not-served", country="AQ"))}
    },
    "prices have changed": lambda: {
        "trouble": {"place": answering(problem(409, "total-changed", total=euros(749_925)))}
    },
}
"""What contracts say of the shop, and its attributes then; a new scene begins with an empty shop."""


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
            vars(self._shop).update(SCENES[wanted["state"]]())
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
            app = BFFS[provider](
                AuthenticatedBffSettings(directory=directory, signing_key=signing_key, tokens=tokens)
            )
            customer = Identity(subject="reader", scopes=frozenset({"shop"}))
            stage = Stage(app, shop, Signer(signing_key, "gateway").authorization(customer, provider))
            yield OnStage(stage, await serve(stage))


def _without(name: str | None, value: Any) -> Any:
    if isinstance(value, list):
        return [_without(name, item) for item in value]
    if isinstance(value, dict):
        return {member: _without(name, inner) for member, inner in value.items() if member != name}
    return value
