"""What the authorization endpoint refuses, and to whom it says so."""

from collections.abc import AsyncIterator

import pytest

from tests.services.identity.browser import page
from tests.services.identity.world import ISSUER, MOBILE, SECRET, WEB, World, answer_of

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


@pytest.mark.parametrize("redirect_uri", STRANGERS)
async def test_nobody_is_sent_to_an_address_that_is_not_the_clients(shop: World, redirect_uri: str) -> None:
    browser = shop.browser()
    await shop.log_in(browser)

    for answer in (
        await browser.get("/authorize", params=shop.asked(redirect_uri=redirect_uri)),
        await browser.get("/register", params=shop.asked(redirect_uri=redirect_uri)),
        await browser.get("/authorize", params=shop.asked(redirect_uri=redirect_uri, response_type="token")),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert page(answer).alerts


async def test_a_missing_redirect_uri_and_an_unknown_client_are_shown_to_the_person(shop: World) -> None:
    for changes in ({"redirect_uri": None}, {"client_id": "somebody"}, {"client_id": None}):
        answer = await shop.browser().get("/authorize", params=shop.asked(**changes))
        assert (answer.status_code, answer.headers["x-frame-options"]) == (400, "DENY")


async def test_what_travels_through_the_login_page_is_checked_anew(shop: World) -> None:
    browser = shop.browser()
    login = await browser.get("/authorize", params=shop.asked())

    known = {"username": "shopper", "password": "ink on paper"}
    elsewhere = await browser.submit(login, **known, redirect_uri="https://evil.example/")
    without_pkce = await browser.submit(login, **known, code_challenge_method="plain")

    assert elsewhere.status_code == 400
    assert answer_of(without_pkce)["error"] == "invalid_request"
    assert "__Host-Http-identity" not in browser.cookies


@pytest.mark.parametrize(
    ("changes", "error"),
    [
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
        ({"prompt": "consent"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "٣"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://evil.example/"}, "request_uri_not_supported"),
    ],
)
@pytest.mark.parametrize("client", ["web", "mobile"])
async def test_a_client_is_told_at_its_own_address_what_is_wrong(
    shop: World, client: str, changes: dict[str, str | None], error: str
) -> None:
    answer = await shop.browser().get("/authorize", params=shop.asked(client, **changes))

    told = answer_of(answer)
    assert answer.headers["location"].startswith(WEB if client == "web" else MOBILE)
    assert (told["error"], told["state"], told["iss"]) == (error, "a state", ISSUER)
    assert "code" not in told


async def test_a_state_cannot_write_into_the_redirects_head(shop: World) -> None:
    state = "a\r\nSet-Cookie: x=y&code=mine"
    answer = await shop.log_in(shop.browser(), state=state)

    assert answer_of(answer)["state"] == state
    assert "\n" not in answer.headers["location"]
    assert "x=y" not in "".join(answer.headers.get_list("set-cookie"))


async def test_without_a_state_none_comes_back(shop: World) -> None:
    assert "state" not in answer_of(await shop.log_in(shop.browser(), state=None))


async def test_a_parameter_that_comes_twice_is_refused(shop: World) -> None:
    asked = [*shop.asked().items(), ("redirect_uri", "https://evil.example/")]
    answer = await shop.browser().get("/authorize", params=asked)

    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "query", ["state=%00", "state=%ff", "state=\u00fc".encode("latin-1").decode("latin-1")]
)
async def test_what_is_no_text_is_refused(shop: World, query: str) -> None:
    answer = await shop.browser().get(f"/authorize?{query}")

    assert answer.status_code == 400


async def test_forms_are_refused_that_are_too_large_or_no_forms(shop: World) -> None:
    browser = shop.browser()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    large = await browser.post("/login", {"username": "x" * 17_000})
    json = await shop.http.post("/login", json=shop.asked())
    nul = await shop.http.post("/login", content=b"username=a%00b", headers=form)
    no_utf8 = await shop.http.post("/login", content=b"username=%ff", headers=form)
    raw = await shop.http.post("/login", content="username=ü".encode("latin-1"), headers=form)
    many = await shop.http.post("/login", content=b"&".join(b"a%d=" % n for n in range(65)), headers=form)

    assert (large.status_code, json.status_code) == (413, 415)
    assert {answer.status_code for answer in (nul, no_utf8, raw, many)} == {400}


async def test_a_form_of_unknown_length_is_not_read_beyond_its_bound(shop: World) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1024
            yield b"x" * 1024

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await shop.http.post("/token", content=endless(), headers=headers)

    assert answer.status_code == 413
    assert answer.json()["error"] == "invalid_request"
    assert read <= 20 * 1024


async def test_a_form_of_another_page_logs_nobody_in(shop: World) -> None:
    """Login CSRF: somebody would act in the account of whoever sent the form."""
    victim, attacker = shop.browser(), shop.browser()
    own = await attacker.get("/authorize", params=shop.asked())
    await victim.get("/authorize", params=shop.asked())
    fields = {**page(own).forms[0].fields, "username": "clerk", "password": "ink on paper"}

    forged = await victim.post("/login", fields)
    without_cookie = await shop.browser().post("/login", fields)
    without_field = await victim.post("/login", {**fields, "form": ""})

    assert {forged.status_code, without_cookie.status_code, without_field.status_code} == {403}
    assert "__Host-Http-identity" not in victim.cookies


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://sibling.127.0.0.1:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_form_whose_browser_says_that_it_stood_elsewhere_is_refused(
    shop: World, headers: dict[str, str]
) -> None:
    browser = shop.browser()
    login = page(await browser.get("/authorize", params=shop.asked())).forms[0].fields
    fields = {**login, "username": "shopper", "password": "ink on paper"}

    assert (await browser.post("/login", fields, headers=headers)).status_code == 403
    assert (await browser.post("/register", fields, headers=headers)).status_code == 403
    own = {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}
    assert "code" in answer_of(await browser.post("/login", fields, headers=own))


async def test_forms_in_two_tabs_both_work(shop: World) -> None:
    browser = shop.browser()
    first = await browser.get("/authorize", params=shop.asked())
    second = await browser.get("/authorize", params=shop.asked("mobile"))

    known = {"username": "shopper", "password": "ink on paper"}
    assert "code" in answer_of(await browser.submit(first, **known))
    assert "code" in answer_of(await browser.submit(second, **known))


async def test_a_clients_secret_is_on_no_page(shop: World) -> None:
    assert SECRET not in (await shop.browser().get("/authorize", params=shop.asked())).text
    assert SECRET not in repr(shop.app.state.provider.settings)
