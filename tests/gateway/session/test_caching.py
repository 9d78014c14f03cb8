"""Caches on the way to browsers keep nothing that is somebody's."""

import pytest

from tests.gateway.session.conftest import ORIGIN, World, log_in
from tests.support.browser import Browser
from tests.support.stub import answering

SHOWN = f"{ORIGIN}/web/shown"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "private"),
        ("max-age=60", "max-age=60, private"),
        ("max-age=0, must-revalidate", "max-age=0, must-revalidate, private"),
        ("not-public", "not-public, private"),
        ("private, max-age=60", "private, max-age=60"),
        ("max-age=60,PRIVATE", "max-age=60,PRIVATE"),
        ("no-store", "no-store"),
        ("public, max-age=60", "public, max-age=60"),
        ("s-maxage=60", "s-maxage=60"),
    ],
)
async def test_what_a_service_does_not_call_public_is_kept_by_the_users_browser_alone(
    world: World, browser: Browser, said: str | None, told: str
) -> None:
    headers = [(b"cache-control", said.encode())] if said else []
    world.things.answer = answering(200, b"{}", *headers)
    await log_in(browser)
    answer = await browser.fetch(SHOWN)

    assert answer.headers["cache-control"] == told
    assert answer.headers["vary"] == "Cookie, X-CSRF"


async def test_what_everybody_is_shown_may_be_kept_but_not_for_who_has_logged_in(
    world: World, browser: Browser
) -> None:
    world.things.answer = answering(200, b"{}", (b"cache-control", b"max-age=60"), (b"vary", b"Accept"))
    answer = await browser.fetch(SHOWN)

    assert answer.headers["cache-control"] == "max-age=60"
    assert answer.headers["vary"] == "Accept, Cookie, X-CSRF"


async def test_an_answer_with_a_cookie_is_kept_by_nobody(world: World, browser: Browser) -> None:
    world.things.answer = answering(200, b"{}", (b"cache-control", b"public, max-age=60"))
    answer = await browser.fetch(SHOWN, method="POST")

    assert "set-cookie" in answer.headers
    assert answer.headers["cache-control"] == "no-store"
