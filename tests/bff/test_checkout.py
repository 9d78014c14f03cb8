"""What both clients' checkouts promise: the draft, the order, and how it goes on."""

from typing import Any

import httpx
import pytest

from bff.mobile.app import create_app as create_mobile
from bff.web.app import create_app as create_web
from frontispiece.pages import BffSettings
from frontispiece.pages.plan import Origin
from tests.bff.documents import checkout, order
from tests.bff.troubles import DOWN, answering, problem
from tests.bff.world import PROGRESS, Shop


async def draft(client: httpx.AsyncClient, reader: dict[str, str], **wanted: Any) -> Any:
    response = await client.post("/checkout/draft", json=wanted, headers=reader)
    assert response.status_code == 200, response.text
    return response.json()


def test_the_chain_of_calls_of_a_draft_is_two_levels_deep(settings: BffSettings) -> None:
    for app in (create_web(settings), create_mobile(settings)):
        (plan,) = (plan for plan in app.plans if plan.page.path == "/checkout/draft")
        levels: dict[str, int] = {}
        for step in plan.steps:
            calls = any(each.origin is Origin.PROVIDED for each in step.inputs)
            levels[step.source.name] = calls + max((levels[name] for name in step.needs), default=0)

        assert max(levels.values()) == 2, levels


async def test_every_delivery_has_the_total_that_an_order_with_it_has(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    deliveries = (await draft(either, reader, country="DE"))["deliveries"]

    goods = 2 * 1161 + 850
    totals = [each.get("amount") or each["total"] for each in deliveries]
    assert totals == [{"amount": goods + price, "currency": "EUR"} for price in (490, 990)]
    assert dict(shop.last("quotes").url.params) == {"country": "DE", "pieces": "3"}


@pytest.mark.parametrize("given", ["INK20", "  INK20 "])
async def test_a_coupon_takes_its_percentage_off(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str], given: str
) -> None:
    shop.coupons = {"INK20": {"INK": 20}}

    shown = await draft(either, reader, coupon=given, country="DE")

    total = shown["deliveries"][0].get("amount") or shown["deliveries"][0]["total"]
    assert total["amount"] == 2 * 1161 + 680 + 490
    assert "coupon-invalid" not in shown.get("obstacles", [])


async def test_a_coupon_that_the_customer_has_used_before_is_named(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.coupon_problem = "coupon-used"

    assert (await draft(either, reader, coupon="ONCE"))["obstacles"] == ["coupon-used"]


@pytest.mark.parametrize(
    ("basket", "coupon", "obstacles"),
    [
        ({"PEN": 1}, None, []),
        ({}, None, ["basket-empty"]),
        ({"PEN": 1, "GONE": 1}, None, ["article-unknown"]),
        ({"INK": 4}, None, ["out-of-stock"]),
        ({"CAP": 1, "PEN": 1}, "NOTHING", ["out-of-stock", "coupon-invalid"]),
    ],
)
async def test_what_keeps_the_customer_from_ordering_is_named(
    either: httpx.AsyncClient,
    shop: Shop,
    reader: dict[str, str],
    basket: dict[str, int],
    coupon: str | None,
    obstacles: list[str],
) -> None:
    shop.basket = basket

    assert (await draft(either, reader, coupon=coupon)).get("obstacles", []) == obstacles


async def test_prices_in_several_currencies_have_no_total(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.products["INK"]["price"]["currency"] = "CHF"

    shown = await draft(either, reader, country="DE")

    assert shown["obstacles"] == ["currencies-mixed"]
    assert not shown.get("deliveries")


async def test_a_delivery_in_another_currency_than_the_goods_is_left_out(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.quotes[0]["currency"] = "CHF"

    shown = await draft(either, reader, country="DE")

    assert [each["method"] for each in shown["deliveries"]] == ["express"]


async def test_without_inventory_the_draft_has_no_warnings_and_says_so(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.trouble["stocks"] = DOWN
    shop.basket = {"INK": 999}

    response = await either.post("/checkout/draft", json={}, headers=reader)

    assert response.status_code == 200
    assert response.headers["page-degraded"] == "stocks;reason=unavailable"
    assert not response.json().get("obstacles")


async def test_an_order_is_accepted_and_found_where_the_response_says(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    key = {"Idempotency-Key": "an-intent"}
    response = await either.post("/checkout", json=checkout(), headers={**reader, **key})

    assert (response.status_code, response.headers["location"]) == (202, "/orders/order-1")
    assert shop.operations == ["place"]
    seen = (await either.get(response.headers["location"], headers=reader)).json()
    assert {name: seen[name] for name in ("id", "lines", "total")} == {
        name: response.json()[name] for name in ("id", "lines", "total")
    }


async def test_an_order_is_cancelled(either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]) -> None:
    response = await either.post("/orders/order-2/cancel", headers=reader)

    assert (response.status_code, response.headers["location"]) == (202, "/orders/order-2")
    assert response.json()["reason"] == "cancelled-by-customer"
    assert shop.last("cancel").url.path == "/orders/order-2/cancel"


@pytest.mark.parametrize("path", ["/orders", "/orders/order-1"])
async def test_a_client_that_has_just_written_reads_its_own_write(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str], path: str
) -> None:
    key = {"Idempotency-Key": "an-intent"}
    placed = await either.post("/checkout", json=checkout(), headers={**reader, **key})
    cancelled = await either.post("/orders/order-1/cancel", headers=reader)
    assert placed.headers["position"] == cancelled.headers["position"] == "41"

    current = await either.get(path, params={"min_position": 41}, headers=reader)
    shop.seen_position = 40
    outdated = await either.get(path, params={"min_position": 41}, headers=reader)
    whatever = await either.get(path, headers=reader)

    assert [response.status_code for response in (current, outdated, whatever)] == [200] * 3
    assert outdated.json() == current.json()
    source = path.split("/")[1] if path == "/orders" else "order"
    assert outdated.headers["page-degraded"] == f"{source};reason=outdated"
    assert "page-degraded" not in {*current.headers, *whatever.headers}
    sent = [
        call.request.headers.get("min-position") for call in shop.calls if call.what in {"order", "orders"}
    ]
    assert sent == ["41", "41", None]


async def test_the_progress_of_an_order_is_passed_on_from_where_the_client_was(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    headers = {**reader, "Accept": "text/event-stream", "Last-Event-ID": "2"}
    response = await mobile.get("/orders/order-1/events", headers=headers)

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.text == PROGRESS
    assert shop.last("events").headers["last-event-id"] == "2"


async def test_the_progress_of_an_order_that_is_not_the_callers_is_none(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.trouble["events"] = answering(problem(404, "order-unknown"))

    response = await mobile.get("/orders/other/events", headers=reader)

    assert response.status_code == 404
    assert response.json()["type"] == "urn:frontispiece:problem:order-unknown"


async def test_an_order_path_cannot_lead_elsewhere(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.trouble["place"] = answering(httpx.Response(202, json={**order(), "id": "../x\r\ny"}))

    key = {"Idempotency-Key": "an-intent"}
    response = await either.post("/checkout", json=checkout(), headers={**reader, **key})

    assert response.headers["location"] == "/orders/..%2Fx%0D%0Ay"
