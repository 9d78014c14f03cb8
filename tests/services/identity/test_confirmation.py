"""When a user who is logged in is asked before an app gets a code: `prompt`, and apps that others pose as."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.services.identity.browser import Browser, page
from tests.services.identity.conftest import MakeSettings
from tests.services.identity.world import ISSUER, MOBILE, ORIGIN, World, clients, parameters_of, world

LOOPBACK = "http://127.0.0.1/callback"
CLAIMED = "https://shop.example/app/callback"
HERE = f"{ORIGIN}/m/callback"
EVERYTHING = "openid shop catalog:write stock:write discount:write payments:read faults:write offline_access"


@pytest.fixture
async def shop(made: MakeSettings) -> AsyncIterator[World]:
    """A provider whose mobile client has redirect URIs of every kind, and a name."""
    changed = clients()
    uris = [MOBILE, CLAIMED, LOOPBACK, "http://[::1]:7000/callback?x=1"]
    changed["mobile"] |= {"redirect_uris": uris, "name": "The Shop's App"}
    changed["mobile-web"] = {"redirect_uris": [HERE], "scopes": ["shop"]}
    changed["unlimited"] = {"redirect_uris": [HERE]}
    async with world(made(clients=changed)) as shop:
        yield shop


@pytest.fixture
async def browser(shop: World) -> Browser:
    """A browser at which shopper is logged in."""
    browser = shop.browser()
    await shop.log_in(browser)
    return browser


def is_confirmation(response: httpx.Response) -> bool:
    """Whether this page asks a user who is logged in."""
    return response.status_code == 200 and [form.action for form in page(response).forms] == [
        f"{ISSUER}/confirm"
    ]


def is_login(response: httpx.Response) -> bool:
    """Whether this page asks for a password."""
    return response.status_code == 200 and [form.action for form in page(response).forms] == [
        f"{ISSUER}/login"
    ]


async def test_an_app_that_any_other_can_pose_as_gets_no_code_without_the_user(
    shop: World, browser: Browser
) -> None:
    """RFC 8252, 8.6."""
    for redirect_uri in (MOBILE, LOOPBACK, "http://127.0.0.1:50123/callback"):
        asked = shop.parameters("mobile", redirect_uri=redirect_uri)
        response = await browser.get("/authorize", params=asked)
        silent = parameters_of(await browser.get("/authorize", params={**asked, "prompt": "none"}))

        assert is_confirmation(response), redirect_uri
        assert (silent["error"], "code" in silent) == ("interaction_required", False)
        allowed = await browser.submit(response, decision="allow")
        assert allowed.headers["location"].startswith(f"{redirect_uri}?code=")


async def silent_code(shop: World, browser: Browser, client: str) -> dict[str, str]:
    """What a script at the provider's origin gets without a page, when clerk is logged in."""
    await shop.log_in(browser, name="clerk", prompt="login")
    asked = shop.parameters(client, redirect_uri=HERE, scope=EVERYTHING, prompt="none")
    return parameters_of(await browser.get("/authorize", params=asked))


async def test_an_app_at_the_providers_own_origin_gets_a_code_at_once_for_its_own_scopes_alone(
    shop: World, browser: Browser
) -> None:
    """Nobody else can listen on the port of the provider; but every script there reads the code."""
    code = (await silent_code(shop, browser, "mobile-web"))["code"]
    tokens = (await shop.redeem(code, "mobile-web", redirect_uri=HERE)).json()
    more = await shop.refresh(tokens["refresh_token"], "mobile-web", scope="openid stock:write")

    assert tokens["scope"] == "openid shop offline_access"
    assert (await shop.verified(tokens["access_token"], "shop"))["scope"] == tokens["scope"]
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


async def test_an_app_at_the_providers_own_origin_without_scopes_of_its_own_gets_no_code_silently(
    shop: World, browser: Browser
) -> None:
    assert (await silent_code(shop, browser, "unlimited"))["error"] == "interaction_required"


async def test_the_page_names_the_user_the_app_and_the_scopes(shop: World, browser: Browser) -> None:
    response = await browser.get(
        "/authorize", params=shop.parameters("mobile", scope="openid shop stock:write")
    )

    assert "Continue to The Shop&#39;s App?" in response.text
    assert "Shopper (shopper)" in response.text
    assert "openid shop<" in response.text
    assert response.headers["x-frame-options"] == "DENY"


async def test_an_app_with_an_https_address_of_its_own_gets_a_code_at_once(
    shop: World, browser: Browser
) -> None:
    response = await browser.get("/authorize", params=shop.parameters("mobile", redirect_uri=CLAIMED))

    assert "code" in parameters_of(response)


async def test_a_user_who_has_just_logged_in_need_not_confirm(shop: World) -> None:
    assert "code" in parameters_of(await shop.log_in(shop.browser(), "mobile"))


async def test_a_client_may_require_consent(shop: World, browser: Browser) -> None:
    for prompt in ("consent", "select_account", "consent select_account"):
        response = await browser.get("/authorize", params=shop.parameters(prompt=prompt))

        assert is_confirmation(response), prompt
        assert "code" in parameters_of(await browser.submit(response, decision="allow"))


