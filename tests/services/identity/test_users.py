"""Registration, passwords, and their change."""

import asyncio

import httpx

from shop.demo import PASSWORD, USERS
from tests.conftest import internal_bearer
from tests.services.identity.browser import Browser, page
from tests.services.identity.conftest import MakeSettings, on_both_databases
from tests.services.identity.world import World, parameters_of, world

NEW = {
    "username": "writer",
    "name": "A Writer",
    "email": "writer@shop.example",
    "password": "correct horse battery",
}


async def registered(shop: World, browser: Browser, **changes: str) -> httpx.Response:
    """Register by way of the login page's link."""
    login = await browser.get("/authorize", params=shop.parameters())
    form = await browser.get(next(link for link in page(login).links if "/register?" in link))
    assert form.status_code == 200
    return await browser.submit(form, **{**NEW, **changes})


@on_both_databases
async def test_a_new_user_is_logged_in_with_the_scope_of_the_shop(shop: World) -> None:
    browser = shop.browser()
    response = await registered(shop, browser)
    body = (await shop.redeem(parameters_of(response)["code"])).json()
    claims = await shop.verified(body["id_token"], "web")

    assert (claims["preferred_username"], claims["name"], claims["email"]) == (
        "writer",
        "A Writer",
        "writer@shop.example",
    )
    assert body["scope"] == "openid profile email shop"
    assert len(claims["sub"]) == 32
    assert int(claims["sub"], 16)
    again = await shop.log_in(
        shop.browser(), name="Writer", password=NEW["password"], scope="openid stock:write"
    )
    assert (await shop.redeem(parameters_of(again)["code"])).json()["scope"] == "openid"


INVALID = [
    {"username": ""},
    {"username": "two words"},
    {"username": "x" * 65},
    {"username": "guest:somebody"},
    {"username": "<b>"},
    {"username": "SHOPPER"},
    {"username": "\uff33hopper"},
    {"name": ""},
    {"name": "x" * 65},
    {"name": "a\u202eb"},
    {"email": "nothing"},
    {"email": "a@b"},
    {"email": "a b@shop.example"},
    {"email": "a@shop.example\nBcc: everybody@shop.example"},
    {"password": "seven!!"},
    {"password": "x" * 129},
    {"password": "Writer", "username": "writer"},
    {"password": "a-long-writer", "username": "A-Long-Writer"},
    {"password": "password"},
    {"password": "PassWord1"},
    {"password": "1234567890"},
    {"password": " qwertyuiop "},
    {"password": "\uff49loveyou"},
    {"password": "a\0bcdefgh"},
]


async def test_invalid_account_data_is_shown_on_the_form(shop: World) -> None:
    for number, changes in enumerate(INVALID):
        browser = shop.browser(f"192.0.2.{number}")
        response = await registered(shop, browser, **changes)
        read = page(response)

        assert (response.status_code, len(read.alerts)) == (400, 1), changes
        assert "__Host-Http-identity" not in browser.cookies
        if "\0" not in changes.get("password", ""):
            assert read.forms[0].fields["username"] == {**NEW, **changes}["username"]
            assert read.forms[0].fields["password"] == ""


async def test_a_password_may_be_anything_of_8_to_128_characters(shop: World) -> None:
    for number, password in enumerate(["        ", "eight 88", "ü" * 128, "密码密码密码密码", "a" * 128]):
        name = f"writer-{number}"
        await registered(shop, shop.browser(), username=name, password=password)

        assert "code" in parameters_of(await shop.log_in(shop.browser(), name=name, password=password))


async def test_a_password_may_be_written_with_either_kind_of_accents(shop: World) -> None:
    await registered(shop, shop.browser(), password="caf\u00e9 au lait")

    response = await shop.log_in(shop.browser(), name="writer", password="cafe\u0301 au lait")
    assert "code" in parameters_of(response)


@on_both_databases
async def test_of_concurrent_registrations_of_one_name_one_succeeds(shop: World) -> None:
    names = ("writer", "WRITER", "Writer")
    responses = await asyncio.gather(*(registered(shop, shop.browser(), username=name) for name in names))

    assert sorted(response.status_code for response in responses) == [303, 400, 400]


