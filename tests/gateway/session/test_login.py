"""A browser logs in, calls, looks who it is, and logs out; it never sees a token."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from kit.tokens import Identity
from tests.gateway.session.conftest import ORIGIN, SESSION, World, kind, log_in, until, user
from tests.support.browser import Browser

LOGIN = f"{ORIGIN}/web/session/login"
MINE = f"{ORIGIN}/web/mine"


async def test_a_browser_logs_in_and_its_calls_are_made_on_the_users_behalf(
    world: World, browser: Browser, caller: Callable[[], Identity]
) -> None:
    page = await log_in(browser, "/web/shown?page=2")

    assert page.status_code == 200
    assert browser.visited[-1] == f"{ORIGIN}/web/shown?page=2"
    assert (await browser.fetch(MINE)).status_code == 200
    scopes = frozenset({"openid", "profile", "email", "shop"})
    assert caller() == Identity(subject="reader", scopes=scopes, client="web")


async def test_neither_answers_nor_cookies_have_a_token_in_them(world: World, browser: Browser) -> None:
    await log_in(browser)
    answers = [await browser.fetch(MINE), await browser.fetch(f"{ORIGIN}/web/session/user")]
    seen = "".join(
        [*browser.visited, *(c.value for c in browser.cookies[ORIGIN].values())]
        + [f"{answer.text}{answer.headers}" for answer in answers]
    )

    assert world.issuer.grants[0].tokens[0] not in seen
    assert "eyJ" not in seen
    assert world.issuer.grants[0].sid not in seen


async def test_services_get_neither_the_cookie_nor_what_a_client_says_in_authorization(
    world: World, browser: Browser
) -> None:
    await log_in(browser)
    await browser.fetch(MINE, headers={"Authorization": "Bearer mine"})

    asked = world.things.last
    assert asked.all(b"cookie") == asked.all(b"x-csrf") == []
    assert b"Bearer mine" not in asked.all(b"authorization")


async def test_the_issuer_is_asked_for_a_code_with_pkce_state_and_nonce(
    world: World, browser: Browser
) -> None:
    await log_in(browser)
    asked = {n: v[0] for n, v in parse_qs(urlsplit(browser.visited[1]).query).items()}

    assert browser.visited[1].startswith(f"{world.issuer.url}/authorize?")
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "web"
    assert asked["redirect_uri"] == f"{ORIGIN}/web/session/callback"
    assert asked["scope"] == "openid profile email shop"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) == 43
    assert len({asked[name] for name in ("state", "nonce", "code_challenge")}) == 3


async def test_the_session_has_a_cookie_that_ends_with_the_browser_and_the_login_has_none_left(
    browser: Browser,
) -> None:
    await log_in(browser)
    kept = browser.cookies[ORIGIN]

    assert list(kept) == [SESSION]
    assert (kept[SESSION].same_site, kept[SESSION].http_only, kept[SESSION].ends) == ("strict", True, None)
    assert len(kept[SESSION].value) == 43


async def test_the_user_is_told_with_profile_scopes_and_when_the_session_ends(browser: Browser) -> None:
    await log_in(browser)
    answer = await browser.fetch(f"{ORIGIN}/web/session/user")
    told = answer.json()
    ends = datetime.fromisoformat(told.pop("expires_at"))

    assert answer.headers["cache-control"] == "no-store"
    assert 1790 <= told.pop("expires_in") <= 1800
    assert abs(ends - datetime.now(UTC) - timedelta(minutes=30)) < timedelta(seconds=10)
    assert told == {
        "sub": "reader",
        "name": "Reader",
        "email": "reader@shop.example",
        "preferred_username": "reader",
        "scopes": ["email", "openid", "profile", "shop"],
        "logout_url": "/web/session/logout",
    }


async def test_nobody_is_null(browser: Browser) -> None:
    assert await user(browser) is None
    await browser.fetch(f"{ORIGIN}/web/shown", method="POST")
    assert browser.cookie(ORIGIN, SESSION) is not None
    assert await user(browser) is None  # a guest is nobody yet


async def test_who_has_no_session_is_told_where_to_log_in(world: World, browser: Browser) -> None:
    answer = await browser.fetch(MINE)

    assert kind(answer) == (401, "session-missing")
    assert answer.json()["login_url"] == "/web/session/login"
    assert "www-authenticate" not in answer.headers
    assert not world.things.asked


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


async def test_logging_in_changes_the_sessions_id_and_ends_the_earlier_one(
    world: World, browser: Browser
) -> None:
    await log_in(browser)
    first = browser.cookie(ORIGIN, SESSION)
    other = world.browser(browser.addresses[ORIGIN])
    other.plant(ORIGIN, SESSION, str(first))
    await log_in(browser)

    assert browser.cookie(ORIGIN, SESSION) != first
    assert kind(await other.fetch(MINE)) == (401, "session-ended")
    assert (await browser.fetch(MINE)).status_code == 200


async def test_a_login_from_another_sites_page_works_and_knows_the_earlier_session_no_more(
    browser: Browser,
) -> None:
    await log_in(browser)
    first = browser.cookie(ORIGIN, SESSION)
    await log_in(browser, start="https://elsewhere.example")

    assert browser.cookie(ORIGIN, SESSION) != first
    assert (await user(browser))["sub"] == "reader"


async def test_who_is_not_let_in_by_the_issuer_is_told_so_and_can_try_again(
    world: World, browser: Browser
) -> None:
    world.issuer.user = None
    refused = await log_in(browser)

    assert kind(refused) == (401, "login-failed")
    assert refused.json()["error"] == "access_denied"
    assert not browser.cookies[ORIGIN]
    world.issuer.user = "reader"
    await log_in(browser)
    assert (await user(browser))["sub"] == "reader"


@pytest.mark.parametrize("given", [{"id_token": None}, {"access_token": None}, {"token_type": "mac"}])
async def test_an_issuer_that_answers_nonsense_logs_nobody_in(
    world: World, browser: Browser, given: dict[str, str | None]
) -> None:
    world.issuer.given = given
    answer = await log_in(browser)

    assert kind(answer)[1] in {"login-failed", "issuer-unavailable"}
    assert browser.cookie(ORIGIN, SESSION) is None


async def test_while_the_issuer_is_down_nobody_can_log_in_and_afterwards_everybody(world: World) -> None:
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
