"""What every page and screen tells when a part of it fails."""

import asyncio
from itertools import product
from typing import NamedTuple

import httpx
import pytest

from bff import mobile
from tests.bff.documents import checkout, order
from tests.bff.troubles import (
    BABBLING,
    BREAKING_OFF,
    DOWN,
    FAILING,
    HANGING,
    REFUSING,
    SLOW,
    answering,
    problem,
)
from tests.bff.world import Shop

TROUBLES = [DOWN, SLOW, FAILING, BABBLING, BREAKING_OFF]


class Needed(NamedTuple):
    """A page, an operation that it cannot do without, and the source by which the client knows it."""

    method: str
    path: str
    operation: str
    source: str


REQUIRED = [
    Needed("GET", "/home", "search", "found"),
    Needed("GET", "/products/PEN", "product", "product"),
    Needed("GET", "/search", "search", "found"),
    Needed("GET", "/basket", "see", "basket"),
    Needed("GET", "/basket", "products", "products"),
    Needed("PUT", "/basket/items/PEN", "put", "basket"),
    Needed("PUT", "/basket/items/PEN", "products", "products"),
    Needed("DELETE", "/basket/items/PEN", "remove", "basket"),
    Needed("POST", "/checkout/draft", "see", "basket"),
    Needed("POST", "/checkout/draft", "products", "products"),
    Needed("POST", "/checkout/draft", "discounts", "discounts"),
    Needed("POST", "/checkout/draft", "quotes", "quotes"),
    Needed("POST", "/checkout", "place", "order"),
    Needed("POST", "/orders/order-1/cancel", "cancel", "order"),
    Needed("GET", "/orders", "orders", "orders"),
    Needed("GET", "/orders/order-1", "order", "order"),
]

OPTIONAL = [  # types first: what was loaded is cached
    ("/home", "types", "types"),
    ("/home", "stocks", "stocks"),
    ("/home", "discounts", "discounts"),
    ("/home", "ratings", "ratings"),
    ("/search", "stocks", "stocks"),
    ("/search", "discounts", "discounts"),
    ("/search", "ratings", "ratings"),
    ("/products/PEN", "discounts", "discounts"),
    ("/products/PEN", "reviews", "latest"),
    ("/products/PEN", "products", "related"),
    ("/basket", "stocks", "stocks"),
    ("/basket", "discounts", "discounts"),
    ("/orders/order-1", "shipment", "tracking"),
    ("/orders", "shipments", "parcels"),
]


async def ask(client: httpx.AsyncClient, method: str, path: str, reader: dict[str, str]) -> httpx.Response:
    bodies = {"/checkout": checkout(), "/checkout/draft": {"country": "DE"}}
    body = {"quantity": 1} if method == "PUT" else bodies.get(path)
    headers = {**reader, "Idempotency-Key": "an-intent"}
    return await client.request(method, path, json=body, headers=headers)


async def test_a_failed_required_source_is_named_with_its_reason(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    for needed, trouble in product(REQUIRED, TROUBLES):
        shop.trouble = {needed.operation: trouble}

        answer = await ask(either, needed.method, needed.path, reader)

        assert answer.status_code == trouble.status, (needed, trouble)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == f"urn:frontispiece:problem:upstream-{trouble.reason}"
        assert answer.json()["source"] == needed.source
        assert ("retry-after" in answer.headers) == (trouble is DOWN)


async def test_a_4xx_that_concerns_the_client_is_passed_on(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    over_http = [needed for needed in REQUIRED if needed.operation != "discounts"]
    for needed, status in product(over_http, (401, 403, 404, 409, 410, 412, 422, 428, 429)):
        refusal = problem(status, "just-so", {"Retry-After": "7"}, lines=[1, 2])
        shop.trouble = {needed.operation: answering(refusal)}

        answer = await ask(either, needed.method, needed.path, reader)

        assert answer.status_code == status, needed
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "7"
        body = answer.json()
        assert body["type"] == "urn:frontispiece:problem:just-so"
        assert (body["detail"], body["lines"]) == ("This is just-so.", [1, 2])
        assert body["source"] == needed.source


async def test_a_failed_optional_source_degrades_the_page(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.orders = [order() | {"status": "completed"}]
    for (path, operation, source), trouble in product(OPTIONAL, [*TROUBLES, REFUSING]):
        shop.trouble = {operation: trouble}

        answer = await either.get(path, headers=reader)

        assert answer.status_code == 200, (path, trouble)
        assert answer.headers["page-degraded"] == f"{source};reason={trouble.reason}"


async def test_every_failed_source_is_named(either: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble |= {"stocks": DOWN, "discounts": SLOW, "ratings": BABBLING, "types": FAILING}

    answer = await either.get("/home")

    assert answer.status_code == 200
    assert sorted(answer.headers["page-degraded"].split(", ")) == [
        "discounts;reason=timeout",
        "ratings;reason=invalid-response",
        "stocks;reason=unavailable",
        "types;reason=failed",
    ]


@pytest.mark.parametrize("enforced", [{"timeout"}])
async def test_hanging_optional_sources_end_at_their_timeout(either: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble |= dict.fromkeys(["stocks", "discounts", "ratings", "types"], HANGING)
    begun = asyncio.get_running_loop().time()

    answer = await either.get("/home")

    assert answer.status_code == 200
    assert answer.headers["page-degraded"].count("reason=timeout") == 4
    assert mobile.OPTIONAL_TIMEOUT <= asyncio.get_running_loop().time() - begun < 30


async def test_an_article_without_a_required_member_is_an_invalid_response(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    article = shop.products["PEN"]
    for missing in ("sku", "name", "description", "brand", "price", "images", "related"):
        shop.products["PEN"] = {name: member for name, member in article.items() if name != missing}

        for path in ("/products/PEN", "/home", "/search"):
            answer = await either.get(path)
            assert answer.status_code == 502
            assert answer.json()["type"] == "urn:frontispiece:problem:upstream-invalid-response"
            assert missing in answer.json()["detail"]


async def test_an_order_without_a_valid_date_is_an_invalid_response(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    for date in ("yesterday", "2030-11-22T23:30:00", 7):
        shop.orders[0]["placed_at"] = date

        assert (await either.get("/orders", headers=reader)).status_code == 502
        assert (await either.get("/orders/order-2", headers=reader)).status_code == 502


async def test_a_discount_out_of_range_is_an_invalid_response_and_changes_no_price(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    for percent in (0, 101, 4_000_000_000):
        shop.percent["PEN"] = percent

        answer = await either.get("/products/PEN")

        assert answer.headers["page-degraded"] == "discounts;reason=invalid-response"
        assert answer.json()["price"] in ({"amount": 1290, "currency": "EUR"}, "€12.90")
