"""The token endpoint: codes, client authentication, errors."""

import asyncio
from typing import Any

import httpx

from tests.services.identity.conftest import on_both_databases
from tests.services.identity.world import AGENTS, SECRET, WEB, World, parameters_of, pkce


def refusal(response: httpx.Response) -> tuple[int, str]:
    """How a client program is told no."""
    assert response.headers["cache-control"] == "no-store"
    assert response.json()["error_description"]
    return response.status_code, response.json()["error"]


async def test_a_code_that_comes_again_ends_what_came_of_it(shop: World) -> None:
    browser = shop.browser()
    code = await shop.code(browser)
    body = (await shop.redeem(code)).json()

    assert refusal(await shop.redeem(code)) == (400, "invalid_grant")
    assert refusal(await shop.refresh(body["refresh_token"], "web")) == (400, "invalid_grant")
    assert (await shop.userinfo(body["access_token"])).status_code == 401


@on_both_databases
async def test_a_code_that_is_used_twice_at_once_is_void(shop: World) -> None:
    code = await shop.code(shop.browser())
    responses = await asyncio.gather(*(shop.redeem(code) for _ in range(6)))
    (body,) = [response.json() for response in responses if response.status_code == 200]

    assert (await shop.refresh(body["refresh_token"], "web")).status_code == 400


async def test_a_code_is_good_for_a_minute(shop: World) -> None:
    code = await shop.code(shop.browser())
    shop.clock.now += 60

    assert refusal(await shop.redeem(code)) == (400, "invalid_grant")


async def test_a_code_is_bound_to_client_address_and_verifier(shop: World) -> None:
    code = await shop.code(shop.browser(), "web")
    other, _ = pkce()

    assert refusal(await shop.redeem(code, "mobile")) == (400, "invalid_grant")
    assert refusal(await shop.redeem(code, redirect_uri=f"{WEB}/")) == (400, "invalid_grant")
    assert refusal(await shop.redeem(code, code_verifier=other)) == (400, "invalid_grant")
    assert refusal(await shop.redeem(code, code_verifier=shop.challenge)) == (400, "invalid_grant")
    assert refusal(await shop.redeem(code, code_verifier="short")) == (400, "invalid_grant")
    assert (await shop.redeem(code)).status_code == 200


async def test_a_verifier_that_could_be_guessed_or_is_none_is_refused(shop: World) -> None:
    for easy in ("guess me", "x" * 42, "x" * 129, "no spaces " * 5):
        verifier, challenge = pkce(easy)
        code = await shop.code(shop.browser(), code_challenge=challenge)

        assert refusal(await shop.redeem(code, code_verifier=verifier)) == (400, "invalid_grant"), easy


async def test_a_code_that_another_client_sends_again_ends_no_grant(shop: World) -> None:
    code = await shop.code(shop.browser(), "web")
    body = (await shop.redeem(code)).json()

    assert refusal(await shop.redeem(code, "mobile")) == (400, "invalid_grant")
    assert (await shop.userinfo(body["access_token"])).status_code == 200


async def test_a_confidential_client_needs_its_secret(shop: World) -> None:
    fields = {"grant_type": "refresh_token", "refresh_token": "x"}
    post = shop.http.post

    for response in (
        await post("/token", data={**fields, "client_id": "web"}),
        await post("/token", data={**fields, "client_id": "web", "client_secret": SECRET[:-1]}),
        await post("/token", data={**fields, "client_id": "web", "client_secret": ""}),
        await post("/token", data=fields, auth=("web", "wrong")),
        await post("/token", data=fields, auth=("nobody", SECRET)),
        await post("/token", data={**fields, "client_id": "nobody"}),
        await post("/token", data={**fields, "client_id": "mobile", "client_secret": "any"}),
        await post("/token", data=fields, auth=("mobile", "")),
        await post("/token", data=fields, headers={"Authorization": "Basic ???"}),
        await post("/token", data=fields, headers={"Authorization": "Basic d2Vi"}),
        await post("/token", data=fields, headers={"Authorization": "Bearer x"}),
    ):
        assert refusal(response) == (401, "invalid_client")
        assert response.headers["www-authenticate"].startswith("Basic ")


