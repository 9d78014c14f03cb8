"""Sessions end: after a while without a call, after a while anyway, by a logout, in every gateway at once."""

import time

import pytest
import valkey.asyncio

from tests.gateway.session.conftest import (
    MANY_SECONDS,
    ORIGIN,
    SESSION,
    World,
    key_of,
    kind,
    log_in,
    until,
    user,
)
from tests.support.browser import Browser
from tests.support.monitor import Sent, monitored
from tests.support.serving import nobody_there

MINE = f"{ORIGIN}/web/mine"
LOGOUT = f"{ORIGIN}/web/session/logout"
HALF_AN_HOUR = 1_800_000


async def copied(browser: Browser, sent: Sent) -> None:
    """Return when the browser's gateway answers out of its copy."""

    async def is_copied() -> bool:
        await sent()
        assert (await browser.fetch(MINE)).status_code == 200
        return await sent() == []

    await until(is_copied)


async def twins(world: World, *, local_seconds: float) -> tuple[Browser, Browser]:
    """A browser that has logged in, and the same one at another gateway."""
    one, other = [world.browser(await world.gateway(local_seconds=local_seconds)) for _ in range(2)]
    await log_in(one)
    other.plant(ORIGIN, SESSION, str(one.cookie(ORIGIN, SESSION)))
    return one, other


