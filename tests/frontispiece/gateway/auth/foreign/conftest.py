"""A gateway, made as in production, in front of a provider that is not ours."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from frontispiece.gateway.app import GatewaySettings, create_app
from frontispiece.gateway.auth.oidc import IssuerSettings
from frontispiece.gateway.auth.session import SessionSettings
from frontispiece.security import Identity, Verifier
from frontispiece.server.sockets import address, bound
from frontispiece.settings import Directory, TokenSettings
from tests.frontispiece.gateway.auth.foreign.process import ForeignProvider, lacking
from tests.support.browser import Browser
from tests.support.serving import Serve
from tests.support.sessions import StoredSessions
from tests.support.stub import Stub
from tests.support.tables import route, route_table

SHOP = "https://shop.example/api"
"""By which URI the provider knows the API."""

CLAIMS = json.dumps({"id_token": {"name": None, "email": None}})

ROUTES = route_table(
    route("/"),
    route("/web/mine", auth="session", scopes=["shop"]),
    route("/phone", auth="bearer", scopes=["shop"]),
    session={"scopes": ["openid", "profile", "email", "offline_access", "shop"]},
)

Client = dict[str, Any]


class Shop(StoredSessions):
    """A gateway at an address of its own, with all that a test looks at."""

    def __init__(self, origin: str, valkey_url: str) -> None:
        super().__init__(valkey_url, origin)
        self.things = Stub()
        self.client: Client = {}
        self.mine = f"{origin}/web/mine"

    def at(self, suffix: str) -> str:
        """A URL of the token handler."""
        return f"{self.origin}/web/session/{suffix}"


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
        sock = bound()
        origin = f"http://{address(sock)}"
        shop = Shop(origin, self._valkey_url)
        shop.client = client or await provider.register(**_client_at(origin), **metadata)
        settings = GatewaySettings(
            routes=self._routes,
            signing_key=self._signing_key,
            directory=Directory(services={"things": await self._serve(shop.things)}),
            issuer=IssuerSettings(
                url=provider.url,
                audience="shop",
                algorithms=["RS256", "ES256", "EdDSA"],
                resource=SHOP,
                login_parameters={"prompt": "consent", "claims": CLAIMS},
            ),
            session=SessionSettings(
                origin=origin,
                valkey_url=self._valkey_url,
                encryption_keys=shop.keys,
                client_id=shop.client["client_id"],
                client_secret=shop.client["client_secret"],
                local_cache_ttl=0,
            ),
        )
        await self._serve(create_app(settings), sock)
        return shop

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