async def test_a_secret_may_come_in_the_form_but_not_in_two_places(shop: World) -> None:
    code = await shop.code(shop.browser())
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": WEB}
    fields["code_verifier"] = shop.verifier
    secret = {"client_id": "web", "client_secret": SECRET}

    both = await shop.http.post("/token", data={**fields, **secret}, auth=("web", SECRET))
    other = await shop.http.post("/token", data={**fields, "client_id": "mobile"}, auth=("web", SECRET))
    form = await shop.http.post("/token", data={**fields, **secret})

    assert refusal(both) == refusal(other) == (400, "invalid_request")
    assert form.status_code == 200


async def test_what_is_missing_unknown_or_repeated_is_named(shop: World) -> None:
    unknown = await shop.token(grant_type="password", username="shopper", password="ink on paper")
    missing = await shop.token(grant_type="authorization_code", code="x", redirect_uri=WEB)
    nameless = await shop.http.post("/token", data={"grant_type": "refresh_token"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = await shop.http.post(
        "/token", content="client_id=mobile&grant_type=refresh_token&grant_type=password", headers=form
    )
    json = await shop.http.post("/token", json={"client_id": "mobile"})
    nul = await shop.http.post("/token", content="client_id=mobile%00", headers=form)

    assert refusal(unknown) == (400, "unsupported_grant_type")
    assert "code_verifier" in missing.json()["error_description"]
    assert {refusal(response) for response in (missing, nameless, twice, nul)} == {(400, "invalid_request")}
    assert refusal(json) == (415, "invalid_request")


async def test_a_phone_gets_a_refresh_token_for_the_asking_and_the_web_always(shop: World) -> None:
    browser = shop.browser()

    assert "refresh_token" not in await shop.tokens(browser, "mobile")
    assert "refresh_token" in await shop.tokens(browser, "mobile", scope="openid shop offline_access")
    assert "refresh_token" in await shop.tokens(browser, "web", scope="openid")


async def test_userinfo_has_the_claims_that_the_scopes_allow(shop: World) -> None:
    browser = shop.browser()
    all_of_it = await shop.userinfo((await shop.tokens(browser))["access_token"])
    token = (await shop.tokens(browser, scope="openid shop"))["access_token"]
    little = await shop.http.post("/userinfo", headers={"Authorization": f"bearer {token}"})

    assert all_of_it.json() == {
        "sub": "shopper",
        "name": "Shopper",
        "preferred_username": "shopper",
        "email": "shopper@shop.example",
        "email_verified": False,
    }
    assert little.json() == {"sub": "shopper"}
    assert little.headers["cache-control"] == "no-store"


async def test_userinfo_takes_access_tokens_alone_and_while_they_last(shop: World) -> None:
    body = await shop.tokens(shop.browser())
    forged = body["access_token"][:-8] + "AAAAAAAA"
    none = await shop.http.get("/userinfo")
    wrong = [await shop.userinfo(token) for token in (body["id_token"], forged, "x.y.z", "x" * 10_000)]
    shop.clock.now += 305
    expired = await shop.userinfo(body["access_token"])

    challenge = 'Bearer, DPoP algs="ES256 EdDSA"'
    assert (none.status_code, none.headers["www-authenticate"]) == (401, challenge)
    for response in (*wrong, expired):
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


async def test_the_tokens_of_a_client_with_a_resource_are_for_that_alone(shop: World) -> None:
    browser = shop.browser()
    twice: Any = [AGENTS, AGENTS]
    for named in (AGENTS, twice, None):
        tokens = await shop.tokens(browser, "agent", resource=named)
        assert (await shop.verified(tokens["access_token"], AGENTS))["client_id"] == "agent"
    assert (await shop.userinfo(tokens["access_token"])).status_code == 401

    for client, other in (("agent", WEB), ("mobile", AGENTS)):
        several: Any = [AGENTS, other]
        for named in (other, several, ""):
            asked = await browser.get("/authorize", params=shop.parameters(client, resource=named))
            assert parameters_of(asked)["error"] == "invalid_target"
            code = await shop.code(browser, client)
            assert refusal(await shop.redeem(code, client, resource=named)) == (400, "invalid_target")
