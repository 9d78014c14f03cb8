"""What a client is told when a service around ordering fails or refuses; trying again makes one order."""

import json
from typing import Any

import grpc
import httpx
import pytest

from frontispiece.settings import Directory, TokenSettings
from services.ordering.app import OrderingSettings, create_app
from tests.services.ordering.conftest import OpenShop
from tests.services.ordering.orders import one_shard
from tests.services.ordering.world import (
    ADDRESS,
    Discounts,
    Shop,
    answers,
    hangs,
    problem,
    raises,
    refusal,
)
from tests.support.events import NO_BROKER

NEEDED = {"claim": "basket", "catalog": "catalog", "quote": "shipping"}
"""The steps over HTTP that an order cannot do without, and whose they are."""

INVALID = {
    "claim": {"lines": [{"sku": "PEN", "quantity": -1}]},
    "catalog": {"items": [{"sku": "PEN", "name": "Pen", "price": {"amount": "1", "currency": "EUR"}}]},
    "quote": [{"method": "standard", "amount": -1, "currency": "EUR"}],
}


FAILURES = [
    (raises(httpx.ConnectError("refused")), 503, "upstream-unavailable"),
    (raises(httpx.ReadTimeout("slow")), 504, "upstream-timeout"),
    (answers(problem(302, "elsewhere")), 502, "upstream-invalid-response"),
    (answers(problem(503, "store-unavailable")), 503, "upstream-unavailable"),
    *((answers(problem(status, "broken")), 502, "upstream-failed") for status in (500, 400)),
]


@pytest.mark.parametrize("step", NEEDED)
async def test_a_service_that_fails_is_named_and_a_retry_succeeds(shop: Shop, step: str) -> None:
    for trouble, status, kind in FAILURES:
        shop.trouble[step] = trouble
        answer = await shop.place()

        assert refusal(answer) == (status, kind, NEEDED[step])
        assert answer.headers.get("retry-after") == ("1" if status == 503 else None)
    await shop.a_retry_makes_one_order()


@pytest.mark.parametrize("step", NEEDED)
async def test_a_service_with_an_invalid_response_is_named_and_a_retry_succeeds(
    shop: Shop, step: str
) -> None:
    wrong = json.dumps(INVALID[step]).encode()
    for content in (b"<html>", b"", b"\xff", b"[" * 100_000, b"{}", wrong):
        shop.trouble[step] = answers(httpx.Response(200, content=content))

        assert refusal(await shop.place()) == (502, "upstream-invalid-response", NEEDED[step]), content[:9]
    await shop.a_retry_makes_one_order()


async def test_a_basket_that_the_customer_has_not_seen_is_not_ordered(shop: Shop) -> None:
    shop.version = 8
    answer = await shop.place()

    assert refusal(answer) == (409, "basket-changed", "basket")
    assert answer.json()["version"] == 8
    assert await shop.statuses() == []


async def test_a_total_that_the_customer_has_not_seen_is_not_charged(shop: Shop) -> None:
    """The basket showed one price, and it changed before the order."""
    shop.sells("PEN", 999_00)
    answer = await shop.place()

    assert refusal(answer)[:2] == (409, "total-changed")
    assert answer.json()["total"] == {"amount": 199_800 + 1000 + 490, "currency": "EUR"}
    assert shop.basket == {"PEN": 2, "INK": 1}
    assert shop.claims == {}
    again = await shop.place(total=199_800 + 1000 + 490)
    assert (again.status_code, again.json()["total"]["amount"]) == (202, 201_290)


async def test_the_total_counts_the_way_of_shipping(shop: Shop) -> None:
    express = {"method": "express", "address": ADDRESS}
    assert refusal(await shop.place(shipping=express))[:2] == (409, "total-changed")
    assert (await shop.place(total=1666 + 990, shipping=express)).status_code == 202


@pytest.mark.parametrize(
    ("shipping", "kind"),
    [
        ({"method": "balloon", "address": ADDRESS}, "method-unknown"),
        ({"method": "standard", "address": {**ADDRESS, "country": "AQ"}}, "country-not-served"),
    ],
)
async def test_what_cannot_be_delivered_is_not_ordered(
    shop: Shop, shipping: dict[str, Any], kind: str
) -> None:
    assert refusal(await shop.place(shipping=shipping))[:2] == (422, kind)
    await shop.a_retry_makes_one_order()


async def test_an_article_that_is_not_sold_is_named(shop: Shop) -> None:
    shop.basket["NIB"] = 1
    answer = await shop.place()

    assert refusal(answer) == (409, "article-unknown", None)
    assert answer.json()["skus"] == ["NIB"]
    assert shop.basket == {"PEN": 2, "INK": 1, "NIB": 1}


async def test_an_empty_basket_is_no_order(shop: Shop) -> None:
    shop.basket.clear()

    assert refusal(await shop.place()) == (422, "basket-empty", "basket")
    assert await shop.statuses() == []


async def test_a_coupon_that_takes_nothing_off_is_refused(shop: Shop) -> None:
    shop.takes_off("PEN", 10)
    shop.takes_off("CAP", 10, coupon="SPRING")

    assert refusal(await shop.place(total=1600 + 490, coupon="SPRING")) == (422, "coupon-invalid", None)
    assert (await shop.place(total=1600 + 490)).json()["discount"]["amount"] == 66


