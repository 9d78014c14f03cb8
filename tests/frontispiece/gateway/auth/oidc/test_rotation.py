"""Calls go on through the gateway while the issuer changes its keys, goes away and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from frontispiece.gateway.auth.oidc import AccessTokens, IssuerSettings, Provider
from frontispiece.gateway.auth.oidc.jwks import READS_A_MINUTE
from frontispiece.security import InvalidToken
from tests.support.issuer import Issuer
from tests.support.serving import Serve
from tests.support.stub import Stub
from tests.support.tables import route, route_table
from tests.support.waiting import TIMEOUT, until
from tests.support.world import OpenWorld, World

ROUTES = route_table(route("/mine", auth="bearer"), route("/open"))

ROTATIONS = 4
"""Within what a gateway reads at once for unknown keys."""


@pytest.mark.parametrize("ahead", [True, False], ids=["announced", "unannounced"])
async def test_keys_change_under_load_without_one_401(edge: World, issuer: Issuer, *, ahead: bool) -> None:
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

    async with asyncio.timeout(TIMEOUT), asyncio.TaskGroup() as together:
        for _ in range(8):
            together.create_task(calling())
        together.create_task(rotating())

    assert set(statuses) == {200}
    assert issuer.times_asked("/keys") <= 1 + ROTATIONS


async def _more(statuses: list[int], count: int) -> None:
    wanted = len(statuses) + count
    await until(lambda: len(statuses) >= wanted)


@pytest.fixture
async def things(serve: Serve) -> str:
    return await serve(Stub())


async def test_the_gateway_starts_before_its_issuer_and_serves_what_needs_none(
    open_world: OpenWorld, issuer: Issuer, things: str
) -> None:
    issuer.is_up = False
    http = (await open_world(ROUTES, things=things)).http

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
    async with asyncio.timeout(TIMEOUT):
        while statuses == {503}:
            statuses = {(await http.get("/mine", headers=issuer.bearer("reader"))).status_code}
    assert statuses == {200}


async def test_an_issuer_may_be_away_while_its_keys_are_known(edge: World, issuer: Issuer) -> None:
    assert (await edge.http.get("/mine", headers=issuer.bearer("reader"))).status_code == 200
    issuer.is_up = False

    for user in ("reader", "clerk"):
        assert (await edge.http.get("/mine", headers=issuer.bearer(user))).status_code == 200
    unknown = await edge.http.get("/mine", headers=issuer.bearer("reader", headers={"kid": "unknown"}))
    assert unknown.status_code == 503


async def test_a_flood_of_invented_keys_reaches_neither_issuer_nor_callers(
    edge: World, issuer: Issuer
) -> None:
    true = issuer.bearer("reader")
    assert (await edge.http.get("/mine", headers=true)).status_code == 200

    async def forged(n: int) -> httpx.Response:
        return await edge.http.get("/mine", headers=issuer.bearer("clerk", headers={"kid": f"invented-{n}"}))

    begun = time.monotonic()
    statuses = {answer.status_code for answer in await asyncio.gather(*map(forged, range(100)))}
    assert statuses == {401}
    assert issuer.times_asked("/keys") <= 1 + READS_A_MINUTE * (1 + (time.monotonic() - begun) / 60)
    assert (await edge.http.get("/mine", headers=true)).status_code == 200


# Key ids, and reads in the background.


@pytest.fixture
async def quick(serve: Serve, issuer: Issuer) -> AsyncIterator[Provider]:
    """The issuer, whose keys are read anew all the time."""
    settings = IssuerSettings(url=issuer.url).model_copy(update={"jwks_refresh_interval": 0.01})
    async with Provider(settings) as provider:
        yield provider


async def test_a_key_id_is_compared_and_nothing_else(access: AccessTokens, issuer: Issuer) -> None:
    for kid in ["../../etc/passwd", "' OR 1=1 --", "http://127.0.0.1/key", "a\x00b", "é" * 200]:
        with pytest.raises(InvalidToken, match="unknown"):
            await access.verify(issuer.token("clerk", headers={"kid": kid}))
        assert set(issuer.paths) == {"/.well-known/openid-configuration", "/keys"}, kid


async def test_an_id_that_is_far_too_long_is_not_looked_for(access: AccessTokens, issuer: Issuer) -> None:
    await access.verify(issuer.token("reader"))
    before = len(issuer.paths)

    with pytest.raises(InvalidToken, match="unknown"):
        await access.verify(issuer.token("clerk", headers={"kid": "a" * 5000}))
    assert len(issuer.paths) == before


async def test_no_url_in_a_token_is_fetched(access: AccessTokens, issuer: Issuer, serve: Serve) -> None:
    evil = Issuer()
    evil.url = await serve(evil)

    for header in ["jku", "x5u"]:
        forged = issuer.token("clerk", key=evil.signer, headers={header: f"{evil.url}/keys"})

        with pytest.raises(InvalidToken):
            await access.verify(forged)
        assert evil.paths == [], header


async def test_announced_keys_are_read_before_they_are_used(quick: Provider, issuer: Issuer) -> None:
    access = quick.access_tokens()
    await access.verify(issuer.token("reader"))
    key = issuer.announce("ES256")
    reads = issuer.times_asked("/keys")
    await until(lambda: issuer.times_asked("/keys") >= reads + 3)  # the second began with it, and has ended

    issuer.rotate(key)
    issuer.is_up = False
    assert (await access.verify(issuer.token("reader"))).identity.subject == "reader"
