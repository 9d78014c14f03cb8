"""Gateways with sessions, browsers and what a test looks at; see `tests.support.sessions`."""

from collections.abc import AsyncIterator, Callable

import pytest
from valkey.asyncio import Valkey

from frontispiece.security import Identity, Verifier
from frontispiece.settings import TokenSettings
from tests.support.browser import Browser
from tests.support.issuer_login import login_issuer_at
from tests.support.serving import Serve
from tests.support.sessions import World, log_in


@pytest.fixture
async def world(serve: Serve, valkey_url: str, signing_key: str) -> AsyncIterator[World]:
    """Everything but a gateway: a test opens one or several."""
    world = World(serve, await login_issuer_at(serve), valkey_url, signing_key)
    yield world
    await world.close()


@pytest.fixture
async def browser(world: World) -> Browser:
    """A browser, for which a gateway without local copies is the shop."""
    return world.browser(await world.gateway())


@pytest.fixture
async def valkey(valkey_url: str) -> AsyncIterator[Valkey]:
    """The gateways' Valkey."""
    async with Valkey.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def caller(world: World, token_settings: TokenSettings) -> Callable[[], Identity]:
    """`caller()`: on whose behalf `things` was called last."""
    verifier = Verifier(token_settings, "things")

    def told() -> Identity:
        (header,) = world.things.last.all(b"authorization")
        return verifier.caller(header.decode())

    return told


@pytest.fixture
async def reader(world: World, browser: Browser) -> Browser:
    """A browser that has logged in; `things` was not called since."""
    await log_in(browser)
    world.things.requests.clear()
    return browser
