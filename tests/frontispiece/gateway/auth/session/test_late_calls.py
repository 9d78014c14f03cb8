"""Calls of a guest, or of an earlier login, that are under way while the same browser logs in."""

import pytest

from frontispiece.security import Verifier
from frontispiece.settings import TokenSettings
from tests.support.browser import Browser
from tests.support.sessions import GUEST, ORIGIN, SESSION, World, kind, log_in, until, user
from tests.support.stub import answering

SHOWN = f"{ORIGIN}/web/shown"


async def late(world: World, browser: Browser, guest: str | None, *, method: str = "POST") -> None:
    """The browser gets the response to a call that began with this guest's cookie, before its login."""
    other = world.browser(browser.addresses[ORIGIN])
    if guest is not None:
        other.plant(ORIGIN, GUEST, guest)
    response = await other.fetch(SHOWN, method=method)
    assert response.status_code == 200
    assert not [line for line in response.headers.get_list("set-cookie") if line.startswith(SESSION)]
    if (cookie := other.cookie(ORIGIN, GUEST)) is not None:
        browser.plant(ORIGIN, GUEST, cookie)


def merged(world: World, settings: TokenSettings) -> list[str | None]:
    """The guests that were to be merged, one for each call of the target."""
    headers = [exchange.all(b"authorization")[0].decode() for exchange in world.baskets.requests]
    return [Verifier(settings, "baskets").caller(header).merged_guest for header in headers]


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_guests_write_that_ends_after_the_login_leaves_the_user_logged_in_and_is_merged(
    world: World, browser: Browser, token_settings: TokenSettings, *, is_known: bool
) -> None:
    if is_known:
        await browser.fetch(SHOWN, method="POST")
    guest = browser.cookie(ORIGIN, GUEST)
    await log_in(browser)
    before = merged(world, token_settings)
    await late(world, browser, guest)
    (writer,) = [
        Verifier(token_settings, "things").caller(exchange.all(b"authorization")[0].decode())
        for exchange in world.things.requests[-1:]
    ]

    assert (await user(browser))["sub"] == "reader"
    await browser.fetch(SHOWN)
    await until(lambda: len(world.baskets.requests) == len(before) + 1)
    assert merged(world, token_settings) == [*before, writer.subject]
    assert browser.cookie(ORIGIN, GUEST) is None


async def test_a_guests_read_that_ends_after_the_login_leaves_the_user_logged_in(
    world: World, browser: Browser
) -> None:
    await browser.fetch(SHOWN, method="POST")
    guest = browser.cookie(ORIGIN, GUEST)
    await log_in(browser)
    await late(world, browser, guest, method="GET")

    assert (await user(browser))["sub"] == "reader"


async def test_the_cookie_of_a_merged_guest_goes_with_the_next_call(world: World, browser: Browser) -> None:
    await browser.fetch(SHOWN, method="POST")
    await log_in(browser)
    await browser.fetch(f"{ORIGIN}/web/mine")

    assert browser.cookie(ORIGIN, GUEST) is None
    assert len(world.baskets.requests) == 1


async def test_a_late_guest_waits_until_the_one_before_the_login_is_merged(
    world: World, browser: Browser, token_settings: TokenSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontispiece.gateway.auth.session.guest_merge.RETRY_INTERVAL", 0.0)
    world.baskets.answer = answering(503, b"{}")
    await browser.fetch(SHOWN, method="POST")
    first = (await world.session(browser)).subject
    await log_in(browser)
    await late(world, browser, None)
    await browser.fetch(SHOWN)
    assert browser.cookie(ORIGIN, GUEST) is not None
    assert set(merged(world, token_settings)) == {first}

    world.baskets.answer = answering(204, b"")

    async def both() -> bool:
        await browser.fetch(SHOWN)
        return len(set(merged(world, token_settings))) == 2

    await until(both)
    assert browser.cookie(ORIGIN, GUEST) is None


async def test_a_logout_ends_the_late_guest_too(world: World, browser: Browser) -> None:
    await log_in(browser)
    await late(world, browser, None)
    await browser.fetch(f"{ORIGIN}/web/session/logout", method="POST")

    assert browser.cookie(ORIGIN, GUEST) is None
    assert browser.cookie(ORIGIN, SESSION) is None


async def test_a_call_of_the_session_before_that_ends_after_another_login_leaves_its_cookie(
    world: World, browser: Browser
) -> None:
    for path in ["/web/mine", "/web/shown", "/web/session/user"]:
        await log_in(browser)
        other = world.browser(browser.addresses[ORIGIN])
        other.plant(ORIGIN, SESSION, str(browser.cookie(ORIGIN, SESSION)))
        await log_in(browser)

        response = await other.fetch(f"{ORIGIN}{path}")

        assert "set-cookie" not in response.headers, path
        assert (await user(browser))["sub"] == "reader"


async def test_a_users_session_in_the_cookie_of_guests_is_none(world: World, reader: Browser) -> None:
    other = world.browser(reader.addresses[ORIGIN])
    other.plant(ORIGIN, GUEST, str(reader.cookie(ORIGIN, SESSION)))

    assert kind(await other.fetch(f"{ORIGIN}/web/mine")) == (401, "session-missing")
    assert (await other.fetch(SHOWN)).status_code == 200
    assert world.things.requests
    assert other.cookie(ORIGIN, GUEST) is None
