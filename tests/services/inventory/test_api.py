from collections.abc import AsyncIterator

import httpx
import pytest

from frontispiece.settings import TokenSettings
from services.inventory.app import InventorySettings, create_app
from tests.conftest import AppClient, MakeToken
from tests.support.events import NO_BROKER


@pytest.fixture
async def http(
    sqlite_url: str, token_settings: TokenSettings, app_client: AppClient
) -> AsyncIterator[httpx.AsyncClient]:
    settings = InventorySettings(database_url=sqlite_url, seed=True, events=NO_BROKER, tokens=token_settings)
    async with app_client(create_app(settings)) as client:
        yield client


@pytest.fixture
def clerk(bearer: MakeToken) -> dict[str, str]:
    return bearer("clerk", "stock:write")


def wants(quantity: int, sku: str = "PEN") -> dict[str, object]:
    return {"lines": [{"sku": sku, "quantity": quantity}]}


async def test_the_stock_of_many_articles_is_public_and_in_the_order_of_the_request(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.get("/stock", params={"sku": ["PENS-002", "NOPE", "NOTE-001"]})

    assert answer.status_code == 200
    assert [item["sku"] for item in answer.json()["items"]] == ["PENS-002", "NOTE-001"]
    assert answer.json()["unknown"] == ["NOPE"]


async def test_a_clerk_enters_an_article_and_changes_its_count_with_if_match(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    entered = await http.put("/stock/PEN", json={"on_hand": 7}, headers=clerk)
    blind = await http.put("/stock/PEN", json={"on_hand": 8}, headers={**clerk, "If-Match": '"9"'})
    changed = await http.put(
        "/stock/PEN", json={"on_hand": 8}, headers={**clerk, "If-Match": entered.headers["etag"]}
    )

    assert (entered.status_code, blind.status_code, changed.status_code) == (201, 412, 200)
    assert (await http.put("/stock/PEN", json={"on_hand": 8}, headers=clerk)).status_code == 428
    assert (await http.get("/stock/PEN")).json()["available"] == 8


async def test_if_match_with_a_star_changes_the_count_of_an_article_that_exists(
    http: httpx.AsyncClient, clerk: dict[str, str]
) -> None:
    headers = {**clerk, "If-Match": "*"}
    missing = await http.put("/stock/PEN", json={"on_hand": 7}, headers=headers)
    await http.put("/stock/PEN", json={"on_hand": 7}, headers=clerk)
    changed = await http.put("/stock/PEN", json={"on_hand": 8}, headers=headers)

    assert (missing.status_code, changed.status_code) == (412, 200)


async def test_a_reservation_is_made_once_committed_and_then_gone_from_the_shelf(
    http: httpx.AsyncClient, clerk: dict[str, str], reader: dict[str, str]
) -> None:
    await http.put("/stock/PEN", json={"on_hand": 7}, headers=clerk)
    headers = {**reader, "Idempotency-Key": "key-00001"}
    made = await http.post("/reservations", json=wants(3), headers=headers)
    again = await http.post("/reservations", json=wants(3), headers=headers)

    assert (made.status_code, made.json()["status"]) == (201, "held")
    assert again.json() == made.json()
    where = made.headers["location"]
    assert (await http.get(where, headers=reader)).json() == made.json()
    for _ in range(2):
        assert (await http.post(f"{where}/commit", headers=reader)).json()["status"] == "committed"
    stock = (await http.get("/stock/PEN")).json()
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (4, 0, 4)
    assert (await http.delete(where, headers=reader)).status_code == 409


async def test_a_shortage_is_a_409_problem_that_says_what_is_left(
    http: httpx.AsyncClient, clerk: dict[str, str], reader: dict[str, str]
) -> None:
    await http.put("/stock/PEN", json={"on_hand": 2}, headers=clerk)
    answer = await http.post(
        "/reservations", json=wants(3), headers={**reader, "Idempotency-Key": "key-00001"}
    )

    assert answer.status_code == 409
    assert answer.json()["lines"] == [{"sku": "PEN", "wanted": 3, "available": 2}]


async def test_a_count_covers_what_is_reserved_and_an_ended_reservation_is_not_committed(
    http: httpx.AsyncClient, clerk: dict[str, str], reader: dict[str, str]
) -> None:
    await http.put("/stock/PEN", json={"on_hand": 7}, headers=clerk)
    made = await http.post("/reservations", json=wants(3), headers={**reader, "Idempotency-Key": "key-00001"})
    tag = (await http.get("/stock/PEN")).headers["etag"]
    below = await http.put("/stock/PEN", json={"on_hand": 2}, headers={**clerk, "If-Match": tag})
    released = await http.delete(made.headers["location"], headers=reader)
    committed = await http.post(f"{made.headers['location']}/commit", headers=reader)
    unknown = await http.post("/reservations/00000000-0000-0000-0000-000000000000/commit", headers=reader)

    assert [a.status_code for a in (below, released, committed, unknown)] == [409, 204, 409, 404]
    assert [a.json()["type"].rsplit(":")[-1] for a in (below, committed, unknown)] == [
        "below-reserved",
        "reservation-released",
        "reservation-unknown",
    ]
