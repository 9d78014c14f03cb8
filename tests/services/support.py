"""What the tests of several services use."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

from frontispiece.service import Intent
from frontispiece.settings import Directory

PROBLEM: Final = "urn:frontispiece:problem:"


def intent(key: str = "an-intent", request: bytes = b"{}", owner: str = "reader") -> Intent:
    return Intent(owner=owner, key=key, request=request)


def places(answer: httpx.Response) -> list[str]:
    """Where a refused request is wrong, such as `body.price.amount`."""
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    return [".".join(error["at"]) for error in answer.json()["errors"]]


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """The status and the name of a problem, such as `(404, "product-unknown")`."""
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)


CATALOG_HOST: Final = "catalog.test"
CATALOG_ADDRESS: Final = Directory(services={"catalog": f"httpx+http://{CATALOG_HOST}"})


@dataclass
class Catalog:
    """A catalog that sells every article at 10.00 EUR, but for those in `unknown`."""

    prices: dict[str, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    requests: list[list[str]] = field(default_factory=list)
    """The skus of each request."""
    status: int = 200

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Its response to `GET /products?sku=…` and to `GET /brands`."""
        if request.url.path == "/brands":
            return httpx.Response(200, json={"items": [{"id": "quill"}, {"id": "nib"}]})
        skus = request.url.params.get_list("sku")
        self.requests.append(skus)
        if self.status == 0:
            raise httpx.ConnectError("refused")
        items = [
            {"sku": sku, "name": sku, "price": {"amount": self.prices.get(sku, 1000), "currency": "EUR"}}
            for sku in skus
            if sku not in self.unknown
        ]
        return httpx.Response(self.status, json={"items": items, "unknown": []})


async def until_read(read: Callable[[], Awaitable[object]], *, is_: object) -> None:
    """Return as soon as this is read: an event is on its way."""
    async with asyncio.timeout(60):
        while await read() != is_:
            pass