async def test_consent_is_required_after_the_login(shop: World) -> None:
    for prompt in ("consent", "login consent", "select_account login consent"):
        browser = shop.browser()
        if "login" in prompt:
            await shop.log_in(browser)
        response = await shop.log_in(browser, prompt=prompt)

        assert is_confirmation(response), prompt
        assert "__Host-Http-identity" in browser.cookies
        code = parameters_of(await browser.submit(response, decision="allow"))["code"]
        assert (await shop.redeem(code)).is_success


async def test_consent_may_take_longer_than_the_login_may_be_old(shop: World) -> None:
    browser = shop.browser()
    response = await shop.log_in(browser, prompt="consent", max_age="0")
    shop.clock.now += 30

    assert is_confirmation(response)
    assert "code" in parameters_of(await browser.submit(response, decision="allow"))


async def test_a_login_selects_the_account(shop: World) -> None:
    assert "code" in parameters_of(await shop.log_in(shop.browser(), prompt="select_account"))
    assert "code" in parameters_of(await shop.log_in(shop.browser(), prompt="select_account login"))


async def test_a_user_who_declines_is_an_error_for_the_client(shop: World, browser: Browser) -> None:
    response = await browser.get("/authorize", params=shop.parameters(prompt="consent"))
    denied = parameters_of(await browser.submit(response, decision="deny"))

    assert (denied["error"], denied["state"], denied["iss"]) == ("access_denied", "a state", ISSUER)


async def test_a_user_may_use_another_account(shop: World, browser: Browser) -> None:
    response = await browser.get("/authorize", params=shop.parameters(prompt="select_account"))
    login = await browser.submit(response, decision="switch")
    assert is_login(login)
    code = parameters_of(await browser.submit(login, username="reader", password="ink on paper"))["code"]

    body = (await shop.redeem(code)).json()
    assert (await shop.verified(body["id_token"], "web"))["sub"] == "reader"


async def test_a_decision_is_the_user_s_whom_the_page_has_shown(shop: World, browser: Browser) -> None:
    of_shopper = await browser.get("/authorize", params=shop.parameters("mobile"))
    await shop.log_in(browser, name="clerk", prompt="login")

    response = await browser.submit(of_shopper, decision="allow")
    assert is_confirmation(response)
    assert "Clerk (clerk)" in response.text


async def test_a_decision_of_another_site_or_after_the_session_counts_for_nothing(
    shop: World, browser: Browser
) -> None:
    response = await browser.get("/authorize", params=shop.parameters("mobile"))
    fields = {**page(response).forms[0].fields, "decision": "allow"}

    forged = await browser.post("/confirm", fields, headers={"Origin": "https://evil.example"})
    other = await shop.browser().post("/confirm", fields)
    shop.clock.now += shop.app.state.context.settings.sso_session_lifetime
    late = await browser.submit(response, decision="allow")

    assert (forged.status_code, other.status_code) == (403, 403)
    assert is_login(late)


async def test_no_code_without_a_plain_decision(shop: World, browser: Browser) -> None:
    response = await browser.get("/authorize", params=shop.parameters("mobile"))

    for changes in ({"decision": ""}, {"decision": "yes"}, {"account": ""}, {"prompt": "login"}):
        again = await browser.submit(response, **{"decision": "allow", **changes})
        assert again.status_code == 200, changes


async def test_a_login_that_is_too_old_is_not_confirmed(shop: World, browser: Browser) -> None:
    response = await browser.get("/authorize", params=shop.parameters("mobile", max_age="60"))
    shop.clock.now += 61

    assert is_login(await browser.submit(response, decision="allow"))


async def test_the_port_on_loopback_may_vary(shop: World) -> None:
    """RFC 8252, 7.3."""
    for redirect_uri in (
        *("http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback"),
        "http://[::1]:7001/callback?x=1",
    ):
        response = await shop.log_in(shop.browser(), "mobile", redirect_uri=redirect_uri)
        code = parameters_of(response)["code"]

        assert response.headers["location"].startswith(redirect_uri)
        other = "http://127.0.0.1:2/callback"
        assert (await shop.redeem(code, "mobile", redirect_uri=other)).json()["error"] == "invalid_grant"
        assert (await shop.redeem(code, "mobile", redirect_uri=redirect_uri)).is_success


async def test_nothing_else_about_a_redirect_uri_varies(shop: World) -> None:
    for redirect_uri in (
        *("http://127.0.0.1:0/callback", "http://127.0.0.1:65536/callback", "http://127.0.0.1:/callback"),
        *("http://127.0.0.1:80x/callback", "http://127.0.0.1:8\u0660/callback", "http://127.0.0.1:8000"),
        *("http://127.0.0.1:8000/callback/", "http://127.0.0.1:8000/callback?x"),
        *("http://127.0.0.1:8000/other", "http://localhost:8000/callback", "http://127.0.0.2:8000/callback"),
        *("https://127.0.0.1:8000/callback", "http://127.0.0.1:8000@evil.example/callback"),
        *("http://evil.example:8000/callback", "http://[::1]:7001/callback"),
        *("http://[::1]:7001/callback?x=1#y", "HTTP://127.0.0.1:8000/callback"),
        *("https://shop.example:8443/app/callback", "http://127.0.0.1:8000/callback\n"),
    ):
        asked = shop.parameters("mobile", redirect_uri=redirect_uri)
        response = await shop.browser().get("/authorize", params=asked)

        assert (response.status_code, "location" in response.headers) == (400, False), redirect_uri
