"""Other sites can make a browser send requests, with the session's cookie even; nothing comes of it."""

import pytest

from tests.gateway.session.conftest import ORIGIN, SESSION, World, kind, log_in, user
from tests.support.browser import Browser

MINE = f"{ORIGIN}/web/mine"
SHOWN = f"{ORIGIN}/web/shown"
LOGOUT = f"{ORIGIN}/web/session/logout"
USER = f"{ORIGIN}/web/session/user"
ELSEWHERE = "https://elsewhere.example"


@pytest.fixture
async def reader(world: World, browser: Browser) -> Browser:
    """A browser that has logged in; `things` was not called since."""
    await log_in(browser)
    world.things.asked.clear()
    return browser


@pytest.mark.parametrize("url", [MINE, SHOWN, LOGOUT])
async def test_a_form_of_another_site_is_refused(world: World, reader: Browser, url: str) -> None:
    answer = await reader.submit(url, {"quantity": "100"}, start=ELSEWHERE)

    assert answer.status_code in {401, 403}
    assert not world.things.asked
    assert (await user(reader))["sub"] == "reader"


@pytest.mark.parametrize("url", [MINE, SHOWN, LOGOUT])
async def test_a_form_that_brings_the_cookie_is_refused_for_it_cannot_bring_the_header(
    world: World, reader: Browser, url: str
) -> None:
    answer = await reader.submit(url, {"quantity": "100"}, start=ORIGIN)

    assert kind(answer) == (403, "csrf-header-missing")
    assert not world.things.asked


@pytest.mark.parametrize(("url", "method"), [(MINE, "GET"), (MINE, "POST"), (SHOWN, "POST"), (USER, "GET")])
@pytest.mark.parametrize("value", [None, "0", "", "true", "11"])
async def test_a_call_with_the_cookie_needs_the_header(
    world: World, reader: Browser, url: str, method: str, value: str | None
) -> None:
    headers = {} if value is None else {"X-CSRF": value}
    answer = await reader.fetch(url, method=method, marked=False, headers=headers)

    assert kind(answer) == (403, "csrf-header-missing")
    assert not world.things.asked
    assert (await user(reader))["sub"] == "reader"


@pytest.mark.parametrize("url", [MINE, SHOWN, USER, LOGOUT])
@pytest.mark.parametrize(
    "headers",
    [
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
    ],
)
async def test_a_call_of_another_origin_is_refused_even_with_the_header(
    world: World, reader: Browser, url: str, headers: dict[str, str]
) -> None:
    method = "POST" if url == LOGOUT else "GET"
    answer = await reader.fetch(url, method=method, headers=headers)

    assert kind(answer) == (403, "cross-site")
    assert not world.things.asked
    assert (await user(reader))["sub"] == "reader"


async def test_one_wrong_origin_beside_the_right_one_is_refused(reader: Browser) -> None:
    cookie = f"{SESSION}={reader.cookie(ORIGIN, SESSION)}"
    headers = [("Cookie", cookie), ("X-CSRF", "1"), ("Origin", ORIGIN), ("Origin", ELSEWHERE)]
    answer = await reader._client(ORIGIN).get("/web/mine", headers=headers)  # noqa: SLF001 (no browser does so)

    assert kind(answer) == (403, "cross-site")


async def test_a_user_who_types_an_address_in_gets_what_guests_get_or_nothing(
    world: World, reader: Browser
) -> None:
    shown, mine = await reader.navigate(SHOWN), await reader.navigate(MINE)

    assert shown.status_code == 200
    assert kind(mine) == (403, "csrf-header-missing")
    assert len(world.things.asked) == 1
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


@pytest.mark.parametrize("value", ["", "short", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "é"])
async def test_a_cookie_that_is_no_session_id_is_none(world: World, browser: Browser, value: str) -> None:
    header = f"{SESSION}={value}".encode()
    client = browser._client(ORIGIN)  # noqa: SLF001 (no browser does so)
    answer = await client.get("/web/mine", headers={b"Cookie": header, b"X-CSRF": b"1"})

    assert kind(answer) == (401, "session-missing")


async def test_of_two_sessions_neither_counts(reader: Browser) -> None:
    value = f"{SESSION}={reader.cookie(ORIGIN, SESSION)}"
    client = reader._client(ORIGIN)  # noqa: SLF001 (no browser does so)
    twice = [
        [("Cookie", f"{value}; {value}")],
        [("Cookie", value), ("Cookie", f"{SESSION}={'A' * 43}")],
        [("Cookie", f"{SESSION}=; {value}")],
    ]

    for cookies in twice:
        answer = await client.get("/web/mine", headers=[*cookies, ("X-CSRF", "1")])
        assert kind(answer) == (401, "session-missing")
