"""The issuer tells of logouts elsewhere: sessions end, and bearer tokens of that login count no more."""

import time
from typing import Any

import httpx
import pytest

from kit.sealing import new_key
from tests.gateway.session.conftest import MANY_SECONDS, ORIGIN, SESSION, World, kind, log_in, until, user
from tests.support.browser import Browser
from tests.support.issuer import IssuerKey
from tests.support.issuer_login import LOGOUT_EVENT
from tests.support.serving import client_of

TOLD = "/web/session/backchannel-logout"
MINE = f"{ORIGIN}/web/mine"


async def tell(gateway: str, token: str | None, **changed: Any) -> httpx.Response:
    """What the gateway answers to a logout token."""
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
    answer = await tell(gateway, world.issuer.logout_token(sid=world.issuer.grants[0].sid, sub="reader"))

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert kind(await browser.fetch(MINE)) == (401, "session-ended")
    assert (await other.fetch(MINE)).status_code == 200


async def test_a_logout_of_a_user_ends_all_of_theirs_and_nobody_elses(world: World, browser: Browser) -> None:
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
    one, other = [world.browser(await world.gateway(local_seconds=MANY_SECONDS)) for _ in range(2)]
    await log_in(one)
    other.plant(ORIGIN, SESSION, str(one.cookie(ORIGIN, SESSION)))
    for _ in range(3):
        assert (await other.fetch(MINE)).status_code == 200
    token = world.issuer.logout_token(sid=world.issuer.grants[0].sid)
    assert (await tell(one.addresses[ORIGIN], token)).status_code == 200

    async def is_known() -> bool:
        return (await other.fetch(MINE)).status_code == 401

    await until(is_known)


@pytest.mark.parametrize("client", ["web", "mobile"])
async def test_bearer_tokens_of_an_ended_login_count_no_more_in_any_gateway(
    world: World, client: str
) -> None:
    one, other = await world.gateway(), await world.gateway()
    ended = world.issuer.bearer("reader", "shop", sid="one")
    stays = world.issuer.bearer("reader", "shop", sid="two")
    assert [await phone(gateway, ended) for gateway in (one, other)] == [200, 200]
    assert (await tell(one, world.issuer.logout_token(sid="one", aud=client))).status_code == 200

    assert await phone(one, ended) == 401

    async def is_known() -> bool:
        return await phone(other, ended) == 401

    await until(is_known)
    assert [await phone(gateway, stays) for gateway in (one, other)] == [200, 200]


async def test_a_gateway_that_starts_later_knows_of_logouts_before(world: World) -> None:
    token = world.issuer.bearer("reader", "shop", sid="one")
    await tell(await world.gateway(), world.issuer.logout_token(sid="one"))
    late = await world.gateway()

    async def is_known() -> bool:
        return await phone(late, token) == 401

    await until(is_known)


async def test_after_a_logout_of_all_a_user_can_come_again(world: World) -> None:
    gateway = await world.gateway()
    now = int(time.time())
    before = world.issuer.bearer("reader", "shop", sid=None, iat=now - 60)
    after = world.issuer.bearer("reader", "shop", sid=None, iat=now)
    token = world.issuer.logout_token(sub="reader", iat=now - 30)
    assert (await tell(gateway, token)).status_code == 200

    assert [await phone(gateway, headers) for headers in (before, after)] == [401, 200]


async def test_a_login_that_ends_before_its_session_is_made_makes_none(
    world: World, browser: Browser
) -> None:
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


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"},
        {"iss": "https://elsewhere.example"},
        {"events": None},
        {"events": {}},
        {"events": {LOGOUT_EVENT: None}},
        {"nonce": "n"},
        {"jti": None},
        {"iat": 1},
        {"exp": 1},
        {"sid": None, "sub": None},
        {"sid": 7},
    ],
)
async def test_a_logout_token_that_is_not_one_ends_nothing(
    world: World, browser: Browser, changed: dict[str, Any]
) -> None:
    await log_in(browser)
    usual = {"sid": world.issuer.grants[0].sid, "sub": "reader"}
    answer = await tell(browser.addresses[ORIGIN], world.issuer.logout_token(**(usual | changed)))

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["error"] == "invalid_request"
    assert (await user(browser))["sub"] == "reader"


async def test_another_kind_of_token_or_one_of_another_key_ends_nothing(
    world: World, browser: Browser
) -> None:
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


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"json": {"logout_token": "x"}},
        {"content": b"logout_token=%s", "headers": {"Content-Type": "text/plain"}},
        {"content": b"logout_token=a&logout_token=b"},
        {"content": b"logout_token=%ff"},
        {"content": b"\xff"},
        {"content": b"logout_token=" + b"a" * 20_000},
        {"content": b"&".join(b"a%d=b" % n for n in range(100))},
    ],
)
async def test_what_is_no_form_with_one_logout_token_is_refused(
    world: World, request_: dict[str, Any]
) -> None:
    usual = {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    answer = await tell(
        await world.gateway(), None, **(usual | request_ if "json" not in request_ else request_)
    )

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
