from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from kit.settings import TokenSettings
from services.inventory.app import InventorySettings, create_app
from tests.conftest import AppClient, MakeToken


@pytest.fixture
async def http(
    tmp_path: Path, token_settings: TokenSettings, app_client: AppClient
) -> AsyncIterator[httpx.AsyncClient]:
    url = f"sqlite+aiosqlite:///{tmp_path}/inventory.db"
    async with app_client(
        create_app(InventorySettings(database_url=url, seed=True, tokens=token_settings))
    ) as client:
        yield client


@pytest.fixture
def clerk(bearer: MakeToken) -> dict[str, str]:
    return bearer("clerk", "stock:write")


@pytest.fixture
def reader(bearer: MakeToken) -> dict[str, str]:
    return bearer("reader", "shop")


def wants(quantity: int, sku: str = "PEN") -> dict[str, object]:
    return {"lines": [{"sku": sku, "quantity": quantity}]}


async def test_anybody_may_read_the_stock_of_many_articles_in_their_order(http: httpx.AsyncClient) -> None:
    answer = await http.get("/stock", params={"sku": ["PENS-002", "NOPE", "NOTE-001"]})

    assert answer.status_code == 200
    assert [item["sku"] for item in answer.json()["items"]] == ["PENS-002", "NOTE-001"]
    assert answer.json()["unknown"] == ["NOPE"]


async def test_a_batch_of_more_than_100_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/stock", params={"sku": [f"S{n}" for n in range(101)]})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["at"] == ["query", "sku"]


async def test_an_unknown_article_is_a_404_problem_that_names_the_request(http: httpx.AsyncClient) -> None:
    answer = await http.get("/stock/NOPE", headers={"X-Request-Id": "r-1"})

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:frontispiece:problem:article-unknown"
    assert answer.json()["request_id"] == "r-1"


async def test_the_entity_tag_saves_a_second_reading(http: httpx.AsyncClient) -> None:
    tag = (await http.get("/stock/NOTE-001")).headers["etag"]

    answer = await http.get("/stock/NOTE-001", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)


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


async def test_nobody_writes_without_a_token_or_without_the_scope(
    http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    key = {"Idempotency-Key": "key-00001"}
    unknown = await http.put("/stock/PEN", json={"on_hand": 7})
    forged = await http.post("/reservations", json=wants(1), headers={**key, "Authorization": "Bearer x.y.z"})
    no_scope = await http.put("/stock/PEN", json={"on_hand": 7}, headers=reader)

    assert (unknown.status_code, unknown.headers["www-authenticate"]) == (401, "Bearer")
    assert (forged.status_code, forged.json()["type"]) == (401, "urn:frontispiece:problem:token-invalid")
    assert (no_scope.status_code, no_scope.json()["scope"]) == (403, "stock:write")


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


async def test_a_reservation_without_idempotency_key_is_refused(
    http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    answer = await http.post("/reservations", json=wants(1), headers=reader)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == ["header", "Idempotency-Key"]


async def test_health_and_openapi_are_there(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health/live")).json() == {"status": "live"}
    assert (await http.get("/health/ready")).json() == {"status": "ready"}
    assert "/reservations" in (await http.get("/openapi.json")).json()["paths"]
