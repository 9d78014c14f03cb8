"""Back-channel logouts: sessions end, and bearer tokens of that login are revoked."""

import time
from typing import Any

import httpx
import pytest
from valkey.asyncio import Valkey

from frontispiece.gateway.auth.session.invalidation import RevocationList
from frontispiece.security import new_key
from tests.support.browser import Browser
from tests.support.clock import Clock
from tests.support.issuer import IssuerKey
from tests.support.issuer_login import LOGOUT_EVENT
from tests.support.serving import client_of
from tests.support.sessions import (
    MANY_SECONDS,
    ORIGIN,
    RETENTION,
    SESSION,
    World,
    becomes,
    kind,
    log_in,
    user,
)

TOLD = "/web/session/backchannel-logout"
MINE = f"{ORIGIN}/web/mine"


async def tell(gateway: str, token: str | None, **changed: Any) -> httpx.Response:
    """The response of the gateway to a logout token."""
    async with client_of(gateway) as client:
        form = {"data": {"logout_token": token}} if token is not None else {}
        return await client.post(TOLD, **(form | changed))


async def phone(gateway: str, headers: dict[str, str]) -> int:
    """With which status a call with a bearer token is answered."""
    async with client_of(gateway) as client:
        return (await client.get("/phone", headers=headers)).status_code


async def test_a_logout_ends_the_sessions_of_that_login_alone(world: World, browser: Browser) -> None:
    gateway = browser.addresses[ORIGIN]
    other = world.browser(gateway)
    await log_in(browser)
    await log_in(other)
    response = await tell(gateway, world.issuer.logout_token(sid=world.issuer.grants[0].sid, sub="reader"))

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["cache-control"] == "no-store"
    assert kind(await browser.fetch(MINE)) == (401, "session-ended")
    assert (await other.fetch(MINE)).status_code == 200


async def test_a_logout_of_a_user_ends_all_their_sessions_and_no_others(
    world: World, browser: Browser
) -> None:
    gateway = browser.addresses[ORIGIN]
    other, clerk = world.browser(gateway), world.browser(gateway)
    await log_in(browser)
    await log_in(other)
    world.issuer.user = "clerk"
    await log_in(clerk)
    assert (await tell(gateway, world.issuer.logout_token(sub="reader"))).status_code == 200

    assert await user(browser) is None
    assert await user(other) is None
    assert (await user(clerk))["sub"] == "clerk"


async def test_a_logout_is_known_to_gateways_that_have_copies(world: World) -> None:
    one, other = [world.browser(await world.gateway(local_cache_ttl=MANY_SECONDS)) for _ in range(2)]
    await log_in(one)
    other.plant(ORIGIN, SESSION, str(one.cookie(ORIGIN, SESSION)))
    for _ in range(3):
        assert (await other.fetch(MINE)).status_code == 200
    token = world.issuer.logout_token(sid=world.issuer.grants[0].sid)
    assert (await tell(one.addresses[ORIGIN], token)).status_code == 200
    await becomes(401, lambda: other.fetch(MINE))


@pytest.mark.parametrize("client", ["web", "mobile", "mobile-web"])
async def test_bearer_tokens_of_an_ended_login_are_refused_by_every_gateway(
    world: World, client: str
) -> None:
    one, other = await world.gateway(), await world.gateway()
    ended = world.issuer.bearer("reader", "shop", sid="one")
    stays = world.issuer.bearer("reader", "shop", sid="two")
    assert [await phone(gateway, ended) for gateway in (one, other)] == [200, 200]
    assert (await tell(one, world.issuer.logout_token(sid="one", aud=client))).status_code == 200

    assert await phone(one, ended) == 401
    await becomes(401, lambda: phone(other, ended))
    assert [await phone(gateway, stays) for gateway in (one, other)] == [200, 200]


async def test_a_gateway_that_starts_later_knows_of_logouts_before(world: World) -> None:
    token = world.issuer.bearer("reader", "shop", sid="one")
    await tell(await world.gateway(), world.issuer.logout_token(sid="one"))
    late = await world.gateway()
    await becomes(401, lambda: phone(late, token))


async def test_an_ended_login_is_remembered_as_long_as_its_longest_token(
    world: World, valkey: Valkey
) -> None:
    await tell(await world.gateway(), world.issuer.logout_token(sid="one"))
    settings = world.issuer.settings

    (remembered,) = [await valkey.pttl(key) for key in await valkey.keys("session-logouts")]
    assert remembered / 1000 > settings.max_token_lifetime + settings.clock_skew


async def test_after_a_logout_of_all_a_user_can_come_again(world: World, browser: Browser) -> None:
    gateway = browser.addresses[ORIGIN]
    now = int(time.time())
    world.issuer.identity = {"iat": now - 60}
    earlier = world.browser(gateway)
    await log_in(earlier)
    world.issuer.identity = {}
    await log_in(browser)
    before = world.issuer.bearer("reader", "shop", sid=None, iat=now - 60)
    after = world.issuer.bearer("reader", "shop", sid=None, iat=now)
    other = world.issuer.bearer("clerk", "shop", sid=None, iat=now - 60)
    assert [await phone(gateway, headers) for headers in (before, other)] == [200, 200]
    token = world.issuer.logout_token(sub="reader", iat=now - 30)
    assert (await tell(gateway, token)).status_code == 200

    assert await user(earlier) is None
    assert (await user(browser))["sub"] == "reader"
    assert [await phone(gateway, headers) for headers in (before, after, other)] == [401, 200, 200]


