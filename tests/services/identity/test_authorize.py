"""What the authorization endpoint refuses, and to whom it says so."""

from collections.abc import AsyncIterator

import pytest

from tests.services.identity.browser import page
from tests.services.identity.world import ISSUER, MOBILE, SECRET, WEB, World, parameters_of

STRANGERS = [
    "https://evil.example/",
    f"{WEB}/",
    f"{WEB}?next=https://evil.example",
    f"{WEB}#fragment",
    WEB.upper(),
    WEB.replace("127.0.0.1", "localhost"),
    WEB.replace(":8080", ":8081"),
    WEB.replace("127.0.0.1", "127.0.0.1@evil.example"),
    f"{WEB}/../elsewhere",
    "//evil.example",
    "javascript:alert(1)",
    MOBILE,
    "",
]


async def test_an_unknown_redirect_uri_is_no_redirect(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)

    for redirect_uri in STRANGERS:
        for path, changes in (
            ("/authorize", {}),
            ("/register", {}),
            ("/authorize", {"response_type": "token"}),
        ):
            asked = shop.parameters(redirect_uri=redirect_uri, **changes)
            response = await browser.get(path, params=asked)
            assert (response.status_code, "location" in response.headers) == (400, False), asked
            assert page(response).alerts


async def test_a_missing_redirect_uri_and_an_unknown_client_are_shown_to_the_person(shop: World) -> None:
    for changes in ({"redirect_uri": None}, {"client_id": "somebody"}, {"client_id": None}):
        response = await shop.browser().get("/authorize", params=shop.parameters(**changes))
        assert (response.status_code, response.headers["x-frame-options"]) == (400, "DENY")


async def test_what_travels_through_the_login_page_is_checked_anew(shop: World) -> None:
    browser = shop.browser()
    login = await browser.get("/authorize", params=shop.parameters())

    known = {"username": "shopper", "password": "ink on paper"}
    elsewhere = await browser.submit(login, **known, redirect_uri="https://evil.example/")
    without_pkce = await browser.submit(login, **known, code_challenge_method="plain")

    assert elsewhere.status_code == 400
    assert parameters_of(without_pkce)["error"] == "invalid_request"
    assert "__Host-Http-identity" not in browser.cookies


INVALID: list[tuple[dict[str, str | None], str]] = [
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": None}, "unsupported_response_type"),
    ({"scope": "shop"}, "invalid_scope"),
    ({"scope": None}, "invalid_scope"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "ü" * 43}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "none consent"}, "invalid_request"),
    ({"prompt": "create"}, "invalid_request"),
    ({"nonce": "n" * 2049}, "invalid_request"),
    ({"nonce": "\u00fc" * 400}, "invalid_request"),
    ({"scope": "openid " + "x" * 2048}, "invalid_request"),
    ({"login_hint": "x" * 2049}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "٣"}, "invalid_request"),
    ({"request": "a.b.c"}, "request_not_supported"),
    ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
]


@pytest.mark.parametrize("client", ["web", "mobile"])
async def test_an_invalid_request_is_an_error_at_the_clients_redirect_uri(shop: World, client: str) -> None:
    for changes, error in INVALID:
        response = await shop.browser().get("/authorize", params=shop.parameters(client, **changes))

        told = parameters_of(response)
        assert response.headers["location"].startswith(WEB if client == "web" else MOBILE)
        assert (told["error"], told["state"], told["iss"]) == (error, "a state", ISSUER), changes
        assert "code" not in told


async def test_a_state_cannot_write_into_the_redirects_head(shop: World) -> None:
    state = "a\r\nSet-Cookie: x=y&code=mine"
    response = await shop.log_in(shop.browser(), state=state)

    assert parameters_of(response)["state"] == state
    assert "\n" not in response.headers["location"]
    assert "x=y" not in "".join(response.headers.get_list("set-cookie"))


