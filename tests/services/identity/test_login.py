"""The login: what a browser sees and what a client gets."""

import re
from pathlib import Path
from typing import Final

import jwt
import pytest

from services.identity.browser.templates import STYLE, STYLE_SOURCE
from tests.services.identity.browser import page
from tests.services.identity.conftest import MakeSettings, on_both_databases
from tests.services.identity.world import ISSUER, WEB, World, parameters_of, world

TOKENS: Final = Path(__file__).parents[3] / "clients/shared/tokens.css"
"""The design's values."""


def values(style: str) -> set[str]:
    """The custom properties of a sheet, with their values."""
    return {" ".join(declared.split()) for declared in re.findall(r"--[\w-]+:[^;]+;", style)}


@on_both_databases
async def test_a_browser_logs_in_and_its_client_gets_verifiable_tokens(shop: World) -> None:
    response = await shop.log_in(shop.browser())
    told = parameters_of(response)
    assert response.headers["location"].startswith(f"{WEB}?")
    assert (told["state"], told["iss"]) == ("a state", ISSUER)

    body = (await shop.redeem(told["code"])).json()
    identity = await shop.verified(body["id_token"], "web")
    access = await shop.verified(body["access_token"], "shop")

    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert body["scope"] == "openid profile email shop"
    assert (identity["sub"], identity["nonce"], identity["name"]) == ("shopper", "a nonce", "Shopper")
    assert (identity["email"], identity["email_verified"]) == ("shopper@shop.example", False)
    assert identity["auth_time"] == identity["iat"] == int(shop.clock.now)
    assert (access["client_id"], access["scope"], access["sub"]) == ("web", body["scope"], "shopper")
    assert access["exp"] - access["iat"] == 300
    assert access["sid"] == identity["sid"]


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
async def test_access_tokens_have_a_type_and_an_algorithm(made: MakeSettings, algorithm: str) -> None:
    async with world(made(algorithm=algorithm)) as shop:
        body = await shop.tokens(shop.browser(), "mobile")
        document = (await shop.http.get("/.well-known/openid-configuration")).json()
        assert await shop.verified(body["access_token"], "shop")

    header = jwt.get_unverified_header(body["access_token"])
    assert (header["typ"], header["alg"]) == ("at+jwt", algorithm)
    assert jwt.get_unverified_header(body["id_token"])["typ"] != "at+jwt"
    assert document["id_token_signing_alg_values_supported"] == [algorithm]


async def test_a_user_gets_those_scopes_that_it_has(shop: World) -> None:
    wanted = "openid shop stock:write catalog:write unheard-of"

    reader = await shop.tokens(shop.browser(), scope=wanted)
    clerk = parameters_of(await shop.log_in(shop.browser(), name="clerk", scope=wanted))

    assert reader["scope"] == "openid shop"
    assert (await shop.redeem(clerk["code"])).json()["scope"] == "openid shop stock:write catalog:write"


async def test_a_logged_in_browser_sees_no_login_page(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)

    response = await browser.get("/authorize", params=shop.parameters(state="another"))
    assert response.headers["location"].startswith(f"{WEB}?code=")


async def test_a_login_page_needs_no_script_and_lets_none_in(shop: World) -> None:
    response = await shop.browser().get("/authorize", params=shop.parameters("mobile", login_hint="<reader>"))
    read = page(response)

    policy = response.headers["content-security-policy"]
    assert f"style-src '{STYLE_SOURCE}'" in policy
    assert "form-action 'self' com.frontispiece.shop:;" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert "<script" not in response.text
    assert [(i["name"], i["autocomplete"]) for i in read.shown] == [
        ("username", "username"),
        ("password", "current-password"),
    ]
    assert {i["id"] for i in read.shown} == read.labels
    assert read.shown[0]["value"] == "<reader>"
    assert "<reader>" not in response.text
    assert read.forms[0].action == f"{ISSUER}/login"


async def test_a_login_page_looks_like_the_shop_and_leads_back_to_it(shop: World) -> None:
    read = page(await shop.browser().get("/authorize", params=shop.parameters()))

    assert values(STYLE)
    assert values(STYLE) <= values(TOKENS.read_text(encoding="utf-8"))
    assert read.links.count("/") == 2


