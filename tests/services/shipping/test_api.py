"""Shipping over HTTP: quotes for everyone with a token, shipments for their owners."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from frontispiece.settings import TokenSettings
from services.shipping.app import ShippingSettings, create_app
from services.shipping.store import Store
from tests.conftest import AppClient, MakeToken
from tests.services.shipping.world import ORDER, create
from tests.services.support import places, problem_of
from tests.support.events import NO_BROKER


@pytest.fixture
def app(sqlite_url: str, token_settings: TokenSettings) -> FastAPI:
    return create_app(ShippingSettings(database_url=sqlite_url, events=NO_BROKER, tokens=token_settings))


@pytest.fixture
async def http(app: FastAPI, app_client: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    async with app_client(app) as client:
        yield client


@pytest.fixture
def store(app: FastAPI) -> Store:
    found = app.state.store
    assert isinstance(found, Store)
    return found


async def test_a_quote_names_the_price_and_the_days_of_each_method(
    http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    response = await http.get("/quotes", params={"country": "DE", "pieces": 3}, headers=reader)

    assert response.json() == [
        {"method": "standard", "amount": 490, "currency": "EUR", "days": 3},
        {"method": "express", "amount": 990, "currency": "EUR", "days": 1},
    ]
    headers = {**reader, "If-None-Match": response.headers["etag"]}
    assert (await http.get(response.url, headers=headers)).status_code == 304


async def test_a_country_that_is_not_served_is_a_422_that_names_it(
    http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    response = await http.get("/quotes", params={"country": "AQ", "pieces": 1}, headers=reader)

    assert problem_of(response) == (422, "country-not-served")
    assert response.json()["country"] == "AQ"


async def test_a_quote_needs_a_country_code_and_a_number_of_pieces(
    http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    for query, at in (
        ("country=Germany&pieces=1", ["query.country"]),
        ("country=de&pieces=1", ["query.country"]),
        ("country=DE&pieces=0", ["query.pieces"]),
        ("country=DE&pieces=many", ["query.pieces"]),
        ("", ["query.country", "query.pieces"]),
    ):
        assert places(await http.get(f"/quotes?{query}", headers=reader)) == at


async def test_an_owner_reads_the_tracking_of_an_order_and_gets_a_304_when_nothing_has_changed(
    http: httpx.AsyncClient, store: Store, reader: dict[str, str]
) -> None:
    await store.create(create())
    response = await http.get(f"/shipments/{ORDER}", headers=reader)
    again = await http.get(
        f"/shipments/{ORDER}", headers={**reader, "If-None-Match": response.headers["etag"]}
    )

    shown = response.json()
    assert (shown["order_id"], shown["status"], shown["method"]) == (ORDER, "created", "standard")
    assert [event["status"] for event in shown["tracking"]] == ["created"]
    assert (again.status_code, again.content) == (304, b"")


async def test_the_shipment_of_another_user_is_not_there(
    http: httpx.AsyncClient, store: Store, bearer: MakeToken
) -> None:
    await store.create(create())
    response = await http.get(f"/shipments/{ORDER}", headers=bearer("shopper", "shop"))
    batch = await http.get("/shipments", params={"order_id": [ORDER]}, headers=bearer("shopper", "shop"))

    assert problem_of(response) == (404, "shipment-unknown")
    assert batch.json() == {"items": [], "unknown": [ORDER]}


async def test_many_shipments_are_read_at_once_in_the_order_of_the_request(
    http: httpx.AsyncClient, store: Store, reader: dict[str, str]
) -> None:
    for order in ("order-1", "order-2"):
        await store.create(create(order))
    response = await http.get(
        "/shipments", params={"order_id": ["order-2", "nope", "order-1"]}, headers=reader
    )

    assert [item["order_id"] for item in response.json()["items"]] == ["order-2", "order-1"]
    assert response.json()["unknown"] == ["nope"]
