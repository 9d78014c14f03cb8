"""Sessions end by their timeouts or by a logout, in every gateway at once."""

import time

import pytest
from valkey.asyncio import Valkey

from tests.support.browser import Browser
from tests.support.monitor import Sent, monitored
from tests.support.serving import nobody_there
from tests.support.sessions import (
    MANY_SECONDS,
    ORIGIN,
    SESSION,
    World,
    becomes,
    key_of,
    kind,
    log_in,
    until,
    user,
)

MINE = f"{ORIGIN}/web/mine"
LOGOUT = f"{ORIGIN}/web/session/logout"
HALF_AN_HOUR = 1_800_000


async def copied(browser: Browser, sent: Sent) -> None:
    """Return when the browser's gateway responds out of its copy."""

    async def is_copied() -> bool:
        await sent()
        assert (await browser.fetch(MINE)).status_code == 200
        return await sent() == []

    await until(is_copied)


async def twins(world: World, *, local_cache_ttl: float) -> tuple[Browser, Browser]:
    """A browser that has logged in, and the same one at another gateway."""
    one, other = [world.browser(await world.gateway(local_cache_ttl=local_cache_ttl)) for _ in range(2)]
    await log_in(one)
    other.plant(ORIGIN, SESSION, str(one.cookie(ORIGIN, SESSION)))
    return one, other


async def test_a_call_restarts_the_idle_timeout(reader: Browser, valkey: Valkey) -> None:
    key = key_of(reader)
    assert HALF_AN_HOUR - 60_000 < await valkey.pttl(key) <= HALF_AN_HOUR

    await valkey.pexpire(key, 60_000)
    await reader.fetch(MINE)
    assert HALF_AN_HOUR - 60_000 < await valkey.pttl(key) <= HALF_AN_HOUR


async def test_user_does_not_restart_the_idle_timeout(reader: Browser, valkey: Valkey) -> None:
    await valkey.pexpire(key_of(reader), 600_000)
    told = await user(reader)

    assert 540 <= told["expires_in"] <= 600
    assert await valkey.pttl(key_of(reader)) <= 600_000


async def test_no_call_extends_the_absolute_timeout(world: World, reader: Browser, valkey: Valkey) -> None:
    session = await world.session(reader)
    assert 43_000 < session.ends_at - time.time() <= 43_200
    await world.change(reader, ends_at=time.time() + 900)
    await reader.fetch(MINE)

    assert 840_000 < await valkey.pttl(key_of(reader)) <= 900_000
    assert 840 <= (await user(reader))["expires_in"] <= 900


async def test_a_session_beyond_its_end_is_none(world: World, reader: Browser, valkey: Valkey) -> None:
    key = key_of(reader)
    await world.change(reader, ends_at=time.time() - 1)
    assert kind(await reader.fetch(MINE)) == (401, "session-ended")

    assert reader.cookie(ORIGIN, SESSION) is None
    assert not await valkey.exists(key)


async def test_a_session_that_was_idle_for_too_long_is_none(reader: Browser, valkey: Valkey) -> None:
    await valkey.pexpire(key_of(reader), 0)
    response = await reader.fetch(MINE)

    assert kind(response) == (401, "session-ended")
    assert response.json()["login_url"] == "/web/session/login"
    assert await user(reader) is None


async def test_a_logout_ends_the_session_and_names_the_issuers_logout(
    world: World, reader: Browser, valkey: Valkey
) -> None:
    key, value = key_of(reader), str(reader.cookie(ORIGIN, SESSION))
    token = world.issuer.grants[0].tokens[0]
    response = await reader.fetch(LOGOUT, method="POST")
    sid = world.issuer.grants[0].sid
    back = f"client_id=web&post_logout_redirect_uri=https%3A%2F%2Fshop.example%2F&logout_hint={sid}"

    assert response.json() == {"logout_url": f"{world.issuer.url}/logout?{back}"}
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["clear-site-data"] == '"cache", "storage"'
    assert reader.cookie(ORIGIN, SESSION) is None
    assert not await valkey.exists(key)
    reader.plant(ORIGIN, SESSION, value)
    assert kind(await reader.fetch(MINE)) == (401, "session-ended")
    await until(lambda: world.issuer.revoked == [token])