async def test_a_state_that_is_too_long_once_it_is_encoded_is_no_redirect(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    login = await browser.get("/authorize", params=shop.parameters(prompt="login"))

    for state in ("x" * 2049, "\u00fc" * 342, " %" * 600):
        for response in (
            await browser.get("/authorize", params=shop.parameters(state=state)),
            await browser.get("/authorize", params=shop.parameters(state=state, prompt="none")),
            await browser.submit(login, username="shopper", password="ink on paper", state=state),
        ):
            assert (response.status_code, "location" in response.headers) == (400, False), state


async def test_a_state_comes_back_whole_and_without_one_none(shop: World) -> None:
    state = "x" * 2048

    assert parameters_of(await shop.log_in(shop.browser(), state=state))["state"] == state
    assert "state" not in parameters_of(await shop.log_in(shop.browser(), state=None))


async def test_a_parameter_that_comes_twice_is_refused(shop: World) -> None:
    asked = [*shop.parameters().items(), ("redirect_uri", "https://evil.example/")]
    response = await shop.browser().get("/authorize", params=asked)

    assert response.status_code == 400
    assert "location" not in response.headers


async def test_what_is_no_text_is_refused(shop: World) -> None:
    for query in ("state=%00", "state=%ff", "state=\u00fc".encode("latin-1").decode("latin-1")):
        assert (await shop.browser().get(f"/authorize?{query}")).status_code == 400, query


async def test_forms_are_refused_that_are_too_large_or_no_forms(shop: World) -> None:
    browser = shop.browser()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    large = await browser.post("/login", {"username": "x" * 17_000})
    json = await shop.http.post("/login", json=shop.parameters())
    nul = await shop.http.post("/login", content=b"username=a%00b", headers=form)
    no_utf8 = await shop.http.post("/login", content=b"username=%ff", headers=form)
    raw = await shop.http.post("/login", content="username=ü".encode("latin-1"), headers=form)
    many = await shop.http.post("/login", content=b"&".join(b"a%d=" % n for n in range(65)), headers=form)

    assert (large.status_code, json.status_code) == (413, 415)
    assert {response.status_code for response in (nul, no_utf8, raw, many)} == {400}


async def test_a_form_of_unknown_length_is_not_read_beyond_its_bound(shop: World) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1024
            yield b"x" * 1024

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = await shop.http.post("/token", content=endless(), headers=headers)

    assert response.status_code == 413
    assert response.json()["error"] == "invalid_request"
    assert read <= 20 * 1024


async def test_login_csrf_is_refused(shop: World) -> None:
    """Login CSRF: somebody would act in the account of whoever sent the form."""
    victim, attacker = shop.browser(), shop.browser()
    own = await attacker.get("/authorize", params=shop.parameters())
    await victim.get("/authorize", params=shop.parameters())
    fields = {**page(own).forms[0].fields, "username": "clerk", "password": "ink on paper"}

    forged = await victim.post("/login", fields)
    without_cookie = await shop.browser().post("/login", fields)
    without_field = await victim.post("/login", {**fields, "form": ""})

    assert {forged.status_code, without_cookie.status_code, without_field.status_code} == {403}
    assert "__Host-Http-identity" not in victim.cookies


async def test_a_form_of_another_origin_is_refused(shop: World) -> None:
    browser = shop.browser()
    login = page(await browser.get("/authorize", params=shop.parameters())).forms[0].fields
    fields = {**login, "username": "shopper", "password": "ink on paper"}

    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "http://sibling.127.0.0.1:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ):
        for path in ("/login", "/register"):
            assert (await browser.post(path, fields, headers=headers)).status_code == 403, headers
    own = {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}
    assert "code" in parameters_of(await browser.post("/login", fields, headers=own))


async def test_forms_in_two_tabs_both_work(shop: World) -> None:
    browser = shop.browser()
    first = await browser.get("/authorize", params=shop.parameters())
    second = await browser.get("/authorize", params=shop.parameters("mobile"))

    known = {"username": "shopper", "password": "ink on paper"}
    assert "code" in parameters_of(await browser.submit(first, **known))
    assert "code" in parameters_of(await browser.submit(second, **known))


async def test_a_clients_secret_is_on_no_page(shop: World) -> None:
    assert SECRET not in (await shop.browser().get("/authorize", params=shop.parameters())).text
    assert SECRET not in repr(shop.app.state.context.settings)
