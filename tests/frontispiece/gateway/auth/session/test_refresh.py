"""Tokens are refreshed once for all calls; a session ends by it only when the issuer says so."""

import asyncio
import time
from typing import Any

import pytest
from valkey.asyncio import Valkey

from frontispiece.gateway.auth.oidc import Provider
from frontispiece.gateway.auth.session import SessionSettings, refresh
from frontispiece.gateway.auth.session.context import SessionContext
from frontispiece.gateway.auth.session.refresh import TokenRefresher
from frontispiece.gateway.config.session import Session
from tests.support.browser import Browser
from tests.support.sessions import ORIGIN, SESSION, World, becomes, key_of, kind, log_in, until, user
from tests.support.stub import Exchange

MINE = f"{ORIGIN}/web/mine"
LOGIN = f"{ORIGIN}/web/session/login"


@pytest.fixture(autouse=True)
def _tries_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh, "FAILURE_PAUSE", 0.05)


async def twin(world: World, browser: Browser) -> Browser:
    """The same browser, at another gateway."""
    other = world.browser(await world.gateway())
    other.plant(ORIGIN, SESSION, str(browser.cookie(ORIGIN, SESSION)))
    await becomes(302, lambda: world.browser(other.addresses[ORIGIN]).fetch(LOGIN, marked=False))
    return other


async def test_expired_tokens_are_renewed_before_the_call(world: World, reader: Browser) -> None:
    before = await world.session(reader)
    await world.expire(reader)

    assert (await reader.fetch(MINE)).status_code == 200
    after = await world.session(reader)
    assert after.refresh_token == world.issuer.grants[0].tokens[-1] != before.refresh_token
    assert after.tokens_expire_at is not None
    assert after.tokens_expire_at > time.time() + 200
    assert world.issuer.refreshed == 1
    assert after.ends_at == before.ends_at


async def test_tokens_are_refreshed_in_the_background_before_they_expire(
    world: World, reader: Browser
) -> None:
    await world.change(reader, refresh_at=0.0)
    world.issuer.held.clear()

    assert (await reader.fetch(MINE)).status_code == 200
    world.issuer.held.set()

    async def renewed() -> bool:
        session = await world.session(reader)
        return not session.needs_refresh(time.time())

    await until(renewed)
    assert world.issuer.refreshed == 1


async def test_two_gateways_renew_once(world: World, reader: Browser) -> None:
    other = await twin(world, reader)
    world.issuer.held.clear()
    await world.expire(reader)
    calls = [asyncio.ensure_future(each.fetch(MINE)) for each in (reader, other) for _ in range(5)]
    await until(lambda: world.issuer.paths.count("/token") > 1)
    world.issuer.held.set()
    responses = await asyncio.gather(*calls)
    assert {response.status_code for response in responses} == {200}
    assert world.issuer.refreshed == 1
    assert not world.issuer.grants[0].has_ended


async def test_a_gateway_that_was_late_uses_what_the_other_got(world: World, reader: Browser) -> None:
    other = await twin(world, reader)
    for _ in range(3):
        await world.expire(reader)
        assert (await reader.fetch(MINE)).status_code == 200
        assert (await other.fetch(MINE)).status_code == 200

    assert world.issuer.refreshed == 3
    assert not world.issuer.grants[0].has_ended


async def test_tokens_that_another_gateway_has_refreshed_stay(world: World, reader: Browser) -> None:
    asks_nobody = Provider(world.issuer.settings)  # it is not even open
    settings = SessionSettings(valkey_url=world.valkey_url, encryption_keys=world.keys)
    context = SessionContext(settings, Session(), asks_nobody)
    async with context.store.valkey:
        session = await TokenRefresher(context).refresh(key_of(reader))

    assert session == await world.session(reader)


async def test_a_login_that_has_ended_at_the_issuer_ends_the_session(world: World, reader: Browser) -> None:
    world.issuer.grants[0].has_ended = True
    await world.expire(reader)
    response = await reader.fetch(MINE)

    assert kind(response) == (401, "session-ended")
    assert reader.cookie(ORIGIN, SESSION) is None
    assert await user(reader) is None


async def test_user_never_says_logged_in_while_calls_are_refused(world: World, reader: Browser) -> None:
    world.issuer.grants[0].has_ended = True
    await world.expire(reader)

    assert await user(reader) is None
    assert kind(await reader.fetch(MINE)) == (401, "session-missing")


async def test_while_the_issuer_is_down_calls_go_on_until_the_tokens_expire_and_the_session_stays(
    world: World, reader: Browser
) -> None:
    world.issuer.is_up = False
    await world.change(reader, refresh_at=0.0)
    assert (await reader.fetch(MINE)).status_code == 200

    await world.expire(reader)
    response = await reader.fetch(MINE)
    asks = await reader.fetch(f"{ORIGIN}/web/session/user")
    assert kind(response) == kind(asks) == (503, "issuer-unavailable")
    assert int(response.headers["retry-after"]) >= 1
    assert reader.cookie(ORIGIN, SESSION) is not None

    world.issuer.is_up = True
    await becomes(200, lambda: reader.fetch(MINE))
    assert (await user(reader))["sub"] == "reader"


