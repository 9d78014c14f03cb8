"""Tokens are renewed once, however many need them; a session ends by it only when the issuer says so."""

import asyncio
import time

import pytest
import valkey.asyncio

from gateway.oidc import Provider
from gateway.session.background import Background
from gateway.session.copies import Copies
from gateway.session.refresh import Refresher
from tests.gateway.session.conftest import ORIGIN, SESSION, World, key_of, kind, log_in, until, user
from tests.support.browser import Browser

MINE = f"{ORIGIN}/web/mine"
LOGIN = f"{ORIGIN}/web/session/login"


@pytest.fixture
async def reader(browser: Browser) -> Browser:
    """A browser that has logged in."""
    await log_in(browser)
    return browser


async def twin(world: World, browser: Browser) -> Browser:
    """The same browser, at another gateway."""
    other = world.browser(await world.gateway())
    other.plant(ORIGIN, SESSION, str(browser.cookie(ORIGIN, SESSION)))

    async def knows_the_issuer() -> bool:
        return (await world.browser(other.addresses[ORIGIN]).fetch(LOGIN, marked=False)).status_code == 302

    await until(knows_the_issuer)
    return other


async def test_expired_tokens_are_renewed_before_the_call(world: World, reader: Browser) -> None:
    before = await world.kept(reader)
    await world.expire(reader)

    assert (await reader.fetch(MINE)).status_code == 200
    after = await world.kept(reader)
    assert before is not None
    assert after is not None
    assert after.refresh_token == world.issuer.grants[0].tokens[-1] != before.refresh_token
    assert after.expires is not None
    assert after.expires > time.time() + 200
    assert world.issuer.refreshed == 1
    assert after.ends == before.ends


async def test_tokens_that_expire_soon_are_renewed_while_the_call_goes_on(
    world: World, reader: Browser
) -> None:
    await world.change(reader, renewed=0.0)
    world.issuer.held.clear()

    assert (await reader.fetch(MINE)).status_code == 200
    world.issuer.held.set()

    async def renewed() -> bool:
        session = await world.kept(reader)
        return session is not None and session.is_fresh(time.time())

    await until(renewed)
    assert world.issuer.refreshed == 1