async def test_a_login_that_ends_before_its_session_starts_has_none(world: World, browser: Browser) -> None:
    world.issuer.identity = {"sid": "one"}
    await tell(browser.addresses[ORIGIN], world.issuer.logout_token(sid="one"))

    assert kind(await log_in(browser)) == (400, "login-failed")
    assert browser.cookie(ORIGIN, SESSION) is None


async def test_a_logout_token_is_of_use_once(world: World, browser: Browser) -> None:
    gateway = browser.addresses[ORIGIN]
    token = world.issuer.logout_token(sub="reader", iat=int(time.time()) - 60)
    assert (await tell(gateway, token)).status_code == 200
    await log_in(browser)
    again = await tell(gateway, token)

    assert again.status_code == 400
    assert again.json()["error"] == "invalid_request"
    assert "before" in again.json()["error_description"]
    assert (await user(browser))["sub"] == "reader"


async def test_an_invalid_logout_token_ends_nothing(world: World, reader: Browser) -> None:
    usual = {"sid": world.issuer.grants[0].sid, "sub": "reader"}

    cases: list[tuple[dict[str, Any], str]] = [
        ({"aud": "another"}, "another audience"),
        ({"iss": "https://elsewhere.example"}, "another issuer"),
        ({"events": None}, "no logout event"),
        ({"events": {}}, "no logout event"),
        ({"events": {LOGOUT_EVENT: None}}, "no logout event"),
        ({"events": {LOGOUT_EVENT: True}}, "no logout event"),
        ({"events": [LOGOUT_EVENT]}, "no logout event"),
        ({"nonce": "n"}, "an ID token"),
        ({"jti": None}, "no jti"),
        ({"iat": 1}, "too old"),
        ({"iat": int(time.time()) - 3600}, "too old"),
        ({"iat": None}, "no iat"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "no exp"),
        ({"sid": None, "sub": None}, "neither sub nor sid"),
        ({"sid": 7}, "sid is no string"),
    ]
    for changed, why in cases:
        response = await tell(reader.addresses[ORIGIN], world.issuer.logout_token(**(usual | changed)))

        assert response.status_code == 400, (changed, why)
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"
        assert response.json()["error"] == "invalid_request"
        assert why in response.json()["error_description"]
        assert (await user(reader))["sub"] == "reader"


async def test_another_type_of_token_or_another_key_ends_nothing(world: World, browser: Browser) -> None:
    gateway = browser.addresses[ORIGIN]
    await log_in(browser)
    sid = world.issuer.grants[0].sid
    true = world.issuer.logout_token(sid=sid)
    access = world.issuer.token("reader", "shop", sid=sid)
    forged = world.issuer.signed(
        world.issuer.claims("reader", sid=sid), key=IssuerKey.new(), headers={"typ": "logout+jwt"}
    )

    for token in (access, forged, true[:-4], "", "a.b.c", new_key()):
        assert (await tell(gateway, token)).status_code == 400
    assert (await user(browser))["sub"] == "reader"


async def test_a_request_without_one_logout_token_is_refused(world: World) -> None:
    usual = {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}

    cases: list[dict[str, Any]] = [
        {},
        {"json": {"logout_token": "x"}},
        {"content": b"logout_token=%s", "headers": {"Content-Type": "text/plain"}},
        {"content": b"logout_token=a&logout_token=b"},
        {"content": b"logout_token=%ff"},
        {"content": b"\xff"},
        {"content": b"logout_token=" + b"a" * 20_000},
        {"content": b"&".join(b"a%d=b" % n for n in range(100))},
    ]
    for request_ in cases:
        response = await tell(
            await world.gateway(), None, **(usual | request_ if "json" not in request_ else request_)
        )

        assert response.status_code == 400, request_
        assert response.json()["error"] == "invalid_request"


# The list of ended logins.


NOW = 1_800_000_000.0


def test_the_latest_logout_of_all_counts_in_whatever_order_they_are_heard() -> None:
    revoked = RevocationList(RETENTION, Clock(NOW))
    for at in (NOW - 30, NOW, NOW - 60):
        revoked.add(sid=None, subject="reader", at=at)

    assert revoked.is_revoked(None, "reader", NOW - 1)


def test_what_no_token_can_outlast_is_forgotten() -> None:
    clock = Clock(NOW)
    revoked = RevocationList(RETENTION, clock)
    revoked.add(sid="one", subject=None, at=NOW)
    clock.now += RETENTION
    revoked.add(sid="two", subject=None, at=clock.now)
    assert revoked.is_revoked("one", "reader", NOW)

    clock.now += 1
    revoked.add(sid="three", subject=None, at=clock.now)
    assert not revoked.is_revoked("one", "reader", NOW)
    assert revoked.is_revoked("two", "reader", NOW)
