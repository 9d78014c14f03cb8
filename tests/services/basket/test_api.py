from pathlib import Path
from typing import Any

import httpx

from frontispiece.cli.run.valkey import running_valkey
from frontispiece.settings import TokenSettings
from services.basket.app import BasketSettings, create_app
from services.basket.model import MAX_ARTICLES
from tests.conftest import AppClient, MakeToken
from tests.services.support import CATALOG_ADDRESS, PROBLEM, places
from tests.support.events import NO_BROKER

MINE = "/baskets/reader"


def item(sku: str, quantity: int) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity}


def items(answer: httpx.Response) -> list[dict[str, Any]]:
    """What is in a basket, without prices."""
    return [item(line["sku"], line["quantity"]) for line in answer.json()["items"]]


async def test_a_basket_that_was_never_filled_is_empty(http: httpx.AsyncClient) -> None:
    answer = await http.get(MINE)

    assert (answer.status_code, answer.json()) == (
        200,
        {"owner": "reader", "version": 0, "items": [], "waiting": []},
    )


async def test_items_are_put_and_taken_out_and_repeating_it_is_harmless(http: httpx.AsyncClient) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 3})
    put = await http.put(f"{MINE}/items/INK", json={"quantity": 1})
    again = await http.put(f"{MINE}/items/INK", json={"quantity": 1})

    assert items(put) == [item("INK", 1), item("PEN", 3)]
    assert (again.json(), again.headers["etag"]) == (put.json(), put.headers["etag"])

    taken = await http.delete(f"{MINE}/items/PEN")
    repeated = await http.delete(f"{MINE}/items/PEN")
    assert (taken.status_code, items(taken)) == (200, [item("INK", 1)])
    assert (repeated.status_code, repeated.json()) == (200, taken.json())


async def test_a_guests_basket_is_merged_and_a_retry_changes_nothing(http: httpx.AsyncClient) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 3})
    await http.put(f"{MINE}/items/INK", json={"quantity": 1})
    guest = {"items": [item("PEN", 2), item("INK", 5), item("LAMP", 1)]}

    merged = await http.post(f"{MINE}/merge", json=guest)
    again = await http.post(f"{MINE}/merge", json=guest)

    assert items(merged) == [item("INK", 5), item("LAMP", 1), item("PEN", 3)]
    assert (again.json(), again.headers["etag"]) == (merged.json(), merged.headers["etag"])


async def test_a_deleted_basket_is_empty_and_deleting_it_again_is_harmless(http: httpx.AsyncClient) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 3})

    assert [(await http.delete(MINE)).status_code for _ in range(2)] == [204, 204]
    assert (await http.get(MINE)).json()["items"] == []


async def test_the_basket_of_another_user_is_not_there(http: httpx.AsyncClient, bearer: MakeToken) -> None:
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
    assert answers[0].json()["type"] == f"{PROBLEM}basket-unknown"
    http.headers.update(bearer("reader", "shop"))
    assert items(await http.get(MINE)) == [item("PEN", 3)]


async def test_an_item_that_does_not_fit_is_refused(http: httpx.AsyncClient) -> None:
    wrong: list[dict[str, Any]] = [{"quantity": 0}, {"quantity": 1000}, {"quantity": "many"}, {}]
    for body in wrong:
        assert places(await http.put(f"{MINE}/items/PEN", json=body)) == ["body.quantity"]
    priced = {"quantity": 1, "price": {"amount": 1, "currency": "EUR"}}
    assert places(await http.put(f"{MINE}/items/PEN", json=priced)) == ["body.price"]
    assert (await http.get(MINE)).json()["items"] == []


async def test_a_price_too_many_items_and_a_sku_that_is_too_long_are_refused(http: httpx.AsyncClient) -> None:
    items = [item(f"S{number}", 1) for number in range(MAX_ARTICLES + 1)]
    priced = {"items": [{**item("PEN", 1), "price": 1}]}

    assert places(await http.post(f"{MINE}/merge", json=priced)) == ["body.items.0.price"]
    assert places(await http.post(f"{MINE}/merge", json={"items": items})) == ["body.items"]
    assert places(await http.put(f"{MINE}/items/{'S' * 65}", json={"quantity": 1})) == ["path.sku"]


async def test_a_full_basket_refuses_another_article_with_a_409_problem(http: httpx.AsyncClient) -> None:
    await http.post(
        f"{MINE}/merge", json={"items": [item(f"S{number}", 1) for number in range(MAX_ARTICLES)]}
    )
    answer = await http.put(f"{MINE}/items/PEN", json={"quantity": 1})

    assert answer.status_code == 409
    assert answer.json()["type"] == f"{PROBLEM}basket-full"
    assert answer.json()["max_articles"] == MAX_ARTICLES


async def test_owners_with_unusual_names_have_baskets_too(http: httpx.AsyncClient, bearer: MakeToken) -> None:
    http.headers.update(bearer("läser:{1} *", "shop"))
    answer = await http.put("/baskets/l%C3%A4ser%3A%7B1%7D%20%2A/items/PEN", json={"quantity": 1})

    assert (answer.json()["owner"], items(answer)) == ("läser:{1} *", [item("PEN", 1)])


async def test_without_its_store_it_says_so_with_503_and_is_not_ready(
    tmp_path: Path, token_settings: TokenSettings, app_client: AppClient, bearer: MakeToken
) -> None:
    with running_valkey(tmp_path) as url:
        pass
    app = create_app(
        BasketSettings(valkey_url=url, directory=CATALOG_ADDRESS, events=NO_BROKER, tokens=token_settings)
    )
    async with app_client(app) as http:
        http.headers.update(bearer("reader", "shop"))
        answers = [await http.get(MINE), await http.put(f"{MINE}/items/PEN", json={"quantity": 1})]
        ready = await http.get("/health/ready")
        live = await http.get("/health/live")

    for answer in answers:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["type"] == f"{PROBLEM}store-unavailable"
        assert str(tmp_path) not in answer.text
    assert (ready.status_code, live.status_code) == (503, 200)
