"""WebSockets with a session: browsers cannot mark them, but they tell whose page opens one."""

import pytest

from tests.gateway.session.conftest import ORIGIN, SESSION, World, log_in
from tests.support.browser import Browser
from tests.support.sockets import refused

OPENS = 502
"""The service got the handshake: the one of these tests opens nothing, which is told so."""


async def status(browser: Browser, origin: str | None, *, cookie: bool = True) -> int:
    """What a handshake with the session's cookie is answered."""
    headers = {"Cookie": f"{SESSION}={browser.cookie(ORIGIN, SESSION)}"} if cookie else {}
    answer = await refused(browser.addresses[ORIGIN], "/web/live", origin=origin, additional_headers=headers)
    return answer.status_code


async def test_a_page_of_our_own_opens_one_and_the_service_is_told_for_whom(
    world: World, browser: Browser
) -> None:
    await log_in(browser)
    world.things.asked.clear()

    assert await status(browser, ORIGIN) == OPENS
    assert len(world.things.last.all(b"authorization")) == 1
    assert not world.things.last.all(b"cookie")


@pytest.mark.parametrize("origin", [None, "null", "https://elsewhere.example", "https://img.shop.example"])
async def test_nobody_elses_page_does(world: World, browser: Browser, origin: str | None) -> None:
    await log_in(browser)
    world.things.asked.clear()

    assert await status(browser, origin) == 403
    assert not world.things.asked


async def test_without_a_session_there_is_none(world: World, browser: Browser) -> None:
    await log_in(browser)
    world.things.asked.clear()

    assert await status(browser, ORIGIN, cookie=False) == 401
    assert not world.things.asked
