"""Browsers log in by the pages of a provider that is not ours; their sessions live and end with it."""

import asyncio
from collections.abc import Callable

import pytest

from frontispiece.security import Identity
from tests.frontispiece.gateway.auth.foreign.conftest import Shop, Town
from tests.frontispiece.gateway.auth.foreign.people import fill_in, log_in, log_out
from tests.frontispiece.gateway.auth.foreign.process import ForeignProvider
from tests.support.browser import Browser
from tests.support.serving import Serve
from tests.support.sessions import SESSION, becomes, kind
from tests.support.stub import Stub


@pytest.fixture
async def shop(town: Town, provider: ForeignProvider) -> Shop:
    """A gateway in front of the provider."""
    return await town.shop(provider)


@pytest.fixture
async def reader(town: Town, shop: Shop) -> Browser:
    """A browser that has logged in."""
    browser = town.browser()
    await log_in(shop, browser)
    return browser


async def refreshed(shop: Shop, provider: ForeignProvider, token: str | None) -> int:
    """With which status the provider answers to this refresh token."""
    form = {"grant_type": "refresh_token", "refresh_token": str(token)}
    return (await provider.token(form, shop.client)).status_code


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_login_is_a_session_whose_calls_reach_services_with_our_tokens_alone(
    town: Town, provider: ForeignProvider, caller: Callable[[Shop], Identity], algorithm: str
) -> None:
    shop, browser = await town.shop(provider, id_token_signed_response_alg=algorithm), town.browser()
    assert kind(await browser.fetch(shop.mine)) == (401, "session-missing")
    await log_in(shop, browser)

    assert (await browser.fetch(shop.mine)).status_code == 200
    client = shop.client["client_id"]
    assert caller(shop) == Identity(subject="reader", scopes=frozenset({"shop"}), client=client)
    assert not shop.things.last.all(b"cookie")
    assert set(browser.cookies[shop.origin]) == {SESSION}


async def test_the_user_has_the_requested_claims(shop: Shop, reader: Browser) -> None:
    told = (await reader.fetch(shop.at("user"))).json()

    assert (told["sub"], told["scopes"]) == ("reader", ["shop"])
    assert (told["name"], told["email"]) == ("The reader", "reader@shop.example")


async def test_tokens_are_renewed_again_and_again_and_none_is_good_twice(
    shop: Shop, reader: Browser, provider: ForeignProvider
) -> None:
    used = [(await shop.session(reader)).refresh_token]
    for _ in range(3):
        await shop.expire(reader)
        assert (await reader.fetch(shop.mine)).status_code == 200
        used.append((await shop.session(reader)).refresh_token)

    assert None not in used
    assert len(set(used)) == 4
    assert await refreshed(shop, provider, used[0]) == 400


async def test_the_session_of_a_second_login_is_renewed_as_the_first_ones_was(
    shop: Shop, reader: Browser
) -> None:
    page = await reader.navigate(shop.at("login?max_age=0&return_to=/"), start=shop.origin)
    assert (await fill_in(reader, page, login="reader", password="whatever")).is_success
    await shop.expire(reader)

    assert (await reader.fetch(shop.mine)).status_code == 200


async def test_a_session_ends_when_the_provider_renews_its_tokens_no_more(
    shop: Shop, reader: Browser, provider: ForeignProvider
) -> None:
    token = (await shop.session(reader)).refresh_token
    assert await refreshed(shop, provider, token) == 200  # somebody has stolen it
    await shop.expire(reader)

    assert kind(await reader.fetch(shop.mine)) == (401, "session-ended")
    assert (await reader.fetch(shop.at("user"))).json() is None


async def test_a_logout_ends_the_session_here_and_the_tokens_and_the_login_there(
    shop: Shop, reader: Browser, provider: ForeignProvider
) -> None:
    token = (await shop.session(reader)).refresh_token
    answer = await reader.fetch(shop.at("logout"), method="POST")
    assert answer.status_code == 200

    assert kind(await reader.fetch(shop.mine)) == (401, "session-missing")
    await becomes(400, lambda: refreshed(shop, provider, token))
    await log_out(shop, reader, answer.json()["logout_url"])
    assert reader.visited[-1] == f"{shop.origin}/"
    page = await reader.navigate(shop.at("login"), start=shop.origin)
    assert 'name="login"' in page.text, "the provider still knows who this is"


async def test_a_logout_at_the_provider_ends_the_session_of_that_login_alone(
    town: Town, shop: Shop, reader: Browser, provider: ForeignProvider
) -> None:
    other = town.browser()
    await log_in(shop, other)
    assert [(await each.fetch(shop.mine)).status_code for each in (reader, other)] == [200, 200]
    await log_out(shop, reader, (await provider.document())["end_session_endpoint"])

    assert kind(await reader.fetch(shop.mine)) == (401, "session-ended")
    assert (await other.fetch(shop.mine)).status_code == 200


# A provider that is not there.


UNHEARD_OF = {"client_id": "web", "client_secret": "of nobody"}


async def test_a_login_needs_the_provider_at_its_start(town: Town, own_provider: ForeignProvider) -> None:
    own_provider.close()
    shop, browser = await town.shop(own_provider, client=UNHEARD_OF), town.browser()
    answer = await browser.navigate(shop.at("login"), start=shop.origin)

    assert kind(answer) == (503, "issuer-unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_login_needs_the_provider_at_its_end(
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


async def test_sessions_need_no_provider_until_their_tokens_expire(
    town: Town, own_provider: ForeignProvider
) -> None:
    await asyncio.to_thread(own_provider.start)
    shop, browser = await town.shop(own_provider), town.browser()
    await log_in(shop, browser)
    await asyncio.to_thread(own_provider.close)

    assert (await browser.fetch(shop.mine)).status_code == 200
    await shop.expire(browser)
    assert kind(await browser.fetch(shop.mine)) == (503, "issuer-unavailable")
    assert await shop.session(browser)