async def test_a_session_lasts_for_its_idle_time_and_a_call_prolongs_it(
    browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await log_in(browser)
    key = key_of(browser)
    assert HALF_AN_HOUR - 10_000 < await kept.pttl(key) <= HALF_AN_HOUR

    await kept.pexpire(key, 60_000)
    await browser.fetch(MINE)
    assert HALF_AN_HOUR - 10_000 < await kept.pttl(key) <= HALF_AN_HOUR


async def test_asking_who_is_logged_in_prolongs_nothing(
    browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await log_in(browser)
    await kept.pexpire(key_of(browser), 60_000)
    told = await user(browser)

    assert 50 <= told["expires_in"] <= 60
    assert await kept.pttl(key_of(browser)) <= 60_000


async def test_no_call_prolongs_a_session_beyond_its_end(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await log_in(browser)
    session = await world.kept(browser)
    assert session is not None
    assert 43_000 < session.ends - time.time() <= 43_200
    await world.change(browser, ends=time.time() + 90)
    await browser.fetch(MINE)

    assert 80_000 < await kept.pttl(key_of(browser)) <= 90_000
    assert 80 <= (await user(browser))["expires_in"] <= 90


async def test_a_session_beyond_its_end_is_none(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await log_in(browser)
    key = key_of(browser)
    await world.change(browser, ends=time.time() - 1)
    assert kind(await browser.fetch(MINE)) == (401, "session-ended")

    assert browser.cookie(ORIGIN, SESSION) is None
    assert not await kept.exists(key)


async def test_a_session_that_was_idle_for_too_long_is_none(
    browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await log_in(browser)
    await kept.pexpire(key_of(browser), 0)
    answer = await browser.fetch(MINE)

    assert kind(answer) == (401, "session-ended")
    assert answer.json()["login_url"] == "/web/session/login"
    assert await user(browser) is None


async def test_a_logout_ends_the_session_and_tells_where_the_issuer_ends_its_own(
    world: World, browser: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await log_in(browser)
    key, value = key_of(browser), str(browser.cookie(ORIGIN, SESSION))
    token = world.issuer.grants[0].tokens[0]
    answer = await browser.fetch(LOGOUT, method="POST")
    sid = world.issuer.grants[0].sid
    back = f"client_id=web&post_logout_redirect_uri=https%3A%2F%2Fshop.example%2F&logout_hint={sid}"

    assert answer.json() == {"logout_url": f"{world.issuer.url}/logout?{back}"}
    assert answer.headers["cache-control"] == "no-store"
    assert browser.cookie(ORIGIN, SESSION) is None
    assert not await kept.exists(key)
    browser.plant(ORIGIN, SESSION, value)
    assert kind(await browser.fetch(MINE)) == (401, "session-ended")

    async def is_given_back() -> bool:
        return world.issuer.revoked == [token]

    await until(is_given_back)


async def test_a_logout_without_a_session_is_answered_alike(world: World, browser: Browser) -> None:
    await log_in(browser)
    await browser.fetch(LOGOUT, method="POST")
    again = await browser.fetch(LOGOUT, method="POST")

    back = "client_id=web&post_logout_redirect_uri=https%3A%2F%2Fshop.example%2F"
    assert (again.status_code, again.json()) == (200, {"logout_url": f"{world.issuer.url}/logout?{back}"})


@pytest.mark.parametrize("gone", [{"end_session_endpoint": None}, {"revocation_endpoint": None}])
async def test_a_logout_works_with_an_issuer_that_knows_of_none(world: World, gone: dict[str, None]) -> None:
    world.issuer.changed = gone
    browser = world.browser(await world.gateway())
    await log_in(browser)
    answer = await browser.fetch(LOGOUT, method="POST")

    assert answer.status_code == 200
    assert (answer.json()["logout_url"] is None) == ("end_session_endpoint" in gone)
    assert await user(browser) is None


async def test_a_logout_works_while_the_issuer_is_down(world: World, browser: Browser) -> None:
    await log_in(browser)
    world.issuer.is_up = False

    assert (await browser.fetch(LOGOUT, method="POST")).status_code == 200
    assert await user(browser) is None


async def test_a_call_asks_valkey_once_and_not_at_all_while_a_copy_is_believed(
    world: World, browser: Browser
) -> None:
    await log_in(browser)
    quick = world.browser(await world.gateway(local_seconds=MANY_SECONDS))
    quick.plant(ORIGIN, SESSION, str(browser.cookie(ORIGIN, SESSION)))
    await browser.fetch(MINE)
    async with monitored(world.valkey_url) as sent:
        await sent()
        assert (await browser.fetch(MINE)).status_code == 200
        assert [command.partition(" ")[0] for command in await sent()] == ["EVALSHA"]

        await copied(quick, sent)
        for _ in range(10):
            assert (await quick.fetch(MINE)).status_code == 200
        assert await sent() == []


async def test_a_guest_without_a_session_asks_valkey_for_nothing(world: World, browser: Browser) -> None:
    await log_in(browser)
    async with monitored(world.valkey_url) as sent:
        await sent()
        await browser.fetch(f"{ORIGIN}/web/shown", marked=False)
        await world.browser(browser.addresses[ORIGIN]).fetch(f"{ORIGIN}/web/shown")
        assert await sent() == []


async def test_a_logout_is_known_to_every_gateway_whatever_copies_it_has(world: World) -> None:
    one, other = await twins(world, local_seconds=MANY_SECONDS)
    async with monitored(world.valkey_url) as sent:
        await copied(one, sent)
        await copied(other, sent)
    value = str(one.cookie(ORIGIN, SESSION))
    await one.fetch(LOGOUT, method="POST")
    one.plant(ORIGIN, SESSION, value)
    assert (await one.fetch(MINE)).status_code == 401

    async def is_known() -> bool:
        other.plant(ORIGIN, SESSION, value)
        return (await other.fetch(MINE)).status_code == 401

    await until(is_known)


async def test_a_login_anew_drops_the_copies_of_the_session_before(world: World) -> None:
    one, other = await twins(world, local_seconds=MANY_SECONDS)
    async with monitored(world.valkey_url) as sent:
        await copied(other, sent)
    await log_in(one)

    async def is_known() -> bool:
        return (await other.fetch(MINE)).status_code == 401

    await until(is_known)


async def test_without_valkey_nothing_passes_but_what_is_open_to_everybody(world: World) -> None:
    browser = world.browser(await world.gateway(valkey_url=nobody_there().replace("http", "valkey")))
    browser.plant(ORIGIN, SESSION, "A" * 43)

    for url, method in [
        (MINE, "GET"),
        (f"{ORIGIN}/web/shown", "GET"),
        (f"{ORIGIN}/web/shown", "POST"),
        (f"{ORIGIN}/web/session/user", "GET"),
        (LOGOUT, "POST"),
    ]:
        answer = await browser.fetch(url, method=method)
        assert kind(answer) == (503, "session-store-unavailable"), url
        assert answer.headers["retry-after"] == "1"
        assert browser.cookie(ORIGIN, SESSION) is not None
    assert not world.things.asked

    assert (await world.browser(browser.addresses[ORIGIN]).fetch(f"{ORIGIN}/web/shown")).status_code == 200
    fresh = world.browser(browser.addresses[ORIGIN])
    assert kind(await log_in(fresh)) == (503, "session-store-unavailable")
    assert fresh.cookie(ORIGIN, SESSION) is None
