from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from frontispiece.settings import Directory, TokenSettings
from services.payment.app import PaymentSettings, create_app
from services.payment.model import Payment, Status
from tests.conftest import AppClient, MakeToken
from tests.services.payment.world import World, authorise, cancel, capture, order
from tests.services.support import problem_of
from tests.support.events import NO_BROKER


@pytest.fixture
async def http(
    world: World, database_url: str, token_settings: TokenSettings, signing_key: str, app_client: AppClient
) -> AsyncIterator[httpx.AsyncClient]:
    """The service over the same database as the world's handlers."""
    settings = PaymentSettings(
        database_url=database_url,
        signing_key=signing_key,
        directory=Directory(services={"acquirer": "http://127.0.0.1:1"}),
        events=NO_BROKER,
        tokens=token_settings,
    )
    app: FastAPI = create_app(settings)
    async with app_client(app) as http:
        yield http


async def test_a_customer_reads_the_payment_of_an_order(
    world: World, http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    a = order()
    await world.deliver(authorise(a))
    response = await http.get(f"/payments/{a}", headers=reader)

    assert response.json() == {
        "order_id": a,
        "status": "authorised",
        "amount": {"amount": 4250, "currency": "EUR"},
        "reason": "",
    }
    assert "tok_" not in response.text


async def test_the_entity_tag_changes_with_the_payment(
    world: World, http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    a = order()
    await world.deliver(authorise(a))
    first = await http.get(f"/payments/{a}", headers=reader)
    known = reader | {"If-None-Match": first.headers["etag"]}

    assert (await http.get(f"/payments/{a}", headers=known)).status_code == 304
    await world.deliver(capture(a))
    assert (await http.get(f"/payments/{a}", headers=known)).json()["status"] == "captured"


async def test_a_payment_is_its_owner_s_and_the_operator_s(
    world: World, http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    a = order()
    await world.deliver(authorise(a))
    stranger = await http.get(f"/payments/{a}", headers=bearer("shopper", "shop"))
    operator = await http.get(f"/payments/{a}", headers=bearer("clerk", "payments:read"))

    assert problem_of(stranger) == (404, "payment-unknown")
    assert operator.json()["status"] == "authorised"


async def test_what_was_cancelled_before_it_was_authorised_is_never_charged(
    world: World, http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    a = order()
    await world.deliver(cancel(a))

    assert (await http.get(f"/payments/{a}", headers=bearer("clerk", "payments:read"))).status_code == 404


async def test_operators_compare_the_ledger_with_the_acquirer_s(
    world: World, http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    for _ in range(3):
        await world.deliver(authorise(order()))
    headers = bearer("clerk", "payments:read")
    first = (await http.get("/ledger", params={"limit": 2}, headers=headers)).json()
    rest = (await http.get("/ledger", params={"cursor": first["next"]}, headers=headers)).json()

    keys = [entry["key"] for entry in first["items"] + rest["items"]]
    assert keys == [operation.key for operation in await world.at_acquirer()]


def test_a_payment_s_text_does_not_show_its_token() -> None:
    payment = Payment(
        order_id=order(), owner="reader", amount=1, currency="EUR", token="tok_visa", status=Status.AUTHORISED
    )

    assert "tok_visa" not in repr(payment)
