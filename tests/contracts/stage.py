"""The BFFs on their stage (`[contracts]` of frontispiece.toml): a contract's states are the shop's."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest

import bff.mobile.app
import bff.web.app
from frontispiece.contracts import UnknownState
from frontispiece.http.asgi import App, Receive, Scope, Send
from frontispiece.pages import AuthenticatedBffSettings, PageApp
from frontispiece.security import Identity, Signer, issuers, private_key
from frontispiece.settings import Directory, TokenSettings
from frontispiece.testing import new_signing_key
from tests.bff.discounts import discount_server
from tests.bff.documents import STORE, article, euros, news, order, picked_up, review
from tests.bff.times import extend
from tests.bff.troubles import DOWN, answering, problem
from tests.bff.world import HTTP_SERVICES, Shop, behind_respx
from tests.support.contracts import LOGGED_IN

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
    "there are news of a brand that the customer follows": lambda: {
        "news": [news(2) | {"others": 2}],
        "follows": ["quill"],
        "read_up_to": "1",
    },
    "there are older news as well": lambda: {"news": [news(2) | {"others": 2}] * 20},
    "only the catalogue answers": lambda: {
        "trouble": dict.fromkeys(("stocks", "discounts", "ratings", "reviews"), DOWN)
    },
    "CAP is sold no more": lambda: {"removed": ["CAP"]},
    "the cursor is from another catalogue": lambda: {
        "trouble": {"changes": answering(problem(410, "cursor-expired"))}
    },
    "there is more to come": lambda: {"next": "a-cursor"},
    "the basket holds PEN and INK": lambda: {"basket": {"PEN": 2, "INK": 1}},
    "the customer has ordered": lambda: {
        "orders": [order(number) | {"status": "completed"} for number in (2, 1)]
    },
    "the basket holds five of PEN and of INK": lambda: {"basket": {"PEN": 5, "INK": 5}},
    "prices have changed since": lambda: {"added_at": {"PEN": 990, "INK": 990}},
    "a checkout has given PEN back": lambda: {"waiting": {"PEN": 1}},
    "the customer has cancelled an order with a coupon": lambda: {
        "orders": [order(1) | {"reason": "cancelled-by-customer", "coupon": "INK20"}]
    },
    "parcels go to Germany": lambda: {
        "quotes": [{"method": "standard", "amount": 490, "currency": "EUR", "days": 3}]
    },
    "there is a store near Leipzig": lambda: {"stores": [STORE]},
    "the customer picks the order up": lambda: {
        "orders": [picked_up(order(1))],
        "trouble": {
            "place": answering(placed(picked_up(order()))),
            "cancel": answering(placed(picked_up(order()))),
        },
    },
    "parcels go nowhere": lambda: {
        "trouble": {"quotes": answering(problem(422, "country-not-served", country="AQ"))}
    },
    "the order was placed before, and cancelled": lambda: {
        "trouble": {"place": answering(placed(order() | {"reason": "cancelled-by-customer"}))}
    },
    "prices have changed": lambda: {
        "trouble": {"place": answering(problem(409, "total-changed", total=euros(749_925)))}
    },
}
"""What contracts say of the shop, and its attributes then; a new scene begins with an empty shop."""


def placed(document: dict[str, Any]) -> httpx.Response:
    """What ordering says of an order that is placed."""
    return httpx.Response(202, json=document, headers={"Position": "41"})


class BffStage:
    """A BFF in front of stubbed services.

    Args:
        bff: the app itself.
        shop: what it finds behind it.
        customer: proves a true customer, in place of what a contract says.
    """

    def __init__(self, bff: PageApp, shop: Shop, customer: bytes) -> None:
        self._customers = AuthenticatedApp(bff, customer)
        self.app: App = self._customers
        self._shop = shop

    async def set_up(self, state: str, _parameters: Mapping[str, Any]) -> None:
        """A state of the shop, or of the client."""
        if state == LOGGED_IN:
            self._customers.is_logged_in = True
        elif state in SCENES:
            vars(self._shop).update(SCENES[state]())
        else:
            raise UnknownState(state)

    async def tear_down(self) -> None:
        """An empty shop, without customers."""
        vars(self._shop).update(vars(Shop()))
        self._customers.is_logged_in = False


class AuthenticatedApp:
    """A BFF that gets a valid token in place of a contract's, once its client is logged in."""

    def __init__(self, bff: PageApp, customer: bytes) -> None:
        self.is_logged_in = False
        self.openapi = bff.openapi
        self._bff = bff
        self._customer = customer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.is_logged_in:
            headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
            if len(headers) < len(scope["headers"]):
                scope = {**scope, "headers": [*headers, (b"authorization", self._customer)]}
        await self._bff(scope, receive, send)


@asynccontextmanager
async def staged(provider: str) -> AsyncIterator[BffStage]:
    """A BFF as it runs in production, in front of an empty shop."""
    shop = Shop()
    pem = new_signing_key()
    services = {name: f"httpx+http://{name}.test" for name in HTTP_SERVICES}
    with pytest.MonkeyPatch.context() as patch, behind_respx(shop):
        extend(patch)
        async with discount_server(shop) as discounts:
            settings = AuthenticatedBffSettings(
                directory=Directory(services={**services, "discount-grpc": discounts}),
                signing_key=pem,
                tokens=TokenSettings(issuers=issuers([("gateway", private_key(pem))])),
            )
            customer = Identity(subject="reader", scopes=frozenset({"shop"}))
            authorization = Signer(pem, "gateway").authorization(customer, provider)
            yield BffStage(BFFS[provider](settings), shop, authorization)
