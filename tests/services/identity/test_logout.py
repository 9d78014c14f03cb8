"""The logout, and the notifications of clients."""

from collections.abc import AsyncIterator

import jwt
import pytest

from tests.services.identity.browser import page
from tests.services.identity.conftest import MakeSettings, on_both_databases
from tests.services.identity.receiver import Receiver
from tests.services.identity.world import SECRET, WEB_HOME, World, clients, parameters_of, world
from tests.support.serving import servers
from tests.support.waiting import until

OFFLINE = "openid shop offline_access"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def shop(made: MakeSettings, receiver: Receiver) -> AsyncIterator[World]:
    """A provider that tells both clients at one address."""
    async with servers() as serve:
        told = clients(f"{await serve(receiver)}/backchannel")
        async with world(made(clients=told)) as shop:
            yield shop


async def sid_of(shop: World, body: dict[str, str]) -> str:
    """The grant of an access token."""
    return str((await shop.verified(body["access_token"], "shop"))["sid"])


@on_both_databases
async def test_a_client_that_names_its_grant_logs_out_at_once(shop: World, receiver: Receiver) -> None:
    browser = shop.browser()
    web = await shop.tokens(browser)
    phone = await shop.tokens(browser, "mobile", scope=OFFLINE)
    sids = {await sid_of(shop, web): "web", await sid_of(shop, phone): "mobile"}

    response = await browser.get(
        "/logout",
        params={
            "id_token_hint": web["id_token"],
            "post_logout_redirect_uri": WEB_HOME,
            "state": "back again",
        },
    )

    assert response.headers["location"] == f"{WEB_HOME}?state=back+again"
    assert "__Host-Http-identity" not in browser.cookies
    assert (await browser.get("/authorize", params=shop.parameters())).status_code == 200
    assert (await shop.refresh(web["refresh_token"], "web")).status_code == 400
    assert (await shop.refresh(phone["refresh_token"])).status_code == 400
    assert (await shop.userinfo(phone["access_token"])).status_code == 401
    await until(lambda: len(receiver.tokens) >= 2)
    told = {}
    for token in receiver.tokens:
        audience = sids[jwt.decode(token, options={"verify_signature": False})["sid"]]
        claims = await shop.verified(token, audience)
        told[claims["sid"]] = audience
        assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"
        assert (claims["events"], claims["sub"]) == ({EVENT: {}}, "shopper")
        assert claims["exp"] - claims["iat"] <= 120
        assert claims["jti"]
        assert "nonce" not in claims
    assert told == sids


async def test_the_name_of_a_grant_is_enough_even_when_it_has_ended(shop: World) -> None:
    browser = shop.browser()
    web = await shop.tokens(browser)
    await shop.http.post("/revoke", data={"token": web["refresh_token"]}, auth=("web", SECRET))
    assert (await shop.userinfo(web["access_token"])).status_code == 401
    fields = {
        "client_id": "web",
        "logout_hint": await sid_of(shop, web),
        "post_logout_redirect_uri": WEB_HOME,
    }

    assert (await browser.get("/logout", params=fields)).headers["location"] == WEB_HOME
    assert (await browser.get("/authorize", params=shop.parameters())).status_code == 200


async def test_an_expired_id_token_will_do(shop: World) -> None:
    browser = shop.browser()
    web = await shop.tokens(browser)
    shop.clock.now += 3600

    response = await browser.get("/logout", params={"id_token_hint": web["id_token"]})
    assert "You are logged out" in response.text
    assert "__Host-Http-identity" not in browser.cookies


async def test_a_logout_without_a_valid_hint_needs_a_confirmation(shop: World) -> None:
    browser, other = shop.browser(), shop.browser()
    mine = await shop.tokens(browser)
    response = await shop.log_in(other, name="reader")
    theirs = (await shop.redeem(parameters_of(response)["code"])).json()

    for fields in (
        {},
        {"client_id": "web", "post_logout_redirect_uri": WEB_HOME},
        {"id_token_hint": theirs["id_token"]},
        {"id_token_hint": "x.y.z"},
        {"logout_hint": "unheard-of"},
        {"id_token_hint": mine["access_token"]},
        {"confirmed": "yes", "form": "x"},
    ):
        asked = await browser.get("/logout", params=fields)
        assert (asked.status_code, len(page(asked).forms)) == (200, 1)
        assert asked.headers["x-frame-options"] == "DENY"
    assert (await browser.get("/authorize", params=shop.parameters())).status_code == 303


