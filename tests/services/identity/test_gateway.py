"""The provider behind a gateway, both by one clock: tokens that expire, and signing keys that change."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import httpx
import jwt
import pytest

from frontispiece.gateway.app import Gateway
from frontispiece.gateway.auth.oidc import IssuerSettings, Provider
from frontispiece.gateway.auth.session import SessionSettings
from frontispiece.gateway.config import table
from frontispiece.gateway.runtime import Runtime
from frontispiece.security import Signer, new_key
from frontispiece.settings import Directory
from services.identity.app import create_app
from shop.demo import PASSWORD
from tests.services.identity.browser import page
from tests.services.identity.conftest import MakeSettings
from tests.services.identity.world import ISSUER, ORIGIN, SECRET, World
from tests.support.browser import Browser
from tests.support.clock import START, Clock
from tests.support.serving import client_of, servers
from tests.support.stub import Stub
from tests.support.tables import route, route_table

ROUTES = route_table(
    route("/identity/{rest:path}", to="identity:/{rest}", auth="passthrough", methods=["GET", "POST"]),
    route("/web/orders", auth="session"),
    route("/mobile/orders", auth="bearer"),
    session={"scopes": ["openid", "shop"]},
)
OFFLINE = "openid shop offline_access"
CLOCK_SKEW = 10.0
KEY_LIFETIME, PREPUBLISH = 2000.0, 200.0


class Shop(World):
    """The provider, and a gateway that trusts it."""

    def __init__(self, app: Any, clock: Clock, gateway: str) -> None:
        super().__init__(app, clock)
        self.gateway = gateway
        self.calls = client_of(gateway)
        self.browsers: list[Browser] = []

    async def visitor(self, user: str) -> Browser:
        """A browser in which a user has logged in by the gateway."""
        browser = Browser({ORIGIN: self.gateway})
        self.browsers.append(browser)
        form = await browser.navigate(f"{ORIGIN}/web/session/login?return_to=/web/orders", start=ORIGIN)
        filled = {**page(form).forms[0].fields, "username": user, "password": PASSWORD}
        back = await browser.submit(f"{ISSUER}/login", filled, start=ORIGIN)
        await browser.navigate(urljoin(ISSUER, back.headers["location"]), start=ORIGIN)
        return browser

    async def call(self, access_token: str) -> httpx.Response:
        """A phone's call."""
        return await self.calls.get("/mobile/orders", headers={"Authorization": f"Bearer {access_token}"})

    async def close(self) -> None:
        """Close every connection."""
        await self.calls.aclose()
        for browser in self.browsers:
            await browser.close()


@pytest.fixture
async def shop(made: MakeSettings, valkey_url: str, signing_key: str) -> AsyncIterator[Shop]:
    clock = Clock(START)
    app = create_app(made(key_lifetime=KEY_LIFETIME, key_prepublish=PREPUBLISH), clock=clock)
    async with servers() as serve:
        backend, orders = await serve(app), await serve(Stub())
        issuer = IssuerSettings(url=ISSUER, backend_url=backend, audience="shop", clock_skew=CLOCK_SKEW)
        session = SessionSettings(
            origin=ORIGIN, valkey_url=valkey_url, encryption_keys=[new_key()], client_secret=SECRET
        )
        runtime = Runtime(
            Directory(services={"identity": backend, "things": orders}),
            signer=Signer(signing_key, "gateway"),
            provider=Provider(issuer, client_id="web", client_secret=SECRET, clock=clock),
            session=session,
        )
        shop = Shop(app, clock, await serve(Gateway(table.parse(ROUTES), runtime)))
        yield shop
        await shop.close()


async def test_sessions_and_phones_outlive_their_access_tokens_by_refreshing(shop: Shop) -> None:
    reader = await shop.visitor("reader")
    first = await shop.tokens(shop.browser(), "mobile", scope=OFFLINE)
    assert (await shop.call(first["access_token"])).status_code == 200

    shop.clock.advance(first["expires_in"] + CLOCK_SKEW)
    expired = await shop.call(first["access_token"])
    assert (expired.status_code, "expired" in expired.headers["www-authenticate"]) == (401, True)
    assert (await reader.fetch(f"{ORIGIN}/web/orders")).status_code == 200
    assert (await reader.fetch(f"{ORIGIN}/web/session/user")).json()["sub"] == "reader"

    second = (await shop.refresh(first["refresh_token"])).json()
    assert (await shop.call(second["access_token"])).status_code == 200
    third = (await shop.refresh(second["refresh_token"])).json()
    for used in (first, third):
        assert (await shop.refresh(used["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await reader.fetch(f"{ORIGIN}/web/orders")).status_code == 200, "another login has not ended"


async def test_signing_keys_are_rotated_without_a_failed_call(shop: Shop) -> None:
    seen: set[str] = set()

    async def use(user: str, browser: Browser) -> None:
        phone = await shop.refresh(tokens[user])
        tokens[user] = phone.json()["refresh_token"]
        seen.add(jwt.get_unverified_header(phone.json()["access_token"])["kid"])
        called = await shop.call(phone.json()["access_token"]), await browser.fetch(f"{ORIGIN}/web/orders")
        assert [response.status_code for response in called] == [200, 200]

    browsers = {user: await shop.visitor(user) for user in ("clerk", "reader")}
    tokens = {
        user: (await shop.tokens(shop.browser(), "mobile", scope=OFFLINE))["refresh_token"]
        for user in browsers
    }
    for _ in range(4):
        for seconds in (KEY_LIFETIME - PREPUBLISH, PREPUBLISH):  # the next key is published, then it signs
            shop.clock.advance(seconds)
            await asyncio.gather(*(use(user, browser) for user, browser in browsers.items()))
    assert len(seen) == 5
