"""Logins that links and routes ask for: more recent ones, of another kind, and silent ones."""

import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from tests.support.browser import Browser
from tests.support.sessions import ORIGIN, SESSION, World, kind, log_in, user

LOGIN = f"{ORIGIN}/web/session/login"
RECENT, STRONG, STAFF, BY_KEY = (f"{ORIGIN}/web/{name}" for name in ("recent", "strong", "staff", "by-key"))


async def follow(browser: Browser, **query: str) -> httpx.Response:
    """What the browser shows after a link to the login."""
    return await browser.navigate(f"{LOGIN}?{urlencode({'return_to': '/web/shown', **query})}", start=ORIGIN)


def asked(browser: Browser) -> dict[str, str]:
    """The parameters of the latest authorization request."""
    return {name: values[0] for name, values in parse_qs(urlsplit(browser.visited[1]).query).items()}


async def test_an_old_login_is_renewed_by_the_link_in_the_401(world: World, browser: Browser) -> None:
    world.issuer.identity = {"auth_time": int(time.time()) - 3600}
    await log_in(browser)
    refused = await browser.fetch(RECENT)
    assert kind(refused) == (401, "insufficient-user-authentication")
    assert 'error="insufficient_user_authentication"' in refused.headers["www-authenticate"]
    assert refused.json()["login_url"] == "/web/session/login?max_age=300"

    world.issuer.identity = {"auth_time": int(time.time())}
    await browser.navigate(ORIGIN + refused.json()["login_url"] + "&return_to=/web/shown", start=ORIGIN)

    assert asked(browser)["max_age"] == "300"
    assert (await browser.fetch(RECENT)).status_code == 200


async def test_another_kind_of_login_is_requested_from_the_issuer(world: World, browser: Browser) -> None:
    world.issuer.identity = {"acr": "password"}
    await log_in(browser)
    refused = await browser.fetch(STRONG)
    assert kind(refused) == (401, "insufficient-user-authentication")
    assert 'acr_values="mfa passkey"' in refused.headers["www-authenticate"]

    world.issuer.identity = {"acr": "passkey"}
    await browser.navigate(ORIGIN + refused.json()["login_url"], start=ORIGIN)

    assert asked(browser)["acr_values"] == "mfa passkey"
    assert (await browser.fetch(STRONG)).status_code == 200


async def test_a_session_has_the_claims_of_the_id_token(world: World, browser: Browser) -> None:
    await log_in(browser)
    assert kind(await browser.fetch(STAFF)) == (403, "claim-missing")

    for claims in ({"groups": ["staff"]}, {"groups": ["readers"]}, {"groups": "staff"}):
        world.issuer.identity = claims
        await log_in(browser)
        is_staff = "staff" in claims["groups"]
        assert (await browser.fetch(STAFF)).status_code == (200 if is_staff else 403), claims


async def test_a_session_has_the_claims_about_the_login(world: World, browser: Browser) -> None:
    world.issuer.identity = {"amr": ["pwd"]}
    await log_in(browser)
    assert kind(await browser.fetch(BY_KEY)) == (403, "claim-missing")

    world.issuer.identity = {"amr": ["pwd", "hwk"]}
    await log_in(browser)
    assert (await browser.fetch(BY_KEY)).status_code == 200


async def test_a_login_that_is_older_than_max_age_is_none(world: World, browser: Browser) -> None:
    future = int(time.time()) + 100
    cases: list[dict[str, Any]] = [
        {},
        {"auth_time": 0},
        {"auth_time": "now"},
        {"auth_time": 10**400},
        {"auth_time": future},
        {"auth_time": float("nan")},
    ]
    for identity in cases:
        world.issuer.identity = identity

        assert kind(await follow(browser, max_age="300")) == (400, "login-failed"), identity
        assert browser.cookie(ORIGIN, SESSION) is None


async def test_a_login_of_this_very_moment_is_recent_enough(world: World, browser: Browser) -> None:
    world.issuer.identity = {"auth_time": int(time.time())}

    assert (await follow(browser, max_age="0")).status_code == 200
    assert (await user(browser))["sub"] == "reader"


async def test_a_link_says_how_the_user_logs_in(world: World, browser: Browser) -> None:
    for query in [
        {"prompt": "login"},
        {"prompt": "login consent"},
        {"prompt": "select_account"},
        {"acr_values": "urn:a:1 urn:b"},
    ]:
        await follow(browser, **query)

        assert asked(browser) | query == asked(browser), query
        assert (await user(browser))["sub"] == "reader"


async def test_a_parameter_of_another_form_is_refused(world: World, browser: Browser) -> None:
    for name, value in [
        ("prompt", "none login"),
        ("prompt", "create"),
        ("prompt", ""),
        ("prompt", "login\n"),
        ("acr_values", "a  b"),
        ("acr_values", 'a"b'),
        ("acr_values", "a" * 256),
        ("acr_values", ""),
        ("max_age", "-1"),
        ("max_age", "1e3"),
        ("max_age", "1" * 10),
        ("max_age", "٣"),
        ("max_age", "300\n"),
    ]:
        response = await follow(browser, **{name: value})

        assert kind(response) == (400, "login-parameter-invalid"), (name, value)
        assert response.json()["parameter"] == name


async def test_other_parameters_are_not_passed_on(world: World, browser: Browser) -> None:
    await follow(browser, scope="admin", redirect_uri="https://evil.example", login_hint="x")

    assert asked(browser)["scope"] == "openid profile email shop"
    assert asked(browser)["redirect_uri"] == f"{ORIGIN}/web/session/callback"
    assert "login_hint" not in asked(browser)


async def test_a_silent_login_makes_a_session_where_the_issuer_knows_the_user(
    world: World, browser: Browser
) -> None:
    page = await follow(browser, prompt="none")

    assert asked(browser)["prompt"] == "none"
    assert page.status_code == 200
    assert (await user(browser))["sub"] == "reader"


async def test_a_silent_login_without_a_user_leads_back_without_a_session(
    world: World, browser: Browser
) -> None:
    for error in ["login_required", "interaction_required", "consent_required"]:
        world.issuer.user, world.issuer.redirected = None, {"error": error}
        page = await follow(browser, prompt="none")

        assert (page.status_code, browser.visited[-1]) == (200, f"{ORIGIN}/web/shown"), error
        assert await user(browser) is None


async def test_a_silent_login_without_a_user_leaves_the_session_as_it_is(
    world: World, browser: Browser
) -> None:
    await log_in(browser)
    world.issuer.user, world.issuer.redirected = None, {"error": "login_required"}
    await follow(browser, prompt="none")

    assert (await user(browser))["sub"] == "reader"


async def test_an_error_of_the_issuer_is_shown_in_a_silent_login_too(world: World, browser: Browser) -> None:
    world.issuer.user, world.issuer.redirected = None, {"error": "server_error"}

    assert kind(await follow(browser, prompt="none")) == (400, "login-failed")
