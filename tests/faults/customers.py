"""Customers who order through the gateway, and try again as often as it takes."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import httpx

from frontispiece.login.config import Login
from frontispiece.login.flow import LoginFailed, access_token
from shop.demo import PASSWORD
from tests.faults.ledgers import Accepted

PATIENCE: Final = 120.0
"""Seconds that a customer tries to do one thing."""

LOGIN_LASTS: Final = 200.0
"""Seconds, less than the five minutes of an access token."""

COUNTRY: Final = "DE"
ADDRESS: Final = {
    "name": "Ada",
    "street": "1 Main St",
    "postal_code": "10115",
    "city": "Berlin",
    "country": COUNTRY,
}

MAX_LINES: Final = 3
MAX_QUANTITY: Final = 2

DECLINED_SHARE: Final = 0.1
CANCELLED_SHARE: Final = 0.05
NEW_KEY_SHARE: Final = 0.5
"""Of failed orders: customers press again in a form that has been loaded anew, and so has another key."""


REFUSED: Final = "order: it answered 503."
"""Why an order fails that ordering refuses for now, as when its customer's bucket is moving."""

DRAFT_IS_OLD: Final = {"basket-changed", "basket-empty", "total-changed"}
"""Why an order that fits its draft may be refused: what came of a request whose response was lost."""


class Refused(Exception):
    """The shop refused what it should have taken; the message is its response."""


@dataclass
class Notes:
    """What customers remember: the orders that were accepted, and the responses that they got, by status."""

    accepted: list[Accepted] = field(default_factory=list)
    responses: Counter[str] = field(default_factory=Counter)
    refused: float = 0.0
    """Seconds from the first 503 of ordering itself for an order to its acceptance, at most."""
    late: int = 0
    """Orders of which the first attempt failed, whatever the reason."""
    latest: float = 0.0
    """Seconds from such a failure to the order's acceptance, at most."""


class Customer:
    """One customer, who does one thing at a time.

    Args:
        name: at the issuer.
        url: of the gateway.
        login: how phones log in.
        skus: of the articles to choose from.
        notes: of all customers.
        seed: of the customer's choices.
    """

    def __init__(
        self, name: str, url: str, login: Login, skus: Sequence[str], notes: Notes, seed: int
    ) -> None:
        self._name = name
        self._url = url
        self._login = login
        self._skus = skus
        self._notes = notes
        self._random = Random(seed)  # noqa: S311 (it must be replayed)
        self._token = ""
        self._failure = ""
        """Why the last attempt has failed; empty when it has not."""
        self._logged_in = float("-inf")

    async def shop(self, orders: int, pause: float) -> None:
        """Place orders until so many are accepted.

        Args:
            orders: their number.
            pause: seconds between two of them, on average.
        """
        limits = httpx.Limits(max_keepalive_connections=2)
        async with httpx.AsyncClient(base_url=self._url, timeout=15, limits=limits, trust_env=False) as http:
            for _ in range(orders):
                await asyncio.sleep(self._random.uniform(0, 2 * pause))
                async with asyncio.timeout(PATIENCE):
                    order_id = None
                    while order_id is None:
                        order_id = await self._order(http)
                if self._random.random() < CANCELLED_SHARE:
                    await self._request(http, "POST", f"/mobile/orders/{order_id}/cancel")

    async def _order(self, http: httpx.AsyncClient) -> str | None:
        """Fill the basket and order it; the order's id, None when its draft did not hold."""
        await self._fill_basket(http)
        response = await self._request(http, "POST", "/mobile/checkout/draft", json={"country": COUNTRY})
        draft = response.json()
        if not draft.get("deliveries"):
            return None
        total = draft["deliveries"][0]["amount"]
        declined = self._random.random() < DECLINED_SHARE
        order = {
            "basket_version": draft["basket_version"],
            "total": total,
            "shipping": {"method": draft["deliveries"][0]["method"], "address": ADDRESS},
            "payment_token": "tok_declined" if declined else f"tok_{self._name}",
        }
        response = await self._press(http, order)
        answer = response.json()
        if response.status_code == httpx.codes.ACCEPTED:
            accepted = Accepted(order_id=answer["id"], total=total["amount"], currency=total["currency"])
            self._notes.accepted.append(accepted)
            return accepted.order_id
        if answer["type"].rpartition(":")[2] not in DRAFT_IS_OLD:
            raise Refused(f"{response.status_code}: {response.text}")
        return None

    async def _press(self, http: httpx.AsyncClient, order: dict[str, Any]) -> httpx.Response:
        """The first response to an order that is no failure; after some failures it has a new key."""
        response = key = failed = late = None
        loop = asyncio.get_running_loop()
        while response is None:
            if key is None or self._random.random() < NEW_KEY_SHARE:
                key = {"Idempotency-Key": str(uuid.UUID(int=self._random.getrandbits(128)))}
            began = loop.time()
            response = await self._attempt(http, "POST", "/mobile/checkout", json=order, headers=key)
            if late is None and self._failure:
                late = began
            if failed is None and self._failure.endswith(REFUSED):
                failed = began
        if late is not None:
            self._notes.late += 1
            self._notes.latest = max(self._notes.latest, loop.time() - late)
        if failed is not None:
            self._notes.refused = max(self._notes.refused, loop.time() - failed)
        return response

    async def _fill_basket(self, http: httpx.AsyncClient) -> None:
        """Put articles into the basket, instead of those that a cancelled order has given back."""
        await self._request(http, "DELETE", f"/api/basket/baskets/{self._name}")
        for sku in self._random.sample(self._skus, self._random.randint(1, MAX_LINES)):
            quantity = self._random.randint(1, MAX_QUANTITY)
            await self._request(http, "PUT", f"/mobile/basket/items/{sku}", json={"quantity": quantity})

    async def _request(
        self, http: httpx.AsyncClient, method: str, path: str, **options: Any
    ) -> httpx.Response:
        """The first response that is no failure of the shop; the request is repeated until then."""
        while (response := await self._attempt(http, method, path, **options)) is None:
            pass
        return response

    async def _attempt(
        self, http: httpx.AsyncClient, method: str, path: str, **options: Any
    ) -> httpx.Response | None:
        """The response; None, after a moment, when it is a failure of the shop."""
        try:
            token = {"Authorization": f"Bearer {await self._access_token()}"}
            headers = {**options.pop("headers", {}), **token}
            response = await http.request(method, path, headers=headers, **options)
        except (httpx.TransportError, LoginFailed) as error:
            self._failure = type(error).__name__
            self._notes.responses[self._failure] += 1
        else:
            self._failure = response.json().get("detail", "") if response.is_server_error else ""
            self._notes.responses[f"{method} {response.status_code} {self._failure}".strip()] += 1
            if not (response.is_server_error or is_temporary(response)):
                return response
        await asyncio.sleep(self._random.uniform(0.1, 0.5))
        return None

    async def _access_token(self) -> str:
        now = asyncio.get_running_loop().time()
        if now > self._logged_in + LOGIN_LASTS:
            self._token = await asyncio.to_thread(access_token, self._url, self._login, self._name, PASSWORD)
            self._logged_in = now
        return self._token


def is_temporary(response: httpx.Response) -> bool:
    """Whether the same request may succeed soon."""
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return True
    return response.status_code == httpx.codes.CONFLICT and response.json()["type"].endswith(
        ":request-in-progress"
    )
