"""Identity's cookies: whose they are, and what several of one name mean."""

from tests.services.identity.browser import Browser
from tests.services.identity.world import World


def sent(browser: Browser) -> bytes:
    """The browser's `Cookie` field."""
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items()).encode()


async def test_a_cookie_that_only_resembles_the_session_s_is_no_session(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    for whitespace in (b"\xa0", b"\x85", b"\x0b", b"\x0c", b"\x1f", b"\xc2\xa0"):
        resembling = b"; ".join(whitespace + pair for pair in sent(browser).split(b"; "))
        headers = {"Cookie": resembling}
        response = await shop.browser().get("/authorize", params=shop.parameters(), headers=headers)

        assert response.status_code == 200, f"{whitespace!r}: the login page, not a code"


async def test_a_cookie_of_the_provider_that_comes_twice_is_refused(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    page = await browser.get("/authorize", params=shop.parameters(prompt="login"))
    for name in ("__Host-Http-identity", "__Host-Http-form", "__Host-Http-device"):
        twice = sent(browser) + f"; {name}={'a' * 43}".encode()
        response = await browser.submit(page, {"Cookie": twice}, username="shopper", password="ink on paper")

        assert response.status_code == 400, name
        assert "A cookie comes more than once." in response.text
        assert "set-cookie" not in response.headers


async def test_a_session_that_comes_twice_is_refused_wherever_it_is_read(shop: World) -> None:
    browser = shop.browser()
    await shop.log_in(browser)
    headers = {"Cookie": sent(browser) + b"; __Host-Http-identity=" + b"a" * 43}

    for path in ("/authorize", "/password", "/logout"):
        response = await browser.get(path, params=shop.parameters(), headers=headers)
        assert response.status_code == 400, path
