"""Attacks on a login: forged, mixed and replayed callbacks, and redirects to other sites."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from valkey.asyncio import Valkey

from frontispiece.security import Keyring, new_key
from tests.support.browser import Browser
from tests.support.sessions import ORIGIN, SESSION, World, kind, log_in, user

LOGIN = f"{ORIGIN}/web/session/login"
CALLBACK = f"{ORIGIN}/web/session/callback"


async def callback_of(world: World, browser: Browser) -> str:
    """Where the issuer sends a browser that has begun to log in; it has not gone there yet."""
    begun = await browser.fetch(LOGIN, marked=False)
    sent = await world.browser("").fetch(begun.headers["location"], marked=False)
    return str(sent.headers["location"])


def login_cookie(browser: Browser) -> str:
    (name,) = [name for name in browser.cookies[ORIGIN] if name.startswith("__Host-Http-login-")]
    return name


async def test_an_answer_that_does_not_fit_the_login_is_refused(world: World, browser: Browser) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"state": "x"}, "no such login"),
        ({"state": "A" * 43}, "no such login"),
        ({"state": None}, "no such login"),
        ({"iss": None}, "which issuer"),
        ({"iss": "https://elsewhere.example"}, "another issuer"),
        ({"code": None}, "no code"),
        ({"code": "invented"}, "no tokens"),
        ({"code": None, "error": "server_error"}, "server_error"),
        ({"code": None, "error": "<script>"}, "unknown"),
    ]
    for redirected, why in cases:
        world.issuer.redirected = redirected
        response = await log_in(browser)

        assert kind(response) == (400, "login-failed"), (redirected, why)
        assert why in response.json()["detail"]
        assert "<" not in response.text
        assert browser.cookie(ORIGIN, SESSION) is None


async def test_an_id_token_of_another_login_is_refused(world: World, browser: Browser) -> None:
    cases: list[dict[str, Any]] = [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "mobile"},
        {"aud": ["web", "mobile"]},
        {"azp": "mobile"},
        {"azp": ["web"]},
        {"iss": "https://elsewhere.example"},
        {"exp": 1},
        {"sub": ""},
        {"sub": None},
        {"sub": "a" * 256},
    ]
    for identity in cases:
        world.issuer.identity = identity

        assert kind(await log_in(browser)) == (400, "login-failed"), identity
        assert await user(browser) is None


async def test_the_iss_parameter_is_optional_unless_promised(world: World) -> None:
    world.issuer.changed = {"authorization_response_iss_parameter_supported": None}
    world.issuer.redirected = {"iss": None}
    browser = world.browser(await world.gateway())
    await log_in(browser)

    assert (await user(browser))["sub"] == "reader"
    world.issuer.redirected = {"iss": "https://elsewhere.example"}
    assert kind(await log_in(browser)) == (400, "login-failed")


async def test_a_callback_works_once_even_with_a_stored_cookie(world: World, browser: Browser) -> None:
    url = await callback_of(world, browser)
    name = login_cookie(browser)
    value = str(browser.cookie(ORIGIN, name))
    code = parse_qs(urlsplit(url).query)["code"][0]
    grant = world.issuer.codes[code]
    await browser.navigate(url)
    first = browser.cookie(ORIGIN, SESSION)

    again = await browser.navigate(url)
    browser.plant(ORIGIN, name, value)
    with_cookie = await browser.navigate(url)
    browser.plant(ORIGIN, name, value)
    world.issuer.codes[code] = grant  # of an issuer that lets a code be used twice
    with_code = await browser.navigate(url)

    assert first is not None
    assert kind(again) == kind(with_cookie) == kind(with_code) == (400, "login-failed")
    assert browser.cookie(ORIGIN, SESSION) == first
    assert (await user(browser))["sub"] == "reader"


async def test_a_callback_of_another_browser_is_refused(world: World, browser: Browser) -> None:
    attacker, victim = browser, world.browser(browser.addresses[ORIGIN])
    theirs = await callback_of(world, attacker)
    await callback_of(world, victim)

    assert kind(await victim.navigate(theirs, start="https://elsewhere.example")) == (400, "login-failed")
    assert await user(victim) is None


async def test_two_logins_of_a_browser_cannot_be_mixed(world: World, browser: Browser) -> None:
    first, second = await callback_of(world, browser), await callback_of(world, browser)
    state = parse_qs(urlsplit(second).query)["state"][0]
    query = {name: values[0] for name, values in parse_qs(urlsplit(first).query).items()}
    mixed = f"{CALLBACK}?{urlencode(query | {'state': state})}"

    assert kind(await browser.navigate(mixed)) == (400, "login-failed")


async def test_several_logins_of_a_browser_go_on_side_by_side(world: World, browser: Browser) -> None:
    first, second = await callback_of(world, browser), await callback_of(world, browser)

    await browser.navigate(first)
    one = browser.cookie(ORIGIN, SESSION)
    await browser.navigate(second)
    assert browser.cookie(ORIGIN, SESSION) not in {None, one}


async def test_a_parameter_that_comes_twice_is_refused(world: World, browser: Browser) -> None:
    url = await callback_of(world, browser)

    assert kind(await browser.navigate(f"{url}&code=another")) == (400, "query-unreadable")


async def test_forged_login_cookies_count_for_nothing(world: World, browser: Browser) -> None:
    url = await callback_of(world, browser)
    name = login_cookie(browser)
    value = str(browser.cookie(ORIGIN, name))
    other = world.browser(browser.addresses[ORIGIN])
    await callback_of(world, other)
    forged = [
        "",
        "nonsense",
        "é",
        value[:-4],
        value[:30] + ("A" if value[30] != "A" else "B") + value[31:],
        str(other.cookie(ORIGIN, login_cookie(other))),  # sealed for another login
        Keyring([new_key()]).encrypt(b"{}", b"").hex(),
    ]

    for tried in forged:
        browser.plant(ORIGIN, name, tried)
        assert kind(await browser.navigate(url)) == (400, "login-failed"), tried
    browser.plant(ORIGIN, name, value)
    await browser.navigate(url)
    assert (await user(browser))["sub"] == "reader"


async def test_sessions_and_logins_are_encrypted_apart(world: World, reader: Browser, valkey: Valkey) -> None:
    (key,) = await valkey.keys("session:*")
    url = await callback_of(world, reader)
    name = login_cookie(reader)
    login = str(reader.cookie(ORIGIN, name))
    session = bytes(await valkey.get(key)).split(b" ", 2)[2]
    reader.plant(ORIGIN, name, session.hex())
    assert kind(await reader.navigate(url)) == (400, "login-failed")

    await valkey.set(key, b"1800000 99999999999999 " + login.encode(), keepttl=True)
    assert await user(reader) is None


async def test_a_planted_session_id_is_never_taken_over(world: World, browser: Browser) -> None:
    planted = "A" * 43
    browser.plant(ORIGIN, SESSION, planted)
    await log_in(browser)

    assert browser.cookie(ORIGIN, SESSION) != planted
    attacker = world.browser(browser.addresses[ORIGIN])
    attacker.plant(ORIGIN, SESSION, planted)
    assert await user(attacker) is None


async def test_a_planted_session_of_an_attacker_is_replaced(world: World, browser: Browser) -> None:
    world.issuer.user = "attacker"
    attacker = world.browser(browser.addresses[ORIGIN])
    await log_in(attacker)
    planted = str(attacker.cookie(ORIGIN, SESSION))
    browser.plant(ORIGIN, SESSION, planted)
    world.issuer.user = "reader"
    await log_in(browser)

    assert (await user(browser))["sub"] == "reader"
    attacker.plant(ORIGIN, SESSION, planted)
    assert await user(attacker) is None


async def test_logins_in_progress_are_stored_nowhere(world: World, browser: Browser, valkey: Valkey) -> None:
    for _ in range(30):
        begun = await browser.fetch(LOGIN, marked=False)
        assert begun.status_code == 302
        await browser.navigate(f"{CALLBACK}?code=invented&state={'A' * 43}")

    assert await valkey.dbsize() == 0
    assert len(browser.cookies[ORIGIN]) <= 5
    assert all(len(cookie.value) < 1000 for cookie in browser.cookies[ORIGIN].values())


TRICKS = [
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "///elsewhere.example",
    "/\\elsewhere.example",
    "\\\\elsewhere.example",
    "/\t/elsewhere.example",
    "/\n/elsewhere.example",
    "\t//elsewhere.example",
    " //elsewhere.example",
    "/%2f/elsewhere.example",
    "/%2felsewhere.example",
    "/%252felsewhere.example",
    "/%5celsewhere.example",
    "/%09/elsewhere.example",
    "/.//elsewhere.example",
    "/..//elsewhere.example",
    "/a//elsewhere.example",
    "javascript:alert(1)",
    "elsewhere.example",
    "@elsewhere.example",
    ".elsewhere.example",
    "?x",
    "#x",
    "/ok\r\nSet-Cookie: a=b",
    "/ok%0d%0aSet-Cookie: a=b",
    "/ok\x00",
    "/ok\x85",
    "/ok\u2028",
    "/" + "a" * 2000,
    "/%25252525252e",
]


async def test_return_to_leads_to_no_other_site(browser: Browser) -> None:
    for trick in TRICKS:
        response = await browser.navigate(f"{LOGIN}?{urlencode({'return_to': trick})}")

        assert kind(response) == (400, "return-to-refused"), trick
        assert not browser.cookies[ORIGIN]


async def test_return_to_is_followed(browser: Browser) -> None:
    for return_to, location in [
        ("/", "/"),
        (
            "/web/shown?a=b&c=https%3A%2F%2Felsewhere.example#d",
            "/web/shown?a=b&c=https%3A%2F%2Felsewhere.example#d",
        ),
        ("/web/shown?q=//x", "/web/shown?q=//x"),
        ("/web/shown?q=100%25", "/web/shown?q=100%25"),
        ("/web/shown?q=two words", "/web/shown?q=two%20words"),
        ("/café", "/caf%C3%A9"),
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("", "/"),
    ]:
        await browser.navigate(f"{LOGIN}?{urlencode({'return_to': return_to})}")

        assert browser.visited[-1] == ORIGIN + location, (return_to, location)
