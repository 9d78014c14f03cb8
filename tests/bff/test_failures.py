"""What every page and screen tells when a part of it fails."""

import asyncio
from typing import NamedTuple

import httpx
import pytest

from bff import mobile
from bff.mobile.screens import product
from tests.bff.world import (
    BABBLING,
    BREAKING_OFF,
    DOWN,
    FAILING,
    HANGING,
    REFUSING,
    SLOW,
    Shop,
    Trouble,
    answering,
    problem,
)

TROUBLES = [DOWN, SLOW, FAILING, BABBLING, BREAKING_OFF]
TROUBLE_NAMES = ["down", "slow", "failing", "babbling", "breaking-off"]


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
    Needed("POST", "/orders", "place", "order"),
    Needed("GET", "/orders", "orders", "orders"),
    Needed("GET", "/orders/order-1", "order", "order"),
]

OPTIONAL = [
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
]


async def ask(client: httpx.AsyncClient, method: str, path: str, reader: dict[str, str]) -> httpx.Response:
    bodies = {"PUT": {"quantity": 1}, "POST": {}}
    headers = {**reader, "Idempotency-Key": "an-intent"}
    return await client.request(method, path, json=bodies.get(method), headers=headers)


@pytest.mark.parametrize("needed", REQUIRED, ids=lambda n: f"{n.method}{n.path}-{n.operation}")
@pytest.mark.parametrize("trouble", TROUBLES, ids=TROUBLE_NAMES)
async def test_a_page_without_a_part_that_it_needs_tells_which_and_why(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str], needed: Needed, trouble: Trouble
) -> None:
    shop.trouble[needed.operation] = trouble

    answer = await ask(either, needed.method, needed.path, reader)

    assert answer.status_code == trouble.status
    assert answer.headers["content-type"] == "application/problem+json"
    kinds = {"unavailable": "unavailable", "timeout": "timeout", "failed": "failed", "nonsense": "nonsense"}
    assert answer.json()["type"] == f"urn:frontispiece:problem:upstream-{kinds[trouble.reason]}"
    assert answer.json()["source"] == needed.source
    assert ("retry-after" in answer.headers) == (trouble is DOWN)


@pytest.mark.parametrize("needed", REQUIRED, ids=lambda n: f"{n.method}{n.path}-{n.operation}")
async def test_a_refusal_that_concerns_the_client_stays_what_it_is(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str], needed: Needed
) -> None:
    for status in (401, 403, 404, 409, 410, 412, 422, 428, 429):
        refusal = problem(status, "just-so", {"Retry-After": "7"}, lines=[1, 2])
        shop.trouble[needed.operation] = answering(refusal)

        answer = await ask(either, needed.method, needed.path, reader)

        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "7"
        told = answer.json()
        assert told["type"] == "urn:frontispiece:problem:just-so"
        assert (told["detail"], told["lines"]) == ("This is just-so.", [1, 2])
        assert told["source"] == needed.source


async def test_a_refusal_that_is_our_own_doing_is_a_failure_of_the_part(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    for status in (400, 405, 413, 415):
        shop.trouble["product"] = answering(problem(status, "asked-wrongly"))

        answer = await either.get("/products/PEN")

        assert answer.status_code == 502
        assert answer.json()["type"] == "urn:frontispiece:problem:upstream-failed"


@pytest.mark.parametrize(("path", "operation", "source"), OPTIONAL)
@pytest.mark.parametrize("trouble", [*TROUBLES, REFUSING], ids=[*TROUBLE_NAMES, "refusing"])
async def test_a_page_goes_without_a_part_that_it_can_do_without_and_says_so(
    either: httpx.AsyncClient,
    shop: Shop,
    reader: dict[str, str],
    path: str,
    operation: str,
    source: str,
    trouble: Trouble,
) -> None:
    shop.trouble[operation] = trouble

    answer = await either.get(path, headers=reader)

    assert answer.status_code == 200
    assert answer.headers["page-degraded"] == f"{source};reason={trouble.reason}"


async def test_every_part_that_failed_is_named(either: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble |= {"stocks": DOWN, "discounts": SLOW, "ratings": BABBLING, "types": FAILING}

    answer = await either.get("/home")

    assert answer.status_code == 200
    assert sorted(answer.headers["page-degraded"].split(", ")) == [
        "discounts;reason=timeout",
        "ratings;reason=nonsense",
        "stocks;reason=unavailable",
        "types;reason=failed",
    ]


async def test_a_page_with_all_its_parts_is_not_called_degraded(either: httpx.AsyncClient) -> None:
    answer = await either.get("/products/PEN")

    assert answer.status_code == 200
    assert "page-degraded" not in answer.headers


@pytest.mark.parametrize("kept", [{"timeout"}])
async def test_parts_that_hang_cost_no_more_than_a_pages_patience(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    shop.trouble |= dict.fromkeys(["stocks", "discounts", "ratings", "types"], HANGING)
    begun = asyncio.get_running_loop().time()

    answer = await either.get("/home")

    assert answer.status_code == 200
    assert answer.headers["page-degraded"].count("reason=timeout") == 4
    assert mobile.PATIENCE <= asyncio.get_running_loop().time() - begun < 30


@pytest.mark.parametrize("kept", [{"deadline"}])
async def test_a_needed_part_that_hangs_is_given_up_at_the_pages_deadline(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    shop.trouble["product"] = HANGING
    begun = asyncio.get_running_loop().time()

    answer = await either.get("/products/PEN")

    assert answer.status_code == 504
    assert answer.json()["source"] == "product"
    assert product.page.deadline <= asyncio.get_running_loop().time() - begun


@pytest.mark.parametrize("missing", ["sku", "name", "description", "brand", "price", "images", "related"])
async def test_an_article_without_a_member_that_is_needed_is_nonsense(
    either: httpx.AsyncClient, shop: Shop, missing: str
) -> None:
    del shop.products["PEN"][missing]

    for path in ("/products/PEN", "/home", "/search"):
        answer = await either.get(path)
        assert answer.status_code == 502
        assert answer.json()["type"] == "urn:frontispiece:problem:upstream-nonsense"
        assert missing in answer.json()["detail"]


async def test_a_member_of_another_type_is_nonsense(either: httpx.AsyncClient, shop: Shop) -> None:
    shop.products["PEN"]["price"]["amount"] = "12.90"

    assert (await either.get("/products/PEN")).status_code == 502


async def test_an_order_without_a_true_date_is_nonsense(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    for date in ("yesterday", "2030-11-22T23:30:00", 7):
        shop.orders[0]["placed_at"] = date

        assert (await either.get("/orders", headers=reader)).status_code == 502
        assert (await either.get("/orders/order-2", headers=reader)).status_code == 502


async def test_a_discount_that_cannot_be_is_nonsense_and_changes_no_price(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    for percent in (0, 101, 4_000_000_000):
        shop.percent["PEN"] = percent

        answer = await either.get("/products/PEN")

        assert answer.headers["page-degraded"] == "discounts;reason=nonsense"
        assert answer.json()["price"] in ({"amount": 1290, "currency": "EUR"}, "€12.90")
