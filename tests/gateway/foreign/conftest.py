"""A gateway, made as in production, in front of a provider that is not ours."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from front.sockets import address, bound
from gateway.app import GatewaySettings, create_app
from gateway.oidc import IssuerSettings
from gateway.session import SessionSettings, cookies
from gateway.session.record import Session
from gateway.session.server import Server
from gateway.session.store import Store
from kit.sealing import Ring, new_key
from kit.settings import Directory, TokenSettings
from kit.tokens import Identity, Verifier
from tests.gateway.foreign.process import ForeignProvider, lacking
from tests.support.browser import Browser
from tests.support.serving import Serve
from tests.support.stub import Stub

SESSION = "__Host-Http-session"

SHOP = "https://shop.example/api"
"""By which URI the provider knows the API."""

CLAIMS = json.dumps({"id_token": {"name": None, "email": None}})

ROUTES = """
[services.things]
url = "registry://things"

[session]
scopes = ["openid", "profile", "email", "offline_access", "shop"]

[[routes]]
path = "/"
to = "things"
auth = "none"

[[routes]]
path = "/web/mine"
to = "things"
auth = "session"
scopes = ["shop"]

[[routes]]
path = "/phone"
to = "things"
auth = "bearer"
scopes = ["shop"]
"""

Client = dict[str, Any]


class Shop:
    """A gateway at an address of its own, with all that a test looks at."""

    def __init__(self, origin: str, client: Client, things: Stub, valkey_url: str, key: str) -> None:
        self.origin = origin
        self.client = client
        self.things = things
        self.mine = f"{origin}/web/mine"
        self._valkey_url = valkey_url
        self._key = key

    def at(self, suffix: str) -> str:
        """A URL of the token handler."""
        return f"{self.origin}/web/session/{suffix}"

    async def kept(self, browser: Browser) -> Session:
        """The browser's session."""
        async with Server(self._valkey_url) as server:
            found = await Store(server, Ring([self._key])).look(self._key_of(browser))
        assert found is not None
        return found[0]

    async def expire(self, browser: Browser) -> None:
        """Have the tokens of the browser's session expired, as if time had gone by."""
        async with Server(self._valkey_url) as server:
            store = Store(server, Ring([self._key]))
            assert await store.change(self._key_of(browser), _expired)

    def _key_of(self, browser: Browser) -> str:
        value = browser.cookie(self.origin, SESSION)
        assert value is not None
        return cookies.key_of(value)


def _expired(session: Session) -> Session:
    return msgspec.structs.replace(session, renewed=0.0, expires=0.0)


class Town:
    """Opens gateways and browsers."""

    def __init__(self, serve: Serve, folder: Path, signing_key: str, valkey_url: str) -> None:
        self._serve = serve
        self._routes = folder / "routes.toml"
        self._routes.write_text(ROUTES)
        self._signing_key = signing_key
        self._valkey_url = valkey_url
        self.browsers: list[Browser] = []

    async def shop(self, provider: ForeignProvider, *, client: Client | None = None, **metadata: Any) -> Shop:
        """A gateway; without a client of its own the provider registers one, with this metadata."""
        sock, key, things = bound(), new_key(), Stub()
        origin = f"http://{address(sock)}"
        if client is None:
            client = await provider.register(**_client_at(origin), **metadata)
        settings = GatewaySettings(
            routes=self._routes,
            signing_key=self._signing_key,
            directory=Directory(services={"things": await self._serve(things)}),
            issuer=IssuerSettings(
                url=provider.url,
                algorithms=["RS256", "ES256", "EdDSA"],
                resource=SHOP,
                login_parameters={"prompt": "consent", "claims": CLAIMS},
            ),
            session=SessionSettings(
                origin=origin,
                valkey_url=self._valkey_url,
                keys=[key],
                client_id=client["client_id"],
                client_secret=client["client_secret"],
                local_seconds=0,
            ),
        )
        await self._serve(create_app(settings), sock)
        return Shop(origin, client, things, self._valkey_url, key)

    def browser(self) -> Browser:
        """A new browser."""
        self.browsers.append(Browser())
        return self.browsers[-1]


def _client_at(origin: str) -> dict[str, Any]:
    """What docs/identity.md says of the client `web`."""
    return {
        "redirect_uris": [f"{origin}/web/session/callback"],
        "post_logout_redirect_uris": [f"{origin}/"],
        "backchannel_logout_uri": f"{origin}/web/session/backchannel-logout",
        "backchannel_logout_session_required": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
    }


@pytest.fixture(scope="session")
def _runs() -> None:
    if reason := lacking():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def provider(_runs: None) -> Iterator[ForeignProvider]:
    """The provider that is not ours, started once."""
    running = ForeignProvider()
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def own_provider(_runs: None) -> Iterator[ForeignProvider]:
    """One that a test may stop and start; it does not run yet."""
    own = ForeignProvider()
    yield own
    own.close()


@pytest.fixture
async def town(serve: Serve, tmp_path: Path, signing_key: str, valkey_url: str) -> AsyncIterator[Town]:
    """Opens gateways and browsers."""
    town = Town(serve, tmp_path, signing_key, valkey_url)
    yield town
    for browser in town.browsers:
        await browser.close()


@pytest.fixture
def caller(token_settings: TokenSettings) -> Callable[[Shop], Identity]:
    """`caller(shop)`: on whose behalf `things` was called last."""

    def told(shop: Shop) -> Identity:
        (header,) = shop.things.last.all(b"authorization")
        return Verifier(token_settings, "things").caller(header.decode())

    return told
