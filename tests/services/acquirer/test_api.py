import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from frontispiece.settings import TokenSettings
from services.acquirer.app import AcquirerSettings, create_app
from tests.conftest import AppClient, MakeToken
from tests.services.support import problem_of


@pytest.fixture
def app(database_url: str, token_settings: TokenSettings) -> FastAPI:
    return create_app(AcquirerSettings(database_url=database_url, tokens=token_settings))


@pytest.fixture
async def http(app: FastAPI, app_client: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    async with app_client(app) as http:
        yield http


class Merchant:
    """Requests operations on the payment `order`, each kind with the same key every time."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._http = http
        self.headers = headers
        self.order = "order-1"

    async def operate(self, kind: str, **changed: Any) -> httpx.Response:
        body = {"reference": self.order, "kind": kind, "amount": 1299, "currency": "EUR", "token": "tok_visa"}
        headers = {**self.headers, "Idempotency-Key": f"{self.order}:{kind}"}
        return await self._http.post("/operations", json={**body, **changed}, headers=headers)


@pytest.fixture
def merchant(http: httpx.AsyncClient, bearer: MakeToken) -> Merchant:
    return Merchant(http, bearer("payment", "acquirer"))


@pytest.fixture
def operator(bearer: MakeToken) -> dict[str, str]:
    return bearer("clerk", "payments:read", "faults:write")


async def entries(http: httpx.AsyncClient, operator: dict[str, str]) -> list[tuple[str, int, bool]]:
    ledger = (await http.get("/ledger", headers=operator)).json()["items"]
    return [(entry["kind"], entry["amount"], entry["approved"]) for entry in ledger]


async def test_what_is_authorised_can_be_captured_and_then_refunded(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str]
) -> None:
    for kind in ("authorise", "capture", "refund"):
        assert (await merchant.operate(kind)).json()["approved"]

    assert await entries(http, operator) == [
        ("authorise", 1299, True),
        ("capture", 1299, True),
        ("refund", 1299, True),
    ]


async def test_a_key_is_carried_out_once_even_when_its_requests_come_at_the_same_time(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str]
) -> None:
    responses = await asyncio.gather(*(merchant.operate("authorise") for _ in range(10)))

    assert len({response.text for response in responses}) == 1
    assert await entries(http, operator) == [("authorise", 1299, True)]
    found = await http.get("/operations/order-1:authorise", headers=merchant.headers)
    assert found.json() == responses[0].json()


async def test_of_a_capture_and_a_void_at_the_same_time_one_is_carried_out(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str]
) -> None:
    await merchant.operate("authorise")
    responses = await asyncio.gather(merchant.operate("capture"), merchant.operate("void"))

    assert sorted(response.status_code for response in responses) == [200, 409]
    assert len(await entries(http, operator)) == 2


REFUSALS: list[tuple[list[str], str, dict[str, Any], str]] = [
    ([], "capture", {}, "new"),
    (["authorise"], "refund", {}, "authorised"),
    (["authorise"], "capture", {"amount": 1300}, "authorised"),
    (["authorise"], "capture", {"currency": "CHF"}, "authorised"),
    (["authorise", "void"], "capture", {}, "voided"),
    (["authorise", "capture"], "void", {}, "captured"),
]
"""The operations before, the one that is refused, and the payment's status by then."""


async def test_what_the_payment_s_state_does_not_allow_is_a_409_that_names_it_and_leaves_no_trace(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str]
) -> None:
    for number, (before, kind, changed, status) in enumerate(REFUSALS):
        merchant.order = f"order-{number}"
        for each in before:
            await merchant.operate(each)
        refused = await merchant.operate(kind, **changed)

        assert problem_of(refused) == (409, "not-allowed")
        assert refused.json()["status_of_payment"] == status
    assert len(await entries(http, operator)) == sum(len(before) for before, *_ in REFUSALS)


async def test_a_card_s_number_is_no_token_and_is_not_repeated(merchant: Merchant) -> None:
    for number in ("4111111111111111", "4111 1111 1111 1111", "tok_4111111111111111"):
        refused = await merchant.operate("authorise", token=number)
        assert refused.status_code == 422
        assert "1111" not in refused.text


async def test_an_operator_says_what_is_declined_and_a_declined_payment_stays_so(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str]
) -> None:
    switches: dict[str, dict[str, Any]] = {
        "card-declined": {"declined_tokens": ["tok_visa"]},
        "insufficient-funds": {"declined_above": 1298},
    }
    for reason, faults in switches.items():
        merchant.order = reason
        await http.put("/faults", json=faults, headers=operator)
        declined = (await merchant.operate("authorise")).json()
        await http.put("/faults", json={}, headers=operator)

        assert (declined["approved"], declined["reason"]) == (False, reason)
        assert (await merchant.operate("authorise")).json() == declined
        assert (await merchant.operate("capture")).status_code == 409


async def test_an_error_means_that_nothing_was_carried_out(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str]
) -> None:
    await http.put("/faults", json={"error_rate": 1}, headers=operator)

    assert (await merchant.operate("authorise")).status_code == 503
    assert await entries(http, operator) == []


async def test_a_time_out_comes_after_the_operation_was_carried_out(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str]
) -> None:
    await http.put("/faults", json={"timeout_rate": 1, "hang": 600}, headers=operator)
    waiting = asyncio.create_task(merchant.operate("authorise"))
    while not await entries(http, operator):
        assert not waiting.done()
    waiting.cancel()

    assert await entries(http, operator) == [("authorise", 1299, True)]


async def test_a_duplicate_delivery_is_carried_out_once(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str]
) -> None:
    await http.put("/faults", json={"duplicate_rate": 1}, headers=operator)

    assert (await merchant.operate("authorise")).json()["approved"]
    assert await entries(http, operator) == [("authorise", 1299, True)]


async def test_the_ledger_and_the_switches_are_the_operator_s_and_operations_the_merchant_s(
    http: httpx.AsyncClient, merchant: Merchant, operator: dict[str, str], bearer: MakeToken
) -> None:
    customer = bearer("reader", "shop")
    for path in ("/ledger", "/faults"):
        assert (await http.get(path, headers=customer)).status_code == 403
        assert (await http.get(path, headers=operator)).status_code == 200
    assert (await http.put("/faults", json={}, headers=customer)).status_code == 403
    assert (await Merchant(http, customer).operate("authorise")).status_code == 403
    assert (await http.put("/faults", json={"error_rte": 1}, headers=operator)).status_code == 422
