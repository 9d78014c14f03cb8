"""Requests that other sites make a browser send, with the session's cookie even, are refused."""

from tests.support.browser import Browser
from tests.support.sessions import ORIGIN, SESSION, World, kind, user
from tests.support.sockets import refused

MINE = f"{ORIGIN}/web/mine"
SHOWN = f"{ORIGIN}/web/shown"
LOGOUT = f"{ORIGIN}/web/session/logout"
USER = f"{ORIGIN}/web/session/user"
ELSEWHERE = "https://elsewhere.example"


async def test_a_form_is_refused_with_the_cookie_or_without(world: World, reader: Browser) -> None:
    for start in [ELSEWHERE, ORIGIN]:
        for url in [MINE, SHOWN, LOGOUT]:
            response = await reader.submit(url, {"quantity": "100"}, start=start)

            assert response.status_code in {401, 403}, (url, start)
            assert start == ELSEWHERE or kind(response) == (403, "csrf-header-missing")
            assert not world.things.requests
            assert (await user(reader))["sub"] == "reader"


async def test_the_cookie_needs_the_header(world: World, reader: Browser) -> None:
    for value in [None, "0", "", "true", "11"]:
        for url, method in [(MINE, "GET"), (MINE, "POST"), (SHOWN, "POST"), (USER, "GET")]:
            headers = {} if value is None else {"X-CSRF": value}
            response = await reader.fetch(url, method=method, marked=False, headers=headers)

            assert kind(response) == (403, "csrf-header-missing"), (url, method, value)
            assert not world.things.requests
            assert (await user(reader))["sub"] == "reader"


async def test_a_call_of_another_origin_is_refused_even_with_the_header(
    world: World, reader: Browser
) -> None:
    for headers in [
        {"Origin": ELSEWHERE},
        {"Origin": "https://img.shop.example", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
        {"Origin": "http://shop.example"},
        {"Origin": "https://shop.example:8443"},
        {"Origin": "https://shop.example.elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none", "Origin": ORIGIN},
        {"Sec-Fetch-Site": "nonsense"},
    ]:
        for url in [MINE, SHOWN, USER, LOGOUT]:
            method = "POST" if url == LOGOUT else "GET"
            response = await reader.fetch(url, method=method, headers=headers)

            assert kind(response) == (403, "cross-site"), (url, headers)
            assert not world.things.requests
            assert (await user(reader))["sub"] == "reader"


async def test_one_wrong_origin_beside_the_right_one_is_refused(reader: Browser) -> None:
    cookie = f"{SESSION}={reader.cookie(ORIGIN, SESSION)}"
    headers = [("Cookie", cookie), ("X-CSRF", "1"), ("Origin", ORIGIN), ("Origin", ELSEWHERE)]
    response = await reader._client(ORIGIN).get("/web/mine", headers=headers)  # noqa: SLF001 (no browser does so)

    assert kind(response) == (403, "cross-site")


async def test_an_address_that_is_typed_in_is_a_guests_call(world: World, reader: Browser) -> None:
    shown, mine = await reader.navigate(SHOWN), await reader.navigate(MINE)

    assert shown.status_code == 200
    assert kind(mine) == (403, "csrf-header-missing")
    assert len(world.things.requests) == 1
    assert "set-cookie" not in shown.headers


async def test_a_link_of_another_site_does_not_bring_the_session(world: World, reader: Browser) -> None:
    assert kind(await reader.navigate(MINE, start=ELSEWHERE)) == (401, "session-missing")
    assert (await reader.navigate(SHOWN, start=ELSEWHERE)).status_code == 200
    assert (await user(reader))["sub"] == "reader"


async def test_old_clients_without_fetch_metadata_may_come_with_the_header_alone(reader: Browser) -> None:
    cookie = f"{SESSION}={reader.cookie(ORIGIN, SESSION)}"
    client = reader._client(ORIGIN)  # noqa: SLF001 (no browser does so)

    assert (await client.get("/web/mine", headers={"Cookie": cookie, "X-CSRF": "1"})).status_code == 200
    assert (await client.post("/web/mine", headers={"Cookie": cookie, "X-CSRF": "1"})).status_code == 200


async def test_a_cookie_that_is_no_session_id_is_none(world: World, browser: Browser) -> None:
    for value in ["", "short", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "é"]:
        header = f"{SESSION}={value}".encode()
        client = browser._client(ORIGIN)  # noqa: SLF001 (no browser does so)
        response = await client.get("/web/mine", headers={b"Cookie": header, b"X-CSRF": b"1"})

        assert kind(response) == (401, "session-missing"), value


async def test_a_cookie_that_only_resembles_the_session_is_none(reader: Browser) -> None:
    value = f"{SESSION}={reader.cookie(ORIGIN, SESSION)}".encode()
    client = reader._client(ORIGIN)  # noqa: SLF001 (no browser does so)

    for whitespace in [b"\xa0", b"\x85", b"\xc2\xa0", b"\xe3\x80\x80"]:
        for cookie in (whitespace + value, value.replace(b"=", whitespace + b"="), value[:-1] + whitespace):
            response = await client.get("/web/mine", headers={b"Cookie": cookie, b"X-CSRF": b"1"})
            assert kind(response) == (401, "session-missing"), whitespace


async def test_of_two_sessions_neither_counts(reader: Browser) -> None:
    value = f"{SESSION}={reader.cookie(ORIGIN, SESSION)}"
    client = reader._client(ORIGIN)  # noqa: SLF001 (no browser does so)
    twice = [
        [("Cookie", f"{value}; {value}")],
        [("Cookie", value), ("Cookie", f"{SESSION}={'A' * 43}")],
        [("Cookie", f"{SESSION}=; {value}")],
    ]

    for cookies in twice:
        for path in ("mine", "shown", "session/user", "session/login"):
            response = await client.get(f"/web/{path}", headers=[*cookies, ("X-CSRF", "1")])
            assert kind(response) == (400, "cookie-duplicated")


# WebSockets: browsers cannot send the header, but they send the origin.


OPENS = 502
"""The service got the handshake: the one of these tests opens nothing, which is told so."""


async def status(browser: Browser, origin: str | None, *, cookie: bool = True) -> int:
    """What a handshake with the session's cookie is answered."""
    headers = {"Cookie": f"{SESSION}={browser.cookie(ORIGIN, SESSION)}"} if cookie else {}
    response = await refused(
        browser.addresses[ORIGIN], "/web/live", origin=origin, additional_headers=headers
    )
    return response.status_code


async def test_our_own_pages_open_a_websocket_as_the_user(world: World, reader: Browser) -> None:
    assert await status(reader, ORIGIN) == OPENS
    assert len(world.things.last.all(b"authorization")) == 1
    assert not world.things.last.all(b"cookie")


async def test_other_origins_open_no_websocket(world: World, reader: Browser) -> None:
    for origin in [None, "null", "https://elsewhere.example", "https://img.shop.example"]:
        assert await status(reader, origin) == 403, origin
        assert not world.things.requests


async def test_without_a_session_there_is_no_websocket(world: World, reader: Browser) -> None:
    assert await status(reader, ORIGIN, cookie=False) == 401
    assert not world.things.requests
