from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from front.valkey import running_valkey
from kit.settings import TokenSettings
from services.basket.app import BasketSettings, create_app
from services.basket.model import MOST_ARTICLES
from tests.conftest import AppClient, MakeToken

MINE = "/baskets/reader"


@pytest.fixture
async def http(
    valkey_url: str, token_settings: TokenSettings, app_client: AppClient, bearer: MakeToken
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(BasketSettings(valkey_url=valkey_url, tokens=token_settings))
    async with app_client(app) as client:
        client.headers.update(bearer("reader", "shop"))
        yield client


def item(sku: str, quantity: int) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity}


async def test_a_basket_that_was_never_filled_is_empty(http: httpx.AsyncClient) -> None:
    answer = await http.get(MINE)

    assert (answer.status_code, answer.json()) == (200, {"owner": "reader", "items": []})


async def test_items_are_put_and_taken_out_and_repeating_it_is_harmless(http: httpx.AsyncClient) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 3})
    put = await http.put(f"{MINE}/items/INK", json={"quantity": 1})
    again = await http.put(f"{MINE}/items/INK", json={"quantity": 1})

    assert put.json() == {"owner": "reader", "items": [item("INK", 1), item("PEN", 3)]}
    assert (again.json(), again.headers["etag"]) == (put.json(), put.headers["etag"])

    taken = await http.delete(f"{MINE}/items/PEN")
    repeated = await http.delete(f"{MINE}/items/PEN")
    assert (taken.status_code, taken.json()["items"]) == (200, [item("INK", 1)])
    assert (repeated.status_code, repeated.json()) == (200, taken.json())


async def test_the_entity_tag_saves_a_second_reading_until_the_basket_changes(
    http: httpx.AsyncClient,
) -> None:
    tag = (await http.put(f"{MINE}/items/PEN", json={"quantity": 3})).headers["etag"]

    unchanged = await http.get(MINE, headers={"If-None-Match": tag})
    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, tag)

    await http.put(f"{MINE}/items/PEN", json={"quantity": 4})
    assert (await http.get(MINE, headers={"If-None-Match": tag})).status_code == 200


async def test_a_guests_basket_is_merged_and_a_retry_changes_nothing(http: httpx.AsyncClient) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 3})
    await http.put(f"{MINE}/items/INK", json={"quantity": 1})
    guest = {"items": [item("PEN", 2), item("INK", 5), item("LAMP", 1)]}

    merged = await http.post(f"{MINE}/merge", json=guest)
    again = await http.post(f"{MINE}/merge", json=guest)

    assert merged.json()["items"] == [item("INK", 5), item("LAMP", 1), item("PEN", 3)]
    assert (again.json(), again.headers["etag"]) == (merged.json(), merged.headers["etag"])


async def test_a_deleted_basket_is_empty_and_deleting_it_again_is_harmless(http: httpx.AsyncClient) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 3})

    assert [(await http.delete(MINE)).status_code for _ in range(2)] == [204, 204]
    assert (await http.get(MINE)).json()["items"] == []


async def test_the_basket_of_somebody_else_is_not_there(http: httpx.AsyncClient, bearer: MakeToken) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 3})
    http.headers.update(bearer("shopper", "shop"))

    answers = [
        await http.get(MINE),
        await http.delete(MINE),
        await http.put(f"{MINE}/items/PEN", json={"quantity": 1}),
        await http.delete(f"{MINE}/items/PEN"),
        await http.post(f"{MINE}/merge", json={"items": []}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert answers[0].json()["type"] == "urn:frontispiece:problem:basket-unknown"
    http.headers.update(bearer("reader", "shop"))
    assert (await http.get(MINE)).json()["items"] == [item("PEN", 3)]


async def test_nobody_reaches_a_basket_without_a_token_or_without_the_scope(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    no_scope = await http.get(MINE, headers=bearer("reader", "stock:write"))
    forged = await http.get(MINE, headers={"Authorization": "Bearer x.y.z"})
    del http.headers["Authorization"]
    unknown = await http.put(f"{MINE}/items/PEN", json={"quantity": "not looked at"})

    assert (no_scope.status_code, no_scope.json()["scope"]) == (403, "shop")
    assert (forged.status_code, forged.json()["type"]) == (401, "urn:frontispiece:problem:token-invalid")
    assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": 1000}, "quantity"),
        ({"quantity": "many"}, "quantity"),
        ({"quantity": 1, "price": {"amount": 1, "currency": "EUR"}}, "price"),
        ({}, "quantity"),
    ],
)
async def test_an_item_that_does_not_fit_is_refused_and_the_fault_is_named(
    http: httpx.AsyncClient, body: dict[str, Any], at: str
) -> None:
    answer = await http.put(f"{MINE}/items/PEN", json=body)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["at"] for error in answer.json()["errors"]] == [["body", at]]
    assert (await http.get(MINE)).json()["items"] == []


async def test_a_merge_with_a_price_or_with_too_many_items_is_refused(http: httpx.AsyncClient) -> None:
    priced = await http.post(f"{MINE}/merge", json={"items": [{**item("PEN", 1), "price": 1}]})
    long = [item(f"S{number}", 1) for number in range(MOST_ARTICLES + 1)]
    many = await http.post(f"{MINE}/merge", json={"items": long})

    assert (priced.status_code, priced.json()["errors"][0]["at"][-1]) == (422, "price")
    assert (many.status_code, many.json()["errors"][0]["at"]) == (422, ["body", "items"])


async def test_a_sku_that_is_too_long_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.put(f"{MINE}/items/{'S' * 65}", json={"quantity": 1})

    assert (answer.status_code, answer.json()["errors"][0]["at"]) == (422, ["path", "sku"])


async def test_a_full_basket_refuses_another_article_with_a_409_problem(http: httpx.AsyncClient) -> None:
    await http.post(
        f"{MINE}/merge", json={"items": [item(f"S{number}", 1) for number in range(MOST_ARTICLES)]}
    )
    answer = await http.put(f"{MINE}/items/PEN", json={"quantity": 1})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:frontispiece:problem:basket-full"
    assert answer.json()["most"] == MOST_ARTICLES


async def test_owners_with_unusual_names_have_baskets_too(http: httpx.AsyncClient, bearer: MakeToken) -> None:
    http.headers.update(bearer("läser:{1} *", "shop"))
    answer = await http.put("/baskets/l%C3%A4ser%3A%7B1%7D%20%2A/items/PEN", json={"quantity": 1})

    assert answer.json() == {"owner": "läser:{1} *", "items": [item("PEN", 1)]}


async def test_without_its_store_it_says_so_with_503_and_is_not_ready(
    tmp_path: Path, token_settings: TokenSettings, app_client: AppClient, bearer: MakeToken
) -> None:
    with running_valkey(tmp_path) as url:
        pass
    app = create_app(BasketSettings(valkey_url=url, tokens=token_settings))
    async with app_client(app) as http:
        http.headers.update(bearer("reader", "shop"))
        answers = [await http.get(MINE), await http.put(f"{MINE}/items/PEN", json={"quantity": 1})]
        ready = await http.get("/health/ready")
        live = await http.get("/health/live")

    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["type"] == "urn:frontispiece:problem:store-unavailable"
        assert str(tmp_path) not in answer.text
    assert (ready.status_code, live.status_code) == (503, 200)


async def test_health_and_openapi_are_there(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health/live")).json() == {"status": "live"}
    assert (await http.get("/health/ready")).json() == {"status": "ready"}
    assert "/baskets/{owner}/items/{sku}" in (await http.get("/openapi.json")).json()["paths"]
