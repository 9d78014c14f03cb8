"""A browser logs in, calls, looks who it is, and logs out; it never sees a token."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from frontispiece.security import Identity
from tests.support.browser import Browser
from tests.support.sessions import GUEST, ORIGIN, SESSION, World, kind, log_in, until, user
from tests.support.stub import answering

LOGIN = f"{ORIGIN}/web/session/login"
MINE = f"{ORIGIN}/web/mine"


async def test_a_browser_logs_in_and_services_see_the_user(
    world: World, browser: Browser, caller: Callable[[], Identity]
) -> None:
    page = await log_in(browser, "/web/shown?page=2")

    assert page.status_code == 200
    assert browser.visited[-1] == f"{ORIGIN}/web/shown?page=2"
    assert (await browser.fetch(MINE)).status_code == 200
    scopes = frozenset({"openid", "profile", "email", "shop"})
    assert caller() == Identity(subject="reader", scopes=scopes, client="web")


async def test_neither_answers_nor_cookies_have_a_token_in_them(world: World, reader: Browser) -> None:
    responses = [await reader.fetch(MINE), await reader.fetch(f"{ORIGIN}/web/session/user")]
    seen = "".join(
        [*reader.visited, *(c.value for c in reader.cookies[ORIGIN].values())]
        + [f"{response.text}{response.headers}" for response in responses]
    )

    assert world.issuer.grants[0].tokens[0] not in seen
    assert "eyJ" not in seen
    assert world.issuer.grants[0].sid not in seen


async def test_services_get_neither_cookie_nor_authorization(world: World, reader: Browser) -> None:
    await reader.fetch(MINE, headers={"Authorization": "Bearer mine"})

    asked = world.things.last
    assert asked.all(b"cookie") == asked.all(b"x-csrf") == []
    assert b"Bearer mine" not in asked.all(b"authorization")


async def test_the_authorization_request_has_pkce_state_and_nonce(world: World, reader: Browser) -> None:
    asked = {n: v[0] for n, v in parse_qs(urlsplit(reader.visited[1]).query).items()}

    assert reader.visited[1].startswith(f"{world.issuer.url}/authorize?")
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "web"
    assert asked["redirect_uri"] == f"{ORIGIN}/web/session/callback"
    assert asked["scope"] == "openid profile email shop"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) == 43
    assert len({asked[name] for name in ("state", "nonce", "code_challenge")}) == 3


async def test_the_session_cookie_ends_with_the_browser_and_the_logins_is_deleted(reader: Browser) -> None:
    stored = reader.cookies[ORIGIN]

    assert list(stored) == [SESSION]
    assert (stored[SESSION].same_site, stored[SESSION].http_only, stored[SESSION].ends) == (
        "strict",
        True,
        None,
    )
    assert len(stored[SESSION].value) == 43


async def test_the_user_has_profile_scopes_and_the_end_of_the_session(reader: Browser) -> None:
    response = await reader.fetch(f"{ORIGIN}/web/session/user")
    told = response.json()
    ends = datetime.fromisoformat(told.pop("expires_at"))

    assert response.headers["cache-control"] == "no-store"
    assert 1740 <= told.pop("expires_in") <= 1800
    assert abs(ends - datetime.now(UTC) - timedelta(minutes=30)) < timedelta(seconds=60)
    assert told == {
        "sub": "reader",
        "name": "Reader",
        "email": "reader@shop.example",
        "preferred_username": "reader",
        "scopes": ["email", "openid", "profile", "shop"],
        "logout_url": "/web/session/logout",
    }


async def test_the_user_of_a_guest_is_null(browser: Browser) -> None:
    assert await user(browser) is None
    await browser.fetch(f"{ORIGIN}/web/shown", method="POST")
    assert browser.cookie(ORIGIN, GUEST) is not None
    assert await user(browser) is None  # a guest is nobody yet


async def test_a_401_without_a_session_has_the_login_url(world: World, browser: Browser) -> None:
    response = await browser.fetch(MINE)

    assert kind(response) == (401, "session-missing")
    assert response.json()["login_url"] == "/web/session/login"
    assert response.headers["www-authenticate"] == "Bearer"  # no scheme is registered for cookies
    assert not world.things.requests


async def test_a_user_needs_the_scopes_of_the_route(world: World, browser: Browser) -> None:
    await log_in(browser)
    refused = await browser.fetch(f"{ORIGIN}/web/written", method="POST")

    assert kind(refused) == (403, "scope-missing")
    assert refused.json()["scope"] == "stock:write"
    world.issuer.given = {"scope": "openid shop stock:write"}
    await log_in(browser)
    assert (await browser.fetch(f"{ORIGIN}/web/written", method="POST")).status_code == 200


async def test_scopes_that_the_issuer_did_not_give_are_not_had(world: World, browser: Browser) -> None:
    world.issuer.given = {"scope": "openid"}
    await log_in(browser)

    assert kind(await browser.fetch(f"{ORIGIN}/web/shown")) == (403, "scope-missing")


async def test_a_login_from_another_sites_page_starts_a_new_session(browser: Browser) -> None:
    await log_in(browser)
    first = browser.cookie(ORIGIN, SESSION)
    await log_in(browser, start="https://elsewhere.example")

    assert browser.cookie(ORIGIN, SESSION) != first
    assert (await user(browser))["sub"] == "reader"


async def test_what_a_login_replaces_is_revoked_unless_it_is_of_the_same_login_at_the_issuer(
    world: World, browser: Browser
) -> None:
    for sid in ("one", "one", "two"):
        world.issuer.identity = {"sid": sid}
        await log_in(browser)

    await until(lambda: bool(world.issuer.revoked))
    assert world.issuer.revoked == world.issuer.grants[1].tokens


async def test_an_id_token_that_is_no_unicode_is_refused(world: World, browser: Browser) -> None:
    for claims in ({"name": "\ud800"}, {"\ud800": 1}, {"sid": "\ud800"}):
        world.issuer.identity = claims

        assert kind(await log_in(browser)) == (400, "login-failed"), claims


async def test_a_refused_user_sees_why_and_can_try_again(world: World, browser: Browser) -> None:
    world.issuer.user = None
    refused = await log_in(browser)

    assert kind(refused) == (401, "login-failed")
    assert refused.json()["error"] == "access_denied"
    assert not browser.cookies[ORIGIN]
    world.issuer.user = "reader"
    await log_in(browser)
    assert (await user(browser))["sub"] == "reader"


async def test_an_invalid_token_response_is_no_login(world: World, browser: Browser) -> None:
    cases: list[dict[str, Any]] = [{"id_token": None}, {"access_token": None}, {"token_type": "mac"}]
    for given in cases:
        world.issuer.given = given
        response = await log_in(browser)

        assert kind(response)[1] in {"login-failed", "issuer-unavailable"}, given
        assert browser.cookie(ORIGIN, SESSION) is None


async def test_logins_fail_while_the_issuer_is_down_and_work_afterwards(world: World) -> None:
    world.issuer.is_up = False
    browser = world.browser(await world.gateway())
    refused = await browser.navigate(LOGIN)

    assert kind(refused) == (503, "issuer-unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    world.issuer.is_up = True
    await until(lambda: _logged_in(browser))
    assert (await user(browser))["sub"] == "reader"


async def _logged_in(browser: Browser) -> bool:
    return (await log_in(browser)).status_code == 200


async def test_a_user_may_not_be_called_as_guests_are(world: World, browser: Browser) -> None:
    world.issuer.user = "guest:nobody"

    assert kind(await log_in(browser)) == (400, "login-failed")
    assert browser.cookie(ORIGIN, SESSION) is None


async def test_without_a_refresh_token_the_session_lasts_as_it_is(world: World, browser: Browser) -> None:
    world.issuer.given = {"refresh_token": None, "expires_in": 0.001}
    await log_in(browser)

    assert (await browser.fetch(MINE)).status_code == 200
    assert (await user(browser))["sub"] == "reader"
    assert world.issuer.refreshed == 0


# Caches.


SHOWN = f"{ORIGIN}/web/shown"


async def test_a_users_response_is_private_unless_the_service_says_otherwise(
    world: World, browser: Browser
) -> None:
    for said, told in [
        (None, "private"),
        ("max-age=60", "max-age=60, private"),
        ("max-age=0, must-revalidate", "max-age=0, must-revalidate, private"),
        ("not-public", "not-public, private"),
        ("private, max-age=60", "private, max-age=60"),
        ("max-age=60,PRIVATE", "max-age=60,PRIVATE"),
        ("no-store", "no-store"),
        ("public, max-age=60", "public, max-age=60"),
        ("s-maxage=60", "s-maxage=60"),
    ]:
        headers = [(b"cache-control", said.encode())] if said else []
        world.things.answer = answering(200, b"{}", *headers)
        await log_in(browser)
        response = await browser.fetch(SHOWN)

        assert response.headers["cache-control"] == told, (said, told)
        assert response.headers["vary"] == "Cookie, X-CSRF"


async def test_a_guests_response_may_be_cached_but_varies_by_cookie(world: World, browser: Browser) -> None:
    world.things.answer = answering(200, b"{}", (b"cache-control", b"max-age=60"), (b"vary", b"Accept"))
    response = await browser.fetch(SHOWN)

    assert response.headers["cache-control"] == "max-age=60"
    assert response.headers["vary"] == "Accept, Cookie, X-CSRF"


async def test_a_response_that_sets_the_session_cookie_is_not_cached(world: World, browser: Browser) -> None:
    world.things.answer = answering(200, b"{}", (b"cache-control", b"public, max-age=60"))
    response = await browser.fetch(SHOWN, method="POST")

    assert "set-cookie" in response.headers
    assert response.headers["cache-control"] == "no-store"
