"""Calls go on through the gateway while the issuer changes its keys, goes away and comes back."""

import asyncio

import httpx
import pytest

from tests.gateway.conftest import Edge, OpenGateway
from tests.support.issuer import Issuer
from tests.support.serving import Serve
from tests.support.stub import Stub
from tests.support.waiting import until

ROUTES = """
[services.things]
url = "registry://things"

[[routes]]
path = "/mine"
to = "things"
auth = "bearer"

[[routes]]
path = "/open"
to = "things"
auth = "none"
"""

ROTATIONS = 4
"""Within what a gateway reads at once for unknown keys."""


@pytest.mark.parametrize("ahead", [True, False], ids=["announced", "unannounced"])
async def test_keys_change_under_load_without_one_401(edge: Edge, issuer: Issuer, *, ahead: bool) -> None:
    statuses: list[int] = []
    done = asyncio.Event()

    async def calling() -> None:
        while not done.is_set():
            answer = await edge.http.get("/mine", headers=issuer.bearer("reader"))
            statuses.append(answer.status_code)

    async def rotating() -> None:
        for n in range(ROTATIONS):
            coming = issuer.announce("ES256" if n % 2 else "EdDSA") if ahead else None
            await _more(statuses, 20)
            issuer.rotate(coming)
            await _more(statuses, 20)
        done.set()

    async with asyncio.timeout(30), asyncio.TaskGroup() as together:
        for _ in range(8):
            together.create_task(calling())
        together.create_task(rotating())

    assert set(statuses) == {200}
    assert issuer.times_asked("/keys") <= 1 + ROTATIONS


async def _more(statuses: list[int], count: int) -> None:
    wanted = len(statuses) + count
    await until(lambda: len(statuses) >= wanted)


async def test_tokens_of_the_old_key_pass_as_long_as_it_is_in_the_set(edge: Edge, issuer: Issuer) -> None:
    old = issuer.bearer("reader")
    issuer.rotate()

    for headers in (issuer.bearer("reader"), old, issuer.bearer("clerk")):
        assert (await edge.http.get("/mine", headers=headers)).status_code == 200


@pytest.fixture
async def things(serve: Serve) -> str:
    return await serve(Stub())


async def test_the_gateway_starts_before_its_issuer_and_serves_what_needs_none(
    open_gateway: OpenGateway, issuer: Issuer, things: str
) -> None:
    issuer.is_up = False
    http = await open_gateway(ROUTES, things=things)

    refused = await http.get("/mine", headers=issuer.bearer("reader"))
    assert (await http.get("/open")).status_code == 200
    assert (await http.get("/health/ready")).status_code == 200
    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:frontispiece:problem:issuer-unavailable"
    assert int(refused.headers["retry-after"]) >= 1
    assert "www-authenticate" not in refused.headers
    assert issuer.url not in refused.text

    issuer.is_up = True
    statuses = {503}
    async with asyncio.timeout(10):
        while statuses == {503}:
            statuses = {(await http.get("/mine", headers=issuer.bearer("reader"))).status_code}
    assert statuses == {200}


async def test_an_issuer_that_goes_away_is_not_missed_while_its_keys_are_known(
    edge: Edge, issuer: Issuer
) -> None:
    assert (await edge.http.get("/mine", headers=issuer.bearer("reader"))).status_code == 200
    issuer.is_up = False

    for user in ("reader", "clerk"):
        assert (await edge.http.get("/mine", headers=issuer.bearer(user))).status_code == 200
    unknown = await edge.http.get("/mine", headers=issuer.bearer("reader", headers={"kid": "unknown"}))
    assert unknown.status_code == 503


async def test_a_flood_of_invented_keys_leaves_the_issuer_and_true_callers_alone(
    edge: Edge, issuer: Issuer
) -> None:
    true = issuer.bearer("reader")
    assert (await edge.http.get("/mine", headers=true)).status_code == 200

    async def forged(n: int) -> httpx.Response:
        return await edge.http.get("/mine", headers=issuer.bearer("clerk", headers={"kid": f"invented-{n}"}))

    statuses = {answer.status_code for answer in await asyncio.gather(*map(forged, range(100)))}
    assert statuses == {401}
    assert issuer.times_asked("/keys") <= 1 + 6  # five at once, and one more should this take 12 seconds
    assert (await edge.http.get("/mine", headers=true)).status_code == 200
