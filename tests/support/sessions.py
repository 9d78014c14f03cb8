"""Gateways with sessions on real sockets: one issuer, one Valkey, browsers, and services to be looked at."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec

from frontispiece.gateway.app import Gateway
from frontispiece.gateway.auth.oidc import Provider
from frontispiece.gateway.auth.session import SessionSettings, cookies
from frontispiece.gateway.auth.session.record import SessionRecord
from frontispiece.gateway.auth.session.valkey_store import SessionStore
from frontispiece.gateway.config import table
from frontispiece.gateway.runtime import Runtime
from frontispiece.security import Keyring, Signer, new_key
from frontispiece.settings import Directory
from tests.support.browser import Browser
from tests.support.issuer_login import SECRET, LoginIssuer
from tests.support.serving import Serve, nobody_there
from tests.support.stub import Stub
from tests.support.tables import route, route_table
from tests.support.waiting import TIMEOUT

ORIGIN = "https://shop.example"
SESSION = "__Host-Http-session"
GUEST = "__Host-Http-guest"
PROBLEM = "urn:frontispiece:problem:"
RETENTION = 3600
"""Seconds that ended logins are remembered for."""

MANY_SECONDS = 60
"""How long a local copy is believed where a test wants it to be."""

ROUTES = route_table(
    route("/web/shown", auth="session", methods=["GET", "POST"], guest=True, scopes=["shop"]),
    route("/web/mine", auth="session", methods=["GET", "POST"]),
    route("/web/written", auth="session", methods=["POST"], scopes=["shop", "stock:write"]),
    route("/web/live", auth="session", websocket={}),
    route("/web/chat", to="chat", auth="session", websocket={}),
    route("/web/recent", auth="session", max_age="5m"),
    route("/web/strong", auth="session", acr_values=["mfa", "passkey"]),
    route("/web/staff", auth="session", claims={"groups": "staff"}),
    route("/web/by-key", auth="session", claims={"amr": "hwk"}),
    route("/phone", auth="bearer"),
    session={
        "scopes": ["openid", "profile", "email", "shop"],
        "guest_merge": ["baskets:/baskets/{user}/adoption"],
    },
)


class StoredSessions:
    """The sessions of gateways in their Valkey, for a look inside."""

    def __init__(self, valkey_url: str, origin: str) -> None:
        self.valkey_url = valkey_url
        self.origin = origin
        self.keys = [new_key()]

    @asynccontextmanager
    async def store(self) -> AsyncIterator[SessionStore]:
        """The gateways' store, for a look inside."""
        store = SessionStore(self.valkey_url, Keyring(self.keys), RETENTION)
        async with store.valkey:
            yield store

    async def session(self, browser: Browser) -> SessionRecord:
        """The session that the browser's cookie names, as it is stored."""
        async with self.store() as store:
            found = await store.peek(key_of(browser, self.origin))
        assert found is not None
        return found[0]

    async def change(self, browser: Browser, **changed: Any) -> None:
        """Have the browser's session another way, as if time had gone by."""
        async with self.store() as store:
            key = key_of(browser, self.origin)
            assert await store.change(key, lambda stored: msgspec.structs.replace(stored, **changed))

    async def expire(self, browser: Browser) -> None:
        """Have its tokens expired."""
        await self.change(browser, refresh_at=0.0, tokens_expire_at=0.0)


class World(StoredSessions):
    """All that a test may look at and change."""

    def __init__(self, serve: Serve, issuer: LoginIssuer, valkey_url: str, signing_key: str) -> None:
        super().__init__(valkey_url, ORIGIN)
        self.issuer = issuer
        self.things, self.baskets = Stub(), Stub()
        self.gateways: list[Gateway] = []
        self._serve = serve
        self._signer = Signer(signing_key, "gateway")
        self.services = {"chat": nobody_there()}
        self._browsers: list[Browser] = []

    async def gateway(self, *, valkey_url: str | None = None, **changed: Any) -> str:
        """The address of a new gateway, with settings changed as a test wants."""
        if "things" not in self.services:
            self.services["things"] = await self._serve(self.things)
            self.services["baskets"] = await self._serve(self.baskets)
        usual: dict[str, Any] = {
            "origin": ORIGIN,
            "valkey_url": valkey_url or self.valkey_url,
            "encryption_keys": self.keys,
            "client_secret": SECRET,
            "local_cache_ttl": 0,
        }
        runtime = Runtime(
            Directory(services=self.services),
            signer=self._signer,
            provider=Provider(self.issuer.settings, client_id="web", client_secret=SECRET),
            session=SessionSettings(**(usual | changed)),
            docs=True,
        )
        gateway = Gateway(table.parse(ROUTES), runtime)
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


def key_of(browser: Browser, origin: str = ORIGIN) -> str:
    """The store key of the browser's session, a user's or a guest's."""
    value = browser.cookie(origin, SESSION) or browser.cookie(origin, GUEST)
    assert value is not None
    return cookies.store_key(value)


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
    assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    return answer.status_code, answer.json()["type"].removeprefix(PROBLEM)


async def until(happens: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return as soon as it has happened."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            result = happens()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(0.01)


async def becomes(expected: object, ask: Callable[[], Awaitable[object]]) -> None:
    """Ask until this is the result, or the status of the response."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            result = await ask()
            if expected == (result.status_code if isinstance(result, httpx.Response) else result):
                return
            await asyncio.sleep(0.01)