async def test_an_issuer_that_is_down_is_not_called_by_every_call(
    world: World, reader: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "FAILURE_PAUSE", 600.0)
    world.issuer.is_up = False
    await world.expire(reader)
    asked = world.issuer.times_asked("/token")
    for _ in range(10):
        assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")

    assert world.issuer.times_asked("/token") - asked == 1


async def test_a_lost_token_response_is_requested_again(world: World, reader: Browser) -> None:
    world.issuer.loses_answers = world.issuer.allows_reuse = True
    await world.expire(reader)
    assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")

    world.issuer.loses_answers = False
    await becomes(200, lambda: reader.fetch(MINE))
    session = await world.session(reader)
    assert session.refresh_token == world.issuer.grants[0].tokens[-1]


async def test_a_lost_response_that_looks_like_theft_ends_the_session(world: World, reader: Browser) -> None:
    world.issuer.loses_answers = True
    await world.expire(reader)
    assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")

    world.issuer.loses_answers = False
    await becomes(401, lambda: reader.fetch(MINE))
    assert await user(reader) is None


async def test_a_misconfigured_gateway_ends_no_session(world: World, reader: Browser) -> None:
    await world.expire(reader)
    world.issuer.given = {"token_type": None}

    assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")
    assert await world.session(reader)


async def test_new_tokens_of_another_user_end_the_session(world: World, reader: Browser) -> None:
    world.issuer.identity = {"sub": "clerk"}
    await world.expire(reader)

    assert kind(await reader.fetch(MINE)) == (401, "session-ended")
    assert await user(reader) is None


async def test_scopes_that_are_withdrawn_are_gone_with_the_next_tokens(world: World, reader: Browser) -> None:
    world.issuer.given = {"scope": "openid"}
    await world.expire(reader)

    assert kind(await reader.fetch(f"{ORIGIN}/web/shown")) == (403, "scope-missing")


async def test_a_refresh_token_that_is_not_rotated_is_used_again(world: World, reader: Browser) -> None:
    world.issuer.allows_reuse, world.issuer.given = True, {"refresh_token": None, "id_token": None}
    for _ in range(2):
        await world.expire(reader)
        assert (await reader.fetch(MINE)).status_code == 200

    assert {form["refresh_token"] for form in world.issuer.forms[1:]} == {world.issuer.grants[0].tokens[0]}


async def test_the_lock_of_a_crashed_gateway_expires(world: World, reader: Browser, valkey: Valkey) -> None:
    await valkey.set(f"{key_of(reader)}:renewing", b"of one that crashed", px=300)
    await world.expire(reader)

    assert (await reader.fetch(MINE)).status_code == 200
    assert world.issuer.refreshed == 1


async def test_waiting_for_another_gateway_is_bounded(
    world: World, reader: Browser, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refresh, "WAIT_TIMEOUT", 0.1)
    await valkey.set(f"{key_of(reader)}:renewing", b"of one that is slow", px=60_000)
    await world.expire(reader)

    assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")
    assert world.issuer.refreshed == 0
    assert await world.session(reader)


async def test_a_logout_while_tokens_are_renewed_leaves_nothing_behind(world: World, reader: Browser) -> None:
    await world.expire(reader)
    world.issuer.held.clear()
    call = asyncio.ensure_future(reader.fetch(MINE))
    await until(lambda: world.issuer.paths.count("/token") > 1)
    key = key_of(reader)
    out = await reader.fetch(f"{ORIGIN}/web/session/logout", method="POST")
    world.issuer.held.set()
    response = await call

    assert out.status_code == 200
    assert response.status_code == 401
    async with world.store() as store:
        assert await store.peek(key) is None
    await until(lambda: world.issuer.grants[0].tokens[-1] in world.issuer.revoked)


async def test_a_login_while_tokens_are_renewed_keeps_its_own(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.issuer.identity = {"sid": "one"}
    await log_in(browser)
    await renewed_during_a_login(world, browser, monkeypatch)
    world.issuer.identity = {"sid": "two"}
    await log_in(browser)

    await until(lambda: bool(world.issuer.revoked))
    assert world.issuer.revoked == world.issuer.grants[1].tokens


async def test_tokens_that_come_after_another_users_login_are_revoked(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log_in(browser)
    world.issuer.user = "clerk"
    await renewed_during_a_login(world, browser, monkeypatch)

    await until(lambda: world.issuer.grants[0].tokens[-1] in world.issuer.revoked)
    assert len(world.issuer.grants[0].tokens) == 2
    assert not {*world.issuer.grants[1].tokens} & {*world.issuer.revoked}


async def renewed_during_a_login(world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the tokens of the browser's session renewed, and a login end before the answer arrives."""
    await world.expire(browser)
    answers, arrived, released = world.issuer.endpoints["POST", "/token"], asyncio.Event(), asyncio.Event()

    async def answer_late_the_first_time(exchange: Exchange) -> None:
        start = exchange.start

        async def late(*head: Any) -> None:
            arrived.set()
            await released.wait()
            await start(*head)

        if not arrived.is_set():
            monkeypatch.setattr(exchange, "start", late)
        await answers(exchange)

    monkeypatch.setitem(world.issuer.endpoints, ("POST", "/token"), answer_late_the_first_time)
    call = asyncio.ensure_future(browser.fetch(MINE))
    await arrived.wait()
    await log_in(browser)
    released.set()
    await call
