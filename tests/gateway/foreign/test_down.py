"""A provider that is not ours, and not there: whoever logs in is told to try again."""

import asyncio

from tests.gateway.foreign.conftest import SESSION, Town
from tests.gateway.foreign.people import fill_in, log_in
from tests.gateway.foreign.process import ForeignProvider
from tests.gateway.session.conftest import kind
from tests.support.serving import Serve
from tests.support.stub import Stub

UNHEARD_OF = {"client_id": "web", "client_secret": "of nobody"}


async def test_a_login_cannot_begin_while_the_provider_has_never_been_there(
    town: Town, own_provider: ForeignProvider
) -> None:
    own_provider.close()
    shop, browser = await town.shop(own_provider, client=UNHEARD_OF), town.browser()
    answer = await browser.navigate(shop.at("login"), start=shop.origin)

    assert kind(answer) == (503, "issuer-unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_login_cannot_end_when_the_provider_goes_meanwhile(
    town: Town, own_provider: ForeignProvider, serve: Serve
) -> None:
    await asyncio.to_thread(own_provider.start)
    shop, browser = await town.shop(own_provider), town.browser()
    page = await browser.navigate(shop.at("login"), start=shop.origin)
    browser.addresses[shop.origin] = await serve(Stub())  # the browser stops right before the shop
    await fill_in(browser, page, login="reader", password="whatever")
    del browser.addresses[shop.origin]
    await asyncio.to_thread(own_provider.close)
    answer = await browser.navigate(browser.visited[-1], start=own_provider.url)

    assert kind(answer) == (503, "issuer-unavailable")
    assert browser.cookie(shop.origin, SESSION) is None


async def test_sessions_go_on_without_the_provider_as_long_as_their_tokens_do(
    town: Town, own_provider: ForeignProvider
) -> None:
    await asyncio.to_thread(own_provider.start)
    shop, browser = await town.shop(own_provider), town.browser()
    await log_in(shop, browser)
    await asyncio.to_thread(own_provider.close)

    assert (await browser.fetch(shop.mine)).status_code == 200
    await shop.expire(browser)
    assert kind(await browser.fetch(shop.mine)) == (503, "issuer-unavailable")
    assert await shop.kept(browser)