async def test_a_logout_without_a_session_is_answered_alike(world: World, reader: Browser) -> None:
    await reader.fetch(LOGOUT, method="POST")
    again = await reader.fetch(LOGOUT, method="POST")

    back = "client_id=web&post_logout_redirect_uri=https%3A%2F%2Fshop.example%2F"
    assert (again.status_code, again.json()) == (200, {"logout_url": f"{world.issuer.url}/logout?{back}"})


@pytest.mark.parametrize("gone", [{"end_session_endpoint": None}, {"revocation_endpoint": None}])
async def test_a_logout_works_with_an_issuer_that_knows_of_none(world: World, gone: dict[str, None]) -> None:
    world.issuer.changed = gone
    browser = world.browser(await world.gateway())
    await log_in(browser)
    response = await browser.fetch(LOGOUT, method="POST")

    assert response.status_code == 200
    assert (response.json()["logout_url"] is None) == ("end_session_endpoint" in gone)
    assert await user(browser) is None


async def test_a_logout_works_while_the_issuer_is_down(world: World, reader: Browser) -> None:
    world.issuer.is_up = False

    assert (await reader.fetch(LOGOUT, method="POST")).status_code == 200
    assert await user(reader) is None


async def test_a_call_is_one_round_trip_and_none_with_a_local_copy(world: World, reader: Browser) -> None:
    quick = world.browser(await world.gateway(local_cache_ttl=MANY_SECONDS))
    quick.plant(ORIGIN, SESSION, str(reader.cookie(ORIGIN, SESSION)))
    await reader.fetch(MINE)
    async with monitored(world.valkey_url) as sent:
        await sent()
        assert (await reader.fetch(MINE)).status_code == 200
        assert [command.partition(" ")[0] for command in await sent()] == ["EVALSHA"]

        await copied(quick, sent)
        for _ in range(10):
            assert (await quick.fetch(MINE)).status_code == 200
        assert await sent() == []


async def test_a_guest_without_a_session_costs_no_call_to_valkey(world: World, reader: Browser) -> None:
    async with monitored(world.valkey_url) as sent:
        await sent()
        await reader.fetch(f"{ORIGIN}/web/shown", marked=False)
        await world.browser(reader.addresses[ORIGIN]).fetch(f"{ORIGIN}/web/shown")
        assert await sent() == []


async def test_a_logout_is_known_to_every_gateway_whatever_copies_it_has(world: World) -> None:
    one, other = await twins(world, local_cache_ttl=MANY_SECONDS)
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
    one, other = await twins(world, local_cache_ttl=MANY_SECONDS)
    async with monitored(world.valkey_url) as sent:
        await copied(other, sent)
    await log_in(one)
    await becomes(401, lambda: other.fetch(MINE))


async def test_without_valkey_only_open_routes_pass(world: World) -> None:
    browser = world.browser(await world.gateway(valkey_url=nobody_there().replace("http", "valkey")))
    browser.plant(ORIGIN, SESSION, "A" * 43)

    for url, method in [
        (MINE, "GET"),
        (f"{ORIGIN}/web/shown", "GET"),
        (f"{ORIGIN}/web/shown", "POST"),
        (f"{ORIGIN}/web/session/user", "GET"),
        (LOGOUT, "POST"),
    ]:
        response = await browser.fetch(url, method=method)
        assert kind(response) == (503, "session-store-unavailable"), url
        assert response.headers["retry-after"] == "1"
        assert browser.cookie(ORIGIN, SESSION) is not None
    assert not world.things.requests

    assert (await world.browser(browser.addresses[ORIGIN]).fetch(f"{ORIGIN}/web/shown")).status_code == 200
    fresh = world.browser(browser.addresses[ORIGIN])
    assert kind(await log_in(fresh)) == (503, "session-store-unavailable")
    assert fresh.cookie(ORIGIN, SESSION) is None