async def test_a_network_may_not_register_any_number_of_users(shop: World) -> None:
    responses = [await registered(shop, shop.browser(), username=f"user-{n}") for n in range(11)]
    elsewhere = await registered(shop, shop.browser("198.51.100.7"), username="user-12")

    assert [response.status_code for response in responses] == [303] * 10 + [429]
    assert responses[-1].headers["retry-after"]
    assert elsewhere.status_code == 303


@on_both_databases
async def test_a_changed_password_ends_everything_but_the_login_at_this_browser(shop: World) -> None:
    here, there = shop.browser(), shop.browser("198.51.100.7")
    web = await shop.tokens(here)
    phone = await shop.tokens(there, "mobile", scope="openid offline_access")
    before = here.cookies["__Host-Http-identity"]

    form = await here.get("/password")
    response = await here.submit(form, password=PASSWORD, new_password="a better password")

    assert (response.status_code, here.cookies["__Host-Http-identity"] != before) == (200, True)
    assert (await shop.refresh(phone["refresh_token"])).status_code == 400
    assert (await shop.refresh(web["refresh_token"], "web")).status_code == 400
    assert (await there.get("/authorize", params=shop.parameters())).status_code == 200
    assert (await here.get("/authorize", params=shop.parameters())).status_code == 303
    assert (await shop.log_in(there)).status_code == 400
    assert "code" in parameters_of(await shop.log_in(there, password="a better password"))


async def test_a_password_change_needs_the_current_password(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    form = await browser.get("/password")

    wrong = await browser.submit(form, password="a guess", new_password="a better password")
    short = await browser.submit(form, password=PASSWORD, new_password="short")
    common = await browser.submit(form, password=PASSWORD, new_password="Sunshine")
    forged = await browser.post("/password", {"password": PASSWORD, "new_password": "a better password"})
    stranger = await shop.browser().get("/password")

    assert {response.status_code for response in (wrong, short, common)} == {400}
    assert page(common).alerts == ["Many use this password, so it is tried first. Please choose another."]
    assert page(wrong).alerts == ["The password until now is wrong."]
    assert (forged.status_code, stranger.status_code) == (403, 403)
    assert "code" in parameters_of(await shop.log_in(shop.browser()))


async def test_tries_at_the_password_page_are_counted_too(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    form = await browser.get("/password")
    tries = [await browser.submit(form, password="a guess", new_password="a better one") for _ in range(6)]

    assert [response.status_code for response in tries] == [400] * 5 + [429]


async def test_a_password_is_hashed_anew_at_login_when_the_cost_has_changed(made: MakeSettings) -> None:
    async with world(made()) as cheap:
        await cheap.log_in(cheap.browser())
        before = await cheap.app.state.context.users.named("shopper")
    async with world(made(argon2_time_cost=2)) as dear:
        assert "code" in parameters_of(await dear.log_in(dear.browser()))
        after = await dear.app.state.context.users.named("shopper")
        assert "code" in parameters_of(await dear.log_in(dear.browser()))

    assert before.password_hash.startswith("$argon2id$")
    assert ("t=1" in before.password_hash, "t=2" in after.password_hash) == (True, True)


async def test_demo_users_are_entered_into_an_empty_database_alone(made: MakeSettings) -> None:
    async with world(made()) as shop:
        users = shop.app.state.context.users
        found = {name: (await users.named(name)) for name in USERS}
    async with world(made()):
        pass  # a second start finds them there

    assert {name: (user.id, user.scopes) for name, user in found.items()} == {
        name: (name, frozenset(scopes)) for name, scopes in USERS.items()
    }


async def test_without_seed_there_is_no_user(made: MakeSettings) -> None:
    async with world(made(seed=False)) as shop:
        assert (await shop.log_in(shop.browser())).status_code == 400


@on_both_databases
async def test_operators_find_users_by_their_mail_address(shop: World, signing_key: str) -> None:
    bearer = internal_bearer(signing_key, "identity")
    transport = httpx.ASGITransport(shop.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://identity.test") as http:

        async def find(email: str, scope: str = "users:read") -> httpx.Response:
            return await http.get("/users", params={"email": email}, headers=bearer("clerk", scope))

        known = {"id": "reader", "name": "reader", "display_name": "Reader", "email": "reader@shop.example"}
        assert (await find("reader@shop.example")).json() == {"items": [known]}
        assert (await find("nobody@shop.example")).json() == {"items": []}
        assert (await find("reader@shop.example", "shop")).status_code == 403
        assert (await http.get("/users?email=reader@shop.example")).status_code == 401
