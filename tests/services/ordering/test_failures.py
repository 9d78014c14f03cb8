"""What a client is told when a service around ordering fails or refuses; trying again makes one order."""

from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from kit.settings import Directory, TokenSettings
from services.ordering.app import OrderingSettings, create_app
from tests.conftest import AppClient
from tests.services.ordering.conftest import MakeOrdering
from tests.services.ordering.steps import listed, place, then_one_order, told
from tests.services.ordering.world import Discounts, Shop, answers, hangs, problem, raises

NEEDED = {"basket": "basket", "catalog": "catalog", "reserve": "inventory", "commit": "inventory"}
"""The steps over HTTP that an order cannot do without, and whose they are."""

NONSENSE = {
    "basket": {"items": [{"sku": "PEN", "quantity": -1}]},
    "catalog": {"items": [{"sku": "PEN", "name": "Pen", "price": {"amount": "1", "currency": "EUR"}}]},
    "reserve": {"id": ""},
    "commit": {"status": "released"},
}


@pytest.mark.parametrize("step", NEEDED)
async def test_a_service_that_is_down_is_named_and_a_retry_succeeds(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str], step: str
) -> None:
    shop.trouble[step] = raises(httpx.ConnectError("refused"))
    answer = await place(http, reader)

    assert told(answer) == (503, "upstream-unavailable", NEEDED[step])
    assert answer.headers["retry-after"] == "1"
    await then_one_order(http, shop, reader)


@pytest.mark.parametrize("step", NEEDED)
async def test_a_service_that_takes_too_long_is_named_and_a_retry_succeeds(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str], step: str
) -> None:
    shop.trouble[step] = raises(httpx.ReadTimeout("slow"))

    assert told(await place(http, reader)) == (504, "upstream-timeout", NEEDED[step])
    await then_one_order(http, shop, reader)


@pytest.mark.parametrize("step", NEEDED)
@pytest.mark.parametrize("status", [500, 503, 302, 400])
async def test_a_service_that_fails_is_named_and_a_retry_succeeds(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str], step: str, status: int
) -> None:
    shop.trouble[step] = answers(problem(status, "broken"))

    assert told(await place(http, reader)) == (502, "upstream-failed", NEEDED[step])
    await then_one_order(http, shop, reader)


@pytest.mark.parametrize("step", NEEDED)
@pytest.mark.parametrize("content", [b"<html>", b"", b"\xff", b"[" * 100_000, b"{}", None])
async def test_a_service_that_answers_nonsense_is_named_and_a_retry_succeeds(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str], step: str, content: bytes | None
) -> None:
    nonsense: dict[str, Any] = {"json": NONSENSE[step]} if content is None else {"content": content}
    shop.trouble[step] = answers(httpx.Response(200, **nonsense))

    assert told(await place(http, reader)) == (502, "upstream-failed", NEEDED[step])
    await then_one_order(http, shop, reader)


async def test_a_shortage_is_passed_on_and_the_same_key_may_order_what_the_basket_holds_then(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.basket["PEN"] = 11
    answer = await place(http, reader)

    assert told(answer) == (409, "out-of-stock", None)
    assert answer.json()["lines"] == [{"sku": "PEN", "wanted": 11, "available": 10}]
    assert await listed(http, reader) == []

    shop.basket["PEN"] = 2
    await then_one_order(http, shop, reader)


async def test_an_article_that_is_not_sold_is_named(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.basket["NIB"] = 1
    answer = await place(http, reader)

    assert told(answer) == (409, "article-unknown", None)
    assert answer.json()["skus"] == ["NIB"]
    assert shop.discounts.asked == [["PEN", "INK"]]
    assert shop.reservations == {}


async def test_an_empty_basket_is_no_order(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.basket.clear()

    assert told(await place(http, reader)) == (422, "basket-empty", None)
    assert await listed(http, reader) == []


async def test_a_coupon_that_takes_nothing_off_is_refused(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.takes_off("PEN", 10)
    shop.takes_off("CAP", 10, coupon="SPRING")

    assert told(await place(http, reader, "SPRING")) == (422, "coupon-invalid", None)
    assert (await place(http, reader)).json()["discount"]["amount"] == 66


async def test_prices_in_two_currencies_are_no_order(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.sells("PEN", 333, currency="CHF")

    assert told(await place(http, reader)) == (409, "currencies-mixed", None)


async def test_an_order_of_more_than_money_can_hold_is_refused(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.sells("PEN", 10**12)

    assert told(await place(http, reader)) == (422, "order-too-large", None)


@pytest.mark.parametrize(
    ("step", "status", "kind", "headers"),
    [
        ("basket", 401, "token-invalid", {"www-authenticate": "Bearer"}),
        ("catalog", 429, "too-many-requests", {"retry-after": "7"}),
        ("reserve", 403, "scope-missing", {}),
        ("reserve", 409, "request-in-progress", {}),
    ],
)
async def test_what_a_service_refuses_for_the_callers_sake_is_passed_on(
    *,
    http: httpx.AsyncClient,
    shop: Shop,
    reader: dict[str, str],
    step: str,
    status: int,
    kind: str,
    headers: dict[str, str],
) -> None:
    refusal = problem(status, kind)
    refusal.headers.update(headers)
    shop.trouble[step] = answers(refusal)
    answer = await place(http, reader)

    assert told(answer) == (status, kind, NEEDED[step])
    assert answer.headers.items() >= headers.items()
    await then_one_order(http, shop, reader)


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
    *,
    http: httpx.AsyncClient,
    shop: Shop,
    reader: dict[str, str],
    code: grpc.StatusCode,
    status: int,
    kind: str,
) -> None:
    shop.discounts.code = code

    assert told(await place(http, reader)) == (status, kind, "discount")
    await then_one_order(http, shop, reader)


async def test_a_discount_service_that_is_not_there_is_named(
    http: httpx.AsyncClient, discounts: tuple[Discounts, grpc.aio.Server, str], reader: dict[str, str]
) -> None:
    await discounts[1].stop(None)
    answer = await place(http, reader)

    assert told(answer) == (503, "upstream-unavailable", "discount")
    assert answer.headers["retry-after"] == "1"


async def test_more_than_everything_off_is_nonsense(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.takes_off("PEN", 101)

    assert told(await place(http, reader)) == (502, "upstream-failed", "discount")


@pytest.mark.parametrize("service", ["basket", "discount"])
async def test_a_service_that_never_answers_is_given_up(
    *,
    tmp_path: Path,
    make_ordering: MakeOrdering,
    app_client: AppClient,
    shop: Shop,
    reader: dict[str, str],
    service: str,
) -> None:
    if service == "basket":
        shop.trouble["basket"] = hangs
    else:
        shop.discounts.trouble = hangs

    async with app_client(make_ordering(f"sqlite+aiosqlite:///{tmp_path}/o.db", timeout=0.5)) as http:
        assert told(await place(http, reader)) == (504, "upstream-timeout", service)


async def test_ordering_does_not_start_without_the_addresses_it_needs(
    tmp_path: Path, token_settings: TokenSettings, signing_key: str, app_client: AppClient
) -> None:
    app = create_app(
        OrderingSettings(
            database_url=f"sqlite+aiosqlite:///{tmp_path}/o.db",
            directory=Directory(services={"discount-grpc": "127.0.0.1:1"}),
            signing_key=signing_key,
            tokens=token_settings,
        )
    )

    with pytest.raises(LookupError, match="'catalog'"):
        async with app_client(app):
            pass
