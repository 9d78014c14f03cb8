"""Gateways with sessions on real sockets: one issuer, one Valkey, browsers, and services to be looked at."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
import valkey.asyncio

from gateway import table
from gateway.app import Gateway
from gateway.oidc import Provider
from gateway.session import SessionSettings, cookies
from gateway.session.record import Session
from gateway.session.server import Server
from gateway.session.store import Store
from kit.sealing import Ring, new_key
from kit.settings import Directory, TokenSettings
from kit.tokens import Identity, Signer, Verifier
from tests.support.browser import Browser
from tests.support.issuer_login import SECRET, LoginIssuer, login_issuer_at
from tests.support.serving import Serve
from tests.support.stub import Stub

ORIGIN = "https://shop.example"
SESSION = "__Host-Http-session"
PROBLEM = "urn:frontispiece:problem:"
MANY_SECONDS = 60
"""How long a local copy is believed where a test wants it to be."""

ROUTES = """
[services.things]
url = "registry://things"

[services.baskets]
url = "registry://baskets"

[session]
scopes = ["openid", "profile", "email", "shop"]
adopt = ["baskets:/baskets/{user}/adoption"]

[[routes]]
path = "/web/shown"
methods = ["GET", "POST"]
to = "things"
auth = "session"
guest = true
scopes = ["shop"]

[[routes]]
path = "/web/mine"
methods = ["GET", "POST"]
to = "things"
auth = "session"

[[routes]]
path = "/web/written"
methods = ["POST"]
to = "things"
auth = "session"
scopes = ["shop", "stock:write"]

[[routes]]
path = "/web/live"
to = "things"
auth = "session"
websocket = {}

[[routes]]
path = "/phone"
to = "things"
auth = "bearer"
"""


class World:
    """All that a test may look at and change."""

    def __init__(self, serve: Serve, issuer: LoginIssuer, valkey_url: str, signing_key: str) -> None:
        self.issuer = issuer
        self.valkey_url = valkey_url
        self.keys = [new_key()]
        self.things, self.baskets = Stub(), Stub()
        self.gateways: list[Gateway] = []
        self._serve = serve
        self._signer = Signer(signing_key, "gateway")
        self._services: dict[str, str] = {}
        self._browsers: list[Browser] = []

    async def gateway(self, *, valkey_url: str | None = None, **changed: Any) -> str:
        """The address of a new gateway, with settings changed as a test wants."""
        if not self._services:
            self._services = {
                "things": await self._serve(self.things),
                "baskets": await self._serve(self.baskets),
            }
        usual: dict[str, Any] = {
            "origin": ORIGIN,
            "valkey_url": valkey_url or self.valkey_url,
            "keys": self.keys,
            "client_secret": SECRET,
            "local_seconds": 0,
        }
        gateway = Gateway(
            table.parse(ROUTES),
            Directory(services=self._services),
            signer=self._signer,
            provider=Provider(self.issuer.settings, client_id="web", client_secret=SECRET),
            session=SessionSettings(**(usual | changed)),
        )
        self.gateways.append(gateway)
        return await self._serve(gateway)

    def browser(self, gateway: str) -> Browser:
        """A new browser, for which this gateway is the shop."""
        self._browsers.append(Browser({ORIGIN: gateway}))
        return self._browsers[-1]

    async def close(self) -> None:
        """Let go of every connection of the browsers."""
        for browser in self._browsers:
            await browser.close()

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """The gateways' store, for a look inside."""
        async with Server(self.valkey_url) as server:
            yield Store(server, Ring(self.keys))

    async def kept(self, browser: Browser) -> Session | None:
        """The session that the browser's cookie names, as it is kept."""
        async with self.store() as store:
            found = await store.look(key_of(browser))
        return found[0] if found else None

    async def change(self, browser: Browser, **changed: Any) -> None:
        """Have the browser's session another way, as if time had gone by."""
        async with self.store() as store:
            key = key_of(browser)
            assert await store.change(key, lambda kept: msgspec.structs.replace(kept, **changed))

    async def expire(self, browser: Browser) -> None:
        """Have its tokens expired."""
        await self.change(browser, renewed=0.0, expires=0.0)


def key_of(browser: Browser) -> str:
    """Where the browser's session is kept."""
    value = browser.cookie(ORIGIN, SESSION)
    assert value is not None
    return cookies.key_of(value)


async def log_in(browser: Browser, return_to: str = "/web/shown", *, start: str = ORIGIN) -> httpx.Response:
    """What the browser shows when it has logged in by a link on a page of `start`."""
    query = urlencode({"return_to": return_to})
    return await browser.navigate(f"{ORIGIN}/web/session/login?{query}", start=start)


async def user(browser: Browser) -> Any:
    """What `/user` tells."""
    answer = await browser.fetch(f"{ORIGIN}/web/session/user")
    assert answer.status_code == 200, answer.text
    return answer.json()


def kind(answer: httpx.Response) -> tuple[int, str]:
    """Status and name of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)


async def until(happens: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Return as soon as it has happened."""
    async with asyncio.timeout(seconds):
        while not await happens():  # noqa: ASYNC110 (what happens in another process tells nobody)
            await asyncio.sleep(0.01)


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
async def kept(valkey_url: str) -> AsyncIterator[valkey.asyncio.Valkey]:
    """The gateways' Valkey."""
    async with valkey.asyncio.Valkey.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def caller(world: World, token_settings: TokenSettings) -> Callable[[], Identity]:
    """`caller()`: on whose behalf `things` was called last."""
    verifier = Verifier(token_settings, "things")

    def told() -> Identity:
        (header,) = world.things.last.all(b"authorization")
        return verifier.caller(header.decode())

    return told