async def test_many_calls_at_once_renew_once(world: World, reader: Browser) -> None:
    await world.expire(reader)
    answers = await asyncio.gather(*(reader.fetch(MINE) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert world.issuer.refreshed == 1


async def test_two_gateways_renew_once(world: World, reader: Browser) -> None:
    other = await twin(world, reader)
    world.issuer.held.clear()
    await world.expire(reader)
    calls = [asyncio.ensure_future(each.fetch(MINE)) for each in (reader, other) for _ in range(5)]

    async def is_asked() -> bool:
        return world.issuer.asked.count("/token") > 1

    await until(is_asked)
    world.issuer.held.set()
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}
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


async def test_tokens_that_another_gateway_has_renewed_a_moment_before_are_not_renewed_again(
    world: World, reader: Browser
) -> None:
    asks_nobody = Provider(world.issuer.settings)  # it is not even open
    async with world.store() as store:
        refresher = Refresher(store, Copies(0), asks_nobody, Background())
        session = await refresher.now(key_of(reader))

    assert session is not None
    assert session == await world.kept(reader)


async def test_a_login_that_has_ended_at_the_issuer_ends_the_session(world: World, reader: Browser) -> None:
    world.issuer.grants[0].has_ended = True
    await world.expire(reader)
    answer = await reader.fetch(MINE)

    assert kind(answer) == (401, "session-ended")
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
    await world.change(reader, renewed=0.0)
    assert (await reader.fetch(MINE)).status_code == 200

    await world.expire(reader)
    answer = await reader.fetch(MINE)
    asks = await reader.fetch(f"{ORIGIN}/web/session/user")
    assert kind(answer) == kind(asks) == (503, "issuer-unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert reader.cookie(ORIGIN, SESSION) is not None

    world.issuer.is_up = True

    async def is_back() -> bool:
        return (await reader.fetch(MINE)).status_code == 200

    await until(is_back)
    assert (await user(reader))["sub"] == "reader"


async def test_an_issuer_that_is_down_is_not_asked_by_every_call(world: World, reader: Browser) -> None:
    world.issuer.is_up = False
    await world.expire(reader)
    asked = world.issuer.times_asked("/token")
    for _ in range(10):
        assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")

    assert world.issuer.times_asked("/token") - asked <= 3


async def test_a_lost_answer_is_asked_for_again(world: World, reader: Browser) -> None:
    world.issuer.loses_answers = world.issuer.forgives = True
    await world.expire(reader)
    assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")

    world.issuer.loses_answers = False

    async def is_back() -> bool:
        return (await reader.fetch(MINE)).status_code == 200

    await until(is_back)
    session = await world.kept(reader)
    assert session is not None
    assert session.refresh_token == world.issuer.grants[0].tokens[-1]


async def test_an_issuer_that_takes_a_lost_answer_for_theft_ends_the_session(
    world: World, reader: Browser
) -> None:
    world.issuer.loses_answers = True
    await world.expire(reader)
    assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")

    world.issuer.loses_answers = False

    async def has_ended() -> bool:
        return (await reader.fetch(MINE)).status_code == 401

    await until(has_ended)
    assert await user(reader) is None


async def test_a_gateway_that_the_issuer_does_not_know_ends_nobodys_session(
    world: World, reader: Browser
) -> None:
    await world.expire(reader)
    world.issuer.given = {"token_type": None}

    assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")
    assert await world.kept(reader) is not None


async def test_new_tokens_of_another_user_end_the_session(world: World, reader: Browser) -> None:
    world.issuer.identity = {"sub": "clerk"}
    await world.expire(reader)

    assert kind(await reader.fetch(MINE)) == (401, "session-ended")
    assert await user(reader) is None


async def test_scopes_that_were_taken_away_are_gone_with_the_next_tokens(
    world: World, reader: Browser
) -> None:
    world.issuer.given = {"scope": "openid"}
    await world.expire(reader)

    assert kind(await reader.fetch(f"{ORIGIN}/web/shown")) == (403, "scope-missing")


async def test_an_issuer_that_rotates_nothing_is_asked_with_the_same_token_again(
    world: World, reader: Browser
) -> None:
    world.issuer.forgives, world.issuer.given = True, {"refresh_token": None, "id_token": None}
    for _ in range(2):
        await world.expire(reader)
        assert (await reader.fetch(MINE)).status_code == 200

    assert {form["refresh_token"] for form in world.issuer.requests[1:]} == {world.issuer.grants[0].tokens[0]}


async def test_the_lock_of_a_gateway_that_crashed_holds_others_up_but_not_for_ever(
    world: World, reader: Browser, kept: valkey.asyncio.Valkey
) -> None:
    await kept.set(f"{key_of(reader)}:renewing", b"of one that crashed", px=300)
    await world.expire(reader)

    assert (await reader.fetch(MINE)).status_code == 200
    assert world.issuer.refreshed == 1


async def test_who_waits_for_another_gateway_waits_within_bounds(
    world: World, reader: Browser, kept: valkey.asyncio.Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.session.refresh.WAITS", 0.1)
    await kept.set(f"{key_of(reader)}:renewing", b"of one that is slow", px=60_000)
    await world.expire(reader)

    assert kind(await reader.fetch(MINE)) == (503, "issuer-unavailable")
    assert world.issuer.refreshed == 0
    assert await world.kept(reader) is not None


async def test_a_logout_while_tokens_are_renewed_leaves_nothing_behind(world: World, reader: Browser) -> None:
    await world.expire(reader)
    world.issuer.held.clear()
    call = asyncio.ensure_future(reader.fetch(MINE))

    async def is_asked() -> bool:
        return world.issuer.asked.count("/token") > 1

    await until(is_asked)
    key = key_of(reader)
    out = await reader.fetch(f"{ORIGIN}/web/session/logout", method="POST")
    world.issuer.held.set()
    answer = await call

    assert out.status_code == 200
    assert answer.status_code == 401
    async with world.store() as store:
        assert await store.look(key) is None

    async def is_given_back() -> bool:
        return world.issuer.grants[0].tokens[-1] in world.issuer.revoked

    await until(is_given_back)