async def test_a_form_may_redirect_to_its_clients_own_origin(shop: World) -> None:
    web = await shop.browser().get("/authorize", params=shop.parameters())
    app = {"redirect_uri": "https://shop.example/app/callback"}
    https = await shop.browser().get("/authorize", params=shop.parameters("mobile", **app))

    assert "form-action 'self' http://127.0.0.1:8080;" in web.headers["content-security-policy"]
    assert "form-action 'self' https://shop.example;" in https.headers["content-security-policy"]


async def test_a_wrong_password_and_an_unknown_user_look_alike(shop: World) -> None:
    wrong = await shop.log_in(shop.browser(), password="not the password")
    unknown = await shop.log_in(shop.browser(), name="nobody", password="not the password")

    assert wrong.status_code == unknown.status_code == 400
    assert page(wrong).alerts == page(unknown).alerts == ["The user name or the password is wrong."]


async def test_a_user_name_may_be_written_in_any_case_and_width(shop: World) -> None:
    response = await shop.log_in(shop.browser(), name="  \uff33hopper ")  # a full-width S

    assert "code" in parameters_of(response)


async def test_prompt_none_shows_no_page(shop: World) -> None:
    browser = shop.browser()
    before = parameters_of(await browser.get("/authorize", params=shop.parameters(prompt="none")))
    await shop.log_in(browser)
    after = parameters_of(await browser.get("/authorize", params=shop.parameters(prompt="none")))

    assert (before["error"], before["state"], before["iss"]) == ("login_required", "a state", ISSUER)
    assert "code" in after


async def test_a_client_that_expects_one_user_is_not_given_another(shop: World) -> None:
    mine, theirs = shop.browser(), shop.browser()
    token = (await shop.tokens(mine))["id_token"]
    await shop.log_in(theirs, name="reader")
    asked = shop.parameters(prompt="none", id_token_hint=token)

    assert "code" in parameters_of(await mine.get("/authorize", params=asked))
    assert parameters_of(await theirs.get("/authorize", params=asked))["error"] == "login_required"
    nonsense = {**asked, "id_token_hint": "x.y.z"}
    assert parameters_of(await mine.get("/authorize", params=nonsense))["error"] == "login_required"


async def test_prompt_login_and_max_age_require_the_password_again(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    shop.clock.now += 100

    prompted = await browser.get("/authorize", params=shop.parameters(prompt="login"))
    too_old = await browser.get("/authorize", params=shop.parameters(max_age="99"))
    fresh = await browser.get("/authorize", params=shop.parameters(max_age="100"))
    again = await browser.submit(too_old, username="shopper", password="ink on paper")
    body = (await shop.redeem(parameters_of(again)["code"])).json()

    assert prompted.status_code == too_old.status_code == 200
    assert "code" in parameters_of(fresh)
    assert (await shop.verified(body["id_token"], "web"))["auth_time"] == int(shop.clock.now)


async def test_a_login_ends_with_its_time(made: MakeSettings) -> None:
    async with world(made(sso_session_lifetime=60)) as shop:
        browser = shop.browser()
        await shop.log_in(browser)
        shop.clock.now += 60

        assert (await browser.get("/authorize", params=shop.parameters())).status_code == 200


async def test_an_authorization_request_may_come_as_a_form(shop: World) -> None:
    browser = shop.browser()
    page = await browser.post("/authorize", shop.parameters())

    response = await browser.submit(page, username="shopper", password="ink on paper")
    assert "code" in parameters_of(response)


async def test_every_login_has_a_new_cookie_and_that_of_before_is_worth_nothing(shop: World) -> None:
    browser, fixed = shop.browser(), shop.browser()
    await shop.log_in(browser)
    before = browser.cookies["__Host-Http-identity"]
    await shop.log_in(browser, prompt="login")

    fixed.cookies["__Host-Http-identity"] = before
    assert browser.cookies["__Host-Http-identity"] != before
    assert (await fixed.get("/authorize", params=shop.parameters())).status_code == 200
    assert "SameSite=lax" in browser.attributes["__Host-Http-identity"]


async def test_a_planted_cookie_is_no_session_after_a_login(shop: World) -> None:
    browser, thief = shop.browser(), shop.browser()
    planted = "a" * 43
    browser.cookies["__Host-Http-identity"] = thief.cookies["__Host-Http-identity"] = planted
    await shop.log_in(browser)

    assert browser.cookies["__Host-Http-identity"] != planted
    assert (await thief.get("/authorize", params=shop.parameters())).status_code == 200
