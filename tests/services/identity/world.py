"""A provider with three clients and a clock that tests set, and what clients do with it."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import jwt
from fastapi import FastAPI

from frontispiece.security import new_key
from frontispiece.settings import TokenSettings
from services.identity.app import create_app
from services.identity.settings import IdentitySettings
from shop.demo import PASSWORD
from tests.services.identity.browser import Browser, Public, page
from tests.support.clock import START, Clock

ORIGIN = "http://127.0.0.1:8080"
ISSUER = f"{ORIGIN}/identity"
SECRET = "the-secret-of-the-web-client-in-these-tests"
WEB = f"{ORIGIN}/web/session/callback"
WEB_HOME = f"{ORIGIN}/"
SEALED_WITH = new_key()
AGENTS = f"{ORIGIN}/agent/mcp"
MOBILE = "com.frontispiece.shop:/callback"

Json = dict[str, Any]


def clients(told_at: str | None = None) -> Json:
    """The clients of the shop, two of which are told at one address."""
    return {
        "web": {
            "secret": SECRET,
            "redirect_uris": [WEB],
            "post_logout_redirect_uris": [WEB_HOME],
            "backchannel_logout_uri": told_at,
        },
        "mobile": {
            "redirect_uris": [MOBILE, "https://shop.example/app/callback"],
            "backchannel_logout_uri": told_at,
        },
        "agent": {"redirect_uris": [MOBILE], "scopes": ["shop"], "resource": AGENTS},
    }


def settings(url: str, tokens: TokenSettings, **changes: Any) -> IdentitySettings:
    """Settings that work, with passwords that cost little."""
    given: Json = {
        "database_url": url,
        "issuer": ISSUER,
        "clients": clients(),
        "encryption_keys": [SEALED_WITH],
        "argon2_memory_cost": 8,
        "argon2_time_cost": 1,
        "seed": True,
        "tokens": tokens,
    }
    return IdentitySettings(**(given | changes))


def pkce(verifier: str | None = None) -> tuple[str, str]:
    """A code verifier, a good one unless it is given, and its challenge."""
    verifier = verifier or secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).decode().rstrip("=")


def parameters_of(response: httpx.Response) -> dict[str, str]:
    """What a client is told at its redirect URI."""
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


class World:
    """The provider, and clients of it."""

    def __init__(self, app: FastAPI, clock: Clock) -> None:
        self.app = app
        self.clock = clock
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(Public(app)), base_url=ISSUER)
        self.verifier, self.challenge = pkce()

    def browser(self, address: str = "203.0.113.1") -> Browser:
        """Somebody's browser."""
        return Browser(self.app, ISSUER, address)

    def parameters(self, client: str = "web", **changes: str | None) -> dict[str, str]:
        """An authorization request; a change to None leaves a parameter out."""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": WEB if client == "web" else MOBILE,
            "scope": "openid profile email shop",
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (parameters | changes).items() if value is not None}

    async def log_in(
        self,
        browser: Browser,
        client: str = "web",
        *,
        name: str = "shopper",
        password: str = PASSWORD,
        **changes: str | None,
    ) -> httpx.Response:
        """Log in at the login page; what the browser is answered."""
        page = await browser.get("/authorize", params=self.parameters(client, **changes))
        assert page.status_code == 200, page.text
        return await browser.submit(page, username=name, password=password)

    async def code(self, browser: Browser, client: str = "web", **changes: str | None) -> str:
        """The code of a browser that is logged in already, or logs in now."""
        response = await browser.get("/authorize", params=self.parameters(client, **changes))
        if response.status_code == 200:
            is_login = "username" in page(response).forms[0].fields
            entered = {"username": "shopper", "password": PASSWORD} if is_login else {"decision": "allow"}
            response = await browser.submit(response, **entered)
        return parameters_of(response)["code"]

    async def token(self, client: str = "web", proof: str | None = None, **fields: str) -> httpx.Response:
        """Ask the token endpoint as a client of this name does, perhaps with a DPoP proof."""
        headers = {} if proof is None else {"DPoP": proof}
        if client == "web":
            return await self.http.post("/token", data=fields, auth=(client, SECRET), headers=headers)
        return await self.http.post("/token", data={"client_id": client, **fields}, headers=headers)

    async def redeem(
        self, code: str, client: str = "web", proof: str | None = None, **changes: str
    ) -> httpx.Response:
        """Ask for the tokens of a code."""
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": WEB if client == "web" else MOBILE,
            "code_verifier": self.verifier,
        }
        return await self.token(client, proof, **(fields | changes))

    async def refresh(
        self, token: str, client: str = "mobile", proof: str | None = None, **more: str
    ) -> httpx.Response:
        """Ask for new tokens."""
        return await self.token(client, proof, grant_type="refresh_token", refresh_token=token, **more)

    async def tokens(self, browser: Browser, client: str = "web", **changes: str | None) -> Json:
        """The tokens of a whole login."""
        response = await self.redeem(await self.code(browser, client, **changes), client)
        assert response.status_code == 200, response.text
        body: Json = response.json()
        return body

    async def userinfo(self, access: str) -> httpx.Response:
        """What the provider says of an access token's user."""
        return await self.http.get("/userinfo", headers={"Authorization": f"Bearer {access}"})

    async def verified(self, token: str, audience: str) -> Json:
        """The claims of a token, verified as anybody can."""
        header = jwt.get_unverified_header(token)
        keys = (await self.http.get("/jwks")).json()["keys"]
        key = next(jwt.PyJWK(key) for key in keys if key["kid"] == header["kid"])
        claims: Json = jwt.decode(
            token,
            key,
            algorithms=[header["alg"]],
            audience=audience,
            issuer=ISSUER,
            options={"verify_exp": False, "verify_iat": False},  # its time is the test's
        )
        return claims


@asynccontextmanager
async def world(settings: IdentitySettings, clock: Clock | None = None) -> AsyncIterator[World]:
    """A provider that runs."""
    clock = clock or Clock(START)
    app = create_app(settings, clock=clock)
    async with app.router.lifespan_context(app):
        yield World(app, clock)
