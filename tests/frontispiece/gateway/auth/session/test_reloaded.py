"""Sessions and logouts outlast the table under which they began."""

import asyncio

import httpx
import pytest

from frontispiece.gateway import edge
from frontispiece.gateway.config.table import parse
from tests.frontispiece.gateway.auth.session.test_backchannel import phone, tell
from tests.frontispiece.gateway.auth.session.test_open_streams import LOGOUT, endless, twins
from tests.support.serving import client_of
from tests.support.sessions import MANY_SECONDS, ORIGIN, ROUTES, World, kind, log_in, user
from tests.support.tables import parsed, route, route_table

MINE = f"{ORIGIN}/web/mine"

OTHER_ROUTES = ROUTES.replace("/web/written", "/web/put")
OTHER_SESSION = ROUTES.replace("[session]", '[session]\nidle_timeout = "20m"')
OTHER_ADOPTER = ROUTES.replace('url = "registry://baskets"', 'url = "registry://things"')
WITHOUT_SESSIONS = route_table(route("/phone", auth="bearer"))

TABLES = pytest.mark.parametrize(
    ("text", "stays"),
    [(OTHER_ROUTES, True), (OTHER_SESSION, False), (OTHER_ADOPTER, False)],
    ids=["other-routes", "other-session", "other-adopter"],
)


@TABLES
async def test_sessions_survive_a_reload(world: World, text: str, stays: bool) -> None:  # noqa: FBT001 (told by pytest)
    browser = world.browser(await world.gateway(local_cache_ttl=MANY_SECONDS))
    [gateway] = world.gateways
    await log_in(browser)
    before = gateway.snapshot
    assert await gateway.serve_table(parse(text))

    assert (await browser.fetch(MINE)).status_code == 200
    assert (await user(browser))["sub"] == "reader"
    assert (gateway.snapshot.resources.sessions is before.resources.sessions) is stays


@TABLES
async def test_revocations_survive_a_reload_and_later_ones_end_what_began_before(
    world: World,
    text: str,
    stays: bool,  # noqa: FBT001 (a parameter of pytest)
) -> None:
    url = await world.gateway(local_cache_ttl=MANY_SECONDS)
    browser = world.browser(url)
    await log_in(browser)
    sid = world.issuer.grants[0].sid
    before, after = [world.issuer.bearer("reader", "shop", sid=each) for each in ("one", sid)]
    assert [await phone(url, token) for token in (before, after)] == [200, 200]
    assert (await tell(url, world.issuer.logout_token(sid="one"))).status_code == 200
    await world.gateways[0].serve_table(parse(text))
    assert [await phone(url, token) for token in (before, after)] == [401, 200]

    await tell(url, world.issuer.logout_token(sid=sid))
    assert kind(await browser.fetch(MINE)) == (401, "session-ended")
    assert await phone(url, after) == 401


async def test_a_table_without_sessions_has_none_and_one_with_them_has_them_again(world: World) -> None:
    browser = world.browser(await world.gateway())
    [gateway] = world.gateways
    await log_in(browser)
    await gateway.serve_table(parsed(route("/phone", auth="bearer")))
    assert (await browser.fetch(MINE)).status_code == 404

    await gateway.serve_table(parse(ROUTES))
    assert (await user(browser))["sub"] == "reader"


@pytest.mark.parametrize("changed", [OTHER_SESSION, WITHOUT_SESSIONS], ids=["other", "none"])
async def test_streams_of_a_replaced_table_end_with_their_session(
    world: World, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    monkeypatch.setattr(edge, "DRAIN_TIMEOUT", 0)
    browser, other, headers = await twins(world)
    gateway = world.gateways[1]
    world.things.answer = endless
    async with client_of(other) as http, http.stream("GET", "/web/mine", headers=headers) as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"data: 1\n\n"
        assert await gateway.serve_table(parse(changed))
        await asyncio.gather(*gateway.retiring)
        if changed == OTHER_SESSION:
            assert not world.things.last.ended.is_set()
            await browser.fetch(LOGOUT, method="POST")
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)