async def test_a_confirmed_logout(shop: World) -> None:
    browser = shop.browser()
    web = await shop.tokens(browser)
    fields = {"client_id": "web", "post_logout_redirect_uri": WEB_HOME, "state": "s"}
    asked = await browser.get("/logout", params=fields)

    response = await browser.submit(asked, confirmed="yes")
    assert response.headers["location"] == f"{WEB_HOME}?state=s"
    assert (await shop.refresh(web["refresh_token"], "web")).status_code == 400


async def test_another_page_cannot_confirm(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)

    forged = await browser.post("/logout", {"confirmed": "yes", "form": "x" * 43})
    assert forged.status_code == 403
    assert (await browser.get("/authorize", params=shop.parameters())).status_code == 303


async def test_a_form_of_another_site_needs_a_confirmation(shop: World) -> None:
    browser, stripped = shop.browser(), shop.browser()
    web = await shop.tokens(browser)
    hint = {"id_token_hint": web["id_token"]}

    asked = await stripped.post("/logout", hint)
    at_once = await browser.post("/logout", hint)

    assert page(asked).forms[0].fields["id_token_hint"] == web["id_token"]
    assert "You are logged out" in at_once.text


async def test_a_logout_without_a_login_goes_on_at_once(shop: World) -> None:
    fields = {"client_id": "web", "post_logout_redirect_uri": WEB_HOME}

    assert (await shop.browser().get("/logout", params=fields)).headers["location"] == WEB_HOME


async def test_a_post_logout_redirect_uri_is_the_clients_and_its_state_is_short(shop: World) -> None:
    for fields in (
        {"post_logout_redirect_uri": WEB_HOME},
        {"post_logout_redirect_uri": WEB_HOME, "client_id": "mobile"},
        {"post_logout_redirect_uri": WEB_HOME, "client_id": "nobody"},
        {"post_logout_redirect_uri": f"{WEB_HOME}?x", "client_id": "web"},
        {"post_logout_redirect_uri": "https://evil.example/", "client_id": "web"},
        {"post_logout_redirect_uri": "", "client_id": "web"},
        {"post_logout_redirect_uri": WEB_HOME, "client_id": "web", "state": "ü" * 342},  # once encoded
    ):
        response = await shop.browser().get("/logout", params=fields)
        assert (response.status_code, "location" in response.headers) == (400, False), fields


async def test_a_client_cannot_pass_for_another_that_its_hint_is_not_of(shop: World) -> None:
    browser = shop.browser()
    phone = await shop.tokens(browser, "mobile")
    fields = {"client_id": "web", "id_token_hint": phone["id_token"], "post_logout_redirect_uri": WEB_HOME}

    assert (await browser.get("/logout", params=fields)).status_code == 400


async def test_only_the_client_of_a_revoked_grant_is_notified(shop: World, receiver: Receiver) -> None:
    browser = shop.browser()
    await shop.tokens(browser)
    phone = await shop.tokens(browser, "mobile", scope=OFFLINE)
    await shop.http.post("/revoke", data={"client_id": "mobile", "token": phone["refresh_token"]})
    await shop.http.post("/revoke", data={"client_id": "mobile", "token": phone["refresh_token"]})

    await until(lambda: len(receiver.tokens) >= 1)
    (token,) = receiver.tokens
    assert (await shop.verified(token, "mobile"))["sid"] == await sid_of(shop, phone)
    assert (await browser.get("/authorize", params=shop.parameters())).status_code == 303


@on_both_databases
async def test_reuse_of_a_refresh_token_or_a_code_is_notified(shop: World, receiver: Receiver) -> None:
    browser = shop.browser()
    phone = await shop.tokens(browser, "mobile", scope=OFFLINE)
    successor = (await shop.refresh(phone["refresh_token"])).json()["refresh_token"]
    await shop.refresh(successor)
    await shop.refresh(phone["refresh_token"])
    await until(lambda: len(receiver.tokens) >= 1)

    code = await shop.code(browser)
    await shop.redeem(code)
    await shop.redeem(code)
    await until(lambda: len(receiver.tokens) >= 2)


@on_both_databases
async def test_a_login_as_another_user_ends_the_session_before(shop: World, receiver: Receiver) -> None:
    browser = shop.browser()
    web = await shop.tokens(browser)
    again = await shop.log_in(browser, prompt="login")  # the same user: it goes on
    assert (await shop.userinfo(web["access_token"])).status_code == 200
    assert "code" in parameters_of(again)

    await shop.log_in(browser, name="clerk", prompt="login")
    await until(lambda: len(receiver.tokens) >= 1)
    assert (await shop.verified(receiver.tokens[0], "web"))["sid"] == await sid_of(shop, web)
    assert (await shop.refresh(web["refresh_token"], "web")).status_code == 400
