import asyncio
import json

import httpx
import pytest

from bench.by_hand import fastapi_httpx
from bench.checks import fault_of
from bench.data import filled
from bench.issuer import Issuer
from bench.ours.app import create_app as create_bff
from bench.pace import paced
from bench.scenarios import SCENARIOS, Scenario
from frontispiece.gateway.app import create_app as create_gateway
from tests.conftest import MakeToken
from tests.support.serving import Serve, client_of
from tests.support.stub import Stub, answering

PAGES = [s for s in SCENARIOS if s.path.startswith("/pages/") and not s.delay]
PASSED = [s for s in SCENARIOS if s.path.startswith("/pass/")]


async def _fault(url: str, scenario: Scenario, headers: dict[str, str]) -> str | None:
    port = httpx.URL(url).port or 0
    return await asyncio.to_thread(fault_of, port, scenario.path, headers, scenario.expected)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("scenario", [*PAGES, *PASSED], ids=lambda s: s.name)
async def test_the_gateway_with_its_bff_mounted_answers(
    scenario: Scenario, serve: Serve, bearer: MakeToken
) -> None:
    assert await _fault(await serve(create_gateway()), scenario, bearer("bench", "shop")) is None


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("scenario", PAGES, ids=lambda s: s.name)
async def test_the_gateway_with_its_bff_apart_answers(
    scenario: Scenario, serve: Serve, shop: str, bearer: MakeToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    bff = await serve(create_bff())
    monkeypatch.setenv("SERVICES", json.dumps({"shop": shop, "bff": bff}))

    assert await _fault(await serve(create_gateway()), scenario, bearer("bench", "shop")) is None


@pytest.mark.parametrize("scenario", [*PAGES, *PASSED], ids=lambda s: s.name)
async def test_pages_by_hand_answer_the_same(
    scenario: Scenario, serve: Serve, shop: str, issuer: Issuer, bearer: MakeToken
) -> None:
    app = fastapi_httpx.create_app(shop=shop, lost=shop, key=issuer.public_key, issuer=issuer.url)

    assert await _fault(await serve(app), scenario, bearer("bench", "shop")) is None


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("path", ["/pages/three", "/pass/small"])
async def test_calls_without_a_token_of_the_scope_are_refused(
    path: str, serve: Serve, bearer: MakeToken
) -> None:
    async with client_of(await serve(create_gateway())) as http:
        assert (await http.get(path)).status_code == 401
        assert (await http.get(path, headers=bearer("bench", "other"))).status_code == 403


@pytest.mark.parametrize(
    ("status", "content"),
    [(500, filled(512)), (200, filled(511)), (200, b"{"), (200, b"")],
    ids=["status", "value", "no JSON", "nothing"],
)
async def test_a_wrong_answer_is_found(status: int, content: bytes, serve: Serve) -> None:
    port = httpx.URL(await serve(Stub(answering(status, content)))).port or 0

    for expected in (filled(512), json.loads(filled(512))):
        assert await asyncio.to_thread(fault_of, port, "/", {}, expected) is not None


async def test_requests_at_a_rate_are_all_answered(shop: str) -> None:
    port = httpx.URL(shop).port or 0

    right = await asyncio.to_thread(paced, port, "/part/a", {}, rate=200, seconds=0.1)
    wrong = await asyncio.to_thread(paced, port, "/nowhere", {}, rate=200, seconds=0.1)

    assert len(right.latencies) > 0 == right.errors
    assert wrong.errors > 0 == len(wrong.latencies)