@pytest.mark.parametrize("kind", ["coupon-used", "coupon-exhausted", "order-has-coupon"])
async def test_a_coupon_that_cannot_be_used_again_makes_no_order(shop: Shop, kind: str) -> None:
    shop.takes_off("PEN", 10, coupon="ONCE")
    shop.discounts.refused_coupons["ONCE"] = kind

    assert refusal(await shop.place(total=1600 + 490, coupon="once")) == (422, kind, "discount")
    await shop.a_retry_makes_one_order()


async def test_prices_in_two_currencies_are_no_order(shop: Shop) -> None:
    shop.sells("PEN", 333, currency="CHF")

    assert refusal(await shop.place()) == (409, "currencies-mixed", None)


async def test_shipping_in_another_currency_is_no_order(shop: Shop) -> None:
    for sku in ("PEN", "INK"):
        shop.sells(sku, 333, currency="CHF")

    assert refusal(await shop.place()) == (409, "currencies-mixed", None)


async def test_an_order_of_more_than_money_can_hold_is_refused(shop: Shop) -> None:
    shop.basket = {"PEN": 1, "INK": 1}
    shop.sells("PEN", 10**12 - 999)
    assert refusal(await shop.place()) == (422, "order-too-large", None)

    shop.sells("PEN", 10**12 - 1000)
    assert refusal(await shop.place()) == (422, "order-too-large", None)

    shop.sells("PEN", 10**12 - 1490)
    assert (await shop.place(total=10**12)).json()["total"]["amount"] == 10**12


@pytest.mark.parametrize(
    ("step", "status", "kind", "headers"),
    [
        ("claim", 401, "token-invalid", {"www-authenticate": "Bearer"}),
        ("catalog", 429, "too-many-requests", {"retry-after": "7"}),
        ("quote", 403, "scope-missing", {}),
    ],
)
async def test_what_a_service_refuses_for_the_callers_sake_is_passed_on(
    *,
    shop: Shop,
    step: str,
    status: int,
    kind: str,
    headers: dict[str, str],
) -> None:
    passed_on = problem(status, kind)
    passed_on.headers.update(headers)
    shop.trouble[step] = answers(passed_on)
    answer = await shop.place()

    assert refusal(answer) == (status, kind, NEEDED[step])
    assert answer.headers.items() >= headers.items()
    await shop.a_retry_makes_one_order()


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, 503, "upstream-unavailable"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504, "upstream-timeout"),
        (grpc.StatusCode.INTERNAL, 502, "upstream-failed"),
        (grpc.StatusCode.UNIMPLEMENTED, 502, "upstream-failed"),
    ],
)
async def test_a_failing_discount_service_is_named_and_a_retry_succeeds(
    shop: Shop, code: grpc.StatusCode, status: int, kind: str
) -> None:
    shop.discounts.code = code
    answer = await shop.place()

    assert refusal(answer) == (status, kind, "discount")
    assert answer.headers.get("retry-after") == ("1" if status == 503 else None)
    await shop.a_retry_makes_one_order()


async def test_more_than_everything_off_is_invalid(shop: Shop) -> None:
    shop.takes_off("PEN", 101)

    assert refusal(await shop.place()) == (502, "upstream-invalid-response", "discount")


@pytest.mark.parametrize("service", ["claim", "discount"])
async def test_a_service_that_never_answers_is_given_up(
    sqlite_url: str, open_shop: OpenShop, service: str
) -> None:
    async with open_shop(sqlite_url, call_timeout=0.5) as shop:
        if service == "claim":
            shop.trouble["claim"] = hangs
        else:
            shop.discounts.trouble = hangs
        assert refusal(await shop.place()) == (504, "upstream-timeout", NEEDED.get(service, service))


async def test_of_several_addresses_another_is_tried_where_one_cannot_be_reached(
    sqlite_url: str, open_shop: OpenShop, discounts: tuple[Discounts, grpc.aio.Server, str], closed: str
) -> None:
    addresses = {
        "catalog": "httpx+http://gone.test,httpx+http://catalog.test",
        "discount-grpc": f"{closed},{discounts[2]}",
    }
    async with open_shop(sqlite_url, addresses=addresses) as shop:
        for _ in range(8):  # which address is the first is random
            await shop.place({**shop.headers, "Idempotency-Key": "another"}, coupon="none")
        await shop.a_retry_makes_one_order()


def test_ordering_does_not_start_without_the_addresses_it_needs(
    sqlite_url: str, token_settings: TokenSettings, signing_key: str
) -> None:
    settings = OrderingSettings(
        shards=one_shard(sqlite_url, sqlite_url.replace("service.db", "read.db")),
        events=NO_BROKER,
        directory=Directory(services={"discount-grpc": "127.0.0.1:1"}),
        signing_key=signing_key,
        tokens=token_settings,
    )

    with pytest.raises(LookupError, match="'catalog'"):
        create_app(settings)


@pytest.mark.parametrize("name", [None, "catalog", "shipping", "basket", "discount"])
async def test_it_is_ready_when_everything_is_that_an_order_needs(
    shop: Shop,
    discounts: tuple[Discounts, grpc.aio.Server, str],
    name: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if name == "discount":
        await discounts[1].stop(None)
    shop.unready = {f"{name}.test"}

    assert (await shop.http.get("/health/ready")).status_code == (503 if name else 200)
    assert (await shop.http.get("/health/live")).status_code == 200
    if name:
        assert f"ordering is not ready: {name} does not respond" in caplog.text
