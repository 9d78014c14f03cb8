"""Sessions and logouts outlast the table under which they came about."""

import pytest

from gateway import table
from tests.gateway.session.conftest import (
    MANY_SECONDS,
    ORIGIN,
    ROUTES,
    World,
    kind,
    log_in,
    user,
)
from tests.gateway.session.test_backchannel import phone, tell

MINE = f"{ORIGIN}/web/mine"

OTHER_ROUTES = ROUTES.replace("/web/written", "/web/put")
OTHER_SESSION = ROUTES.replace("[session]", '[session]\nidle = "20m"')
OTHER_ADOPTER = ROUTES.replace('url = "registry://baskets"', 'url = "registry://things"')

TABLES = pytest.mark.parametrize(
    ("text", "stays"),
    [(OTHER_ROUTES, True), (OTHER_SESSION, False), (OTHER_ADOPTER, False)],
    ids=["other-routes", "other-session", "other-adopter"],
)


@TABLES
async def test_whoever_is_logged_in_stays_logged_in(world: World, text: str, stays: bool) -> None:  # noqa: FBT001 (told by pytest)
    browser = world.browser(await world.gateway(local_seconds=MANY_SECONDS))
    [gateway] = world.gateways
    await log_in(browser)
    before = gateway.serving
    assert await gateway.serve_table(table.parse(text))

    assert (await browser.fetch(MINE)).status_code == 200
    assert (await user(browser))["sub"] == "reader"
    assert (gateway.serving.sessions is before.sessions) is stays


@TABLES
async def test_a_login_that_has_ended_is_not_forgotten(world: World, text: str, stays: bool) -> None:  # noqa: FBT001 (told by pytest)
    url = await world.gateway()
    ended = world.issuer.bearer("reader", "shop", sid="one")
    assert await phone(url, ended) == 200
    assert (await tell(url, world.issuer.logout_token(sid="one"))).status_code == 200
    assert await world.gateways[0].serve_table(table.parse(text))

    assert await phone(url, ended) == 401


@TABLES
async def test_a_logout_after_a_reload_ends_what_began_before(world: World, text: str, stays: bool) -> None:  # noqa: FBT001 (told by pytest)
    url = await world.gateway(local_seconds=MANY_SECONDS)
    browser = world.browser(url)
    await log_in(browser)
    sid = world.issuer.grants[0].sid
    token = world.issuer.bearer("reader", "shop", sid=sid)
    assert await phone(url, token) == 200
    await world.gateways[0].serve_table(table.parse(text))
    await tell(url, world.issuer.logout_token(sid=sid))

    assert kind(await browser.fetch(MINE)) == (401, "session-ended")
    assert await phone(url, token) == 401


async def test_a_table_without_sessions_has_none_and_one_with_them_has_them_again(world: World) -> None:
    browser = world.browser(await world.gateway())
    [gateway] = world.gateways
    await log_in(browser)
    without = ROUTES[: ROUTES.index("[session]")] + ROUTES[ROUTES.index('[[routes]]\npath = "/phone"') :]
    await gateway.serve_table(table.parse(without))
    assert (await browser.fetch(MINE)).status_code == 404

    await gateway.serve_table(table.parse(ROUTES))
    assert (await user(browser))["sub"] == "reader"
