"""The client of the OpenID provider: its metadata and keys, kept fresh, and its token endpoint."""

import asyncio
import base64
import logging
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from typing import Any, Final, Self
from urllib.parse import quote_plus

import httpx

from frontispiece import clocks
from frontispiece.aio.background import BackgroundTasks
from frontispiece.aio.single_flight import SingleFlight
from frontispiece.gateway.auth.oidc.access_tokens import AccessTokens, IsRevoked
from frontispiece.gateway.auth.oidc.claims import (
    ANY_USER,
    ID,
    LOGOUT,
    LOGOUT_TOKEN_LIFETIME,
    LogoutToken,
    Subjects,
    TokenVerifier,
    check_id_token,
    read_logout_token,
)
from frontispiece.gateway.auth.oidc.documents import OK, Metadata, TokenResponse, raise_for_error
from frontispiece.gateway.auth.oidc.http import TIMEOUT, ProviderUnavailable, Response, send
from frontispiece.gateway.auth.oidc.introspection import Introspection
from frontispiece.gateway.auth.oidc.jwks import FAILURE_PAUSE, JwksFile, KeySet, VerificationKey, read_jwks
from frontispiece.gateway.auth.oidc.settings import DISCOVERY, OFF, IssuerSettings
from frontispiece.http.client import new_client

log = logging.getLogger(__name__)

FIRST_RETRY: Final = 1.0
"""Seconds until a failed read is retried in the background; doubled each time."""

MAX_RETRY: Final = 10.0

FILE_POLL: Final = 1.0
"""Seconds between two looks whether the key set's file has changed."""


class Provider:
    """The OpenID provider. It may start later than this client: until then calls raise `ProviderUnavailable`.

    With `ISSUER_JWKS` there are no metadata, and only access tokens are verified.

    Args:
        client_id: this gateway's; empty when it only verifies tokens.
        client_secret: empty for a public client.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        *,
        client_id: str = "",
        client_secret: str = "",
        subjects: Subjects = ANY_USER,
        clock: Callable[[], float] = clocks.now,
    ) -> None:
        self.settings = settings
        self.keys = KeySet(self._fetch_keys)
        self.verifier = TokenVerifier(settings, self.keys, clock)
        self._client_id = client_id
        self._client_secret = client_secret
        self._subjects = subjects
        self.clock = clock
        self._jwks_file = JwksFile(settings.jwks_file) if settings.jwks_file else None
        self._client: httpx.AsyncClient | None = None
        self._metadata: Metadata | None = None
        self._discovery = SingleFlight(
            "the issuer's metadata", expected=(ProviderUnavailable,), failure_pause=FAILURE_PAUSE
        )
        self._introspection = (
            None if settings.introspection == OFF else Introspection(self._introspect, clock)
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._client = await self._stack.enter_async_context(new_client(timeout=TIMEOUT))
        self._stack.push_async_callback(self._discovery.close)
        self._stack.push_async_callback(self.keys.close)
        if self._introspection is not None:
            self._stack.push_async_callback(self._introspection.close)
        tasks = await self._stack.enter_async_context(BackgroundTasks(shutdown_timeout=0))
        tasks.start(self._refresh_loop())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()
        self._client = None

    def access_tokens(self, is_revoked: IsRevoked | None = None) -> AccessTokens:
        """A verifier of the issuer's access tokens."""
        return AccessTokens(
            self.settings,
            self.verifier,
            self.keys,
            introspection=self._introspection,
            subjects=self._subjects,
            is_revoked=is_revoked,
            clock=self.clock,
        )

    async def metadata(self) -> Metadata:
        """The issuer's metadata.

        Raises:
            ProviderUnavailable: they cannot be read, and have not been before.
        """
        return self._metadata or await self._discover()

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> TokenResponse:
        """The tokens for an authorization code (RFC 6749, 4.1.3, with the verifier of RFC 7636).

        Raises:
            TokenRefused: the issuer rejects the code.
            ProviderUnavailable: there is no response.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._tokens({**form, "code_verifier": verifier})

    async def refresh(self, refresh_token: str) -> TokenResponse:
        """New tokens for a refresh token, which may be used up by that: the response has the next one.

        Raises:
            TokenRefused: the issuer rejects it: `invalid_grant` when the login has ended.
            ProviderUnavailable: there is no response.
        """
        return await self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token (RFC 7009), where the issuer has an endpoint for it.

        Raises:
            TokenRefused: the issuer does not let this client do so.
            ProviderUnavailable: there is no response.
        """
        if endpoint := (await self.metadata()).revocation_endpoint:
            form = {"token": refresh_token, "token_type_hint": "refresh_token"}
            raise_for_error(await self._post(endpoint, form))

    async def _introspect(self, token: str) -> dict[str, Any]:
        """What the issuer says of a token."""
        url: str | None = self.settings.introspection
        if url == DISCOVERY:
            url = (await self.metadata()).introspection_endpoint
        if url is None:
            raise ProviderUnavailable("the issuer's document has no introspection_endpoint")
        settings = self.settings
        client = _basic(settings.introspection_client_id, settings.introspection_client_secret)
        form = {"token": token, "token_type_hint": "access_token"}
        headers = {"authorization": client}
        response = await send(self._http, "POST", settings.to_backend(url), form=form, headers=headers)
        if response.status != OK:
            log.error("the issuer does not introspect tokens: it responded with %d", response.status)
            raise ProviderUnavailable(f"{url} responded with {response.status}")
        return response.json()

    async def id_token(self, token: str, nonce: str | None) -> dict[str, Any]:
        """The claims of an ID token that was issued to this client.

        The nonce is the authorization request's; None with tokens of a refresh, which need none.

        Raises:
            InvalidToken: it is forged, or of another login.
            ProviderUnavailable: the issuer's keys cannot be read.
        """
        claims, _ = await self.verifier.verify(token, ID)
        check_id_token(claims, self._client_id, nonce, self._subjects)
        return claims

    async def logout_token(self, token: str, audiences: Collection[str]) -> LogoutToken:
        """A logout token for one of these clients; that its `jti` is new is for the caller to check.

        Raises:
            InvalidToken: it is forged, or another kind of token.
            ProviderUnavailable: the issuer's keys cannot be read.
        """
        claims, _ = await self.verifier.verify(token, LOGOUT)
        oldest = self.clock() - LOGOUT_TOKEN_LIFETIME - self.settings.clock_skew
        return read_logout_token(claims, audiences, oldest)

    async def _tokens(self, form: dict[str, str]) -> TokenResponse:
        endpoint = (await self.metadata()).token_endpoint
        requested_at = self.clock()
        response = await self._post(endpoint, form | self.settings.token_parameters)
        return TokenResponse.read(response, requested_at)

    async def _post(self, url: str, form: dict[str, str]) -> Response:
        headers = {}
        if self._client_secret:
            headers["authorization"] = _basic(self._client_id, self._client_secret)
        else:
            form = {**form, "client_id": self._client_id}
        return await send(self._http, "POST", self.settings.to_backend(url), form=form, headers=headers)

    async def _fetch_metadata(self) -> Metadata:
        if not self.settings.has_discovery:
            raise RuntimeError("with ISSUER_JWKS the issuer's endpoints are unknown")
        document = await self._get(self.settings.discovery_url)
        self._metadata = Metadata.read(document, self.settings.url)
        return self._metadata

    async def _fetch_keys(self) -> list[VerificationKey]:
        if self._jwks_file is not None:
            document = await self._jwks_file.read()
        else:
            url = (await self.metadata()).jwks_uri if self.settings.has_discovery else self.settings.jwks
            document = await self._get(self.settings.to_backend(url))
        return read_jwks(document, self.settings.algorithms)

    async def _get(self, url: str) -> dict[str, Any]:
        response = await send(self._http, "GET", url)
        if response.status != OK:
            raise ProviderUnavailable(f"{url} responded with {response.status}")
        return response.json()

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            raise RuntimeError("The provider is not open.")
        return self._client

    async def _discover(self) -> Metadata:
        ended, _ = await self._discovery.share(None, self._fetch_metadata, detached=True)
        metadata: Metadata = ended.result()
        return metadata

    async def _refresh_loop(self) -> None:
        """Read metadata and keys, now and at intervals; a failure leaves the previous ones valid."""
        retry, interval = FIRST_RETRY, self.settings.jwks_refresh_interval
        while True:
            try:
                if self.settings.has_discovery:
                    await self._discover()
                await self.keys.refresh()
            except ProviderUnavailable as failure:
                log.warning("the issuer's metadata and keys cannot be read: %s", failure)
                pause, retry = min(retry, interval), min(2 * retry, MAX_RETRY)
            else:
                pause, retry = interval, FIRST_RETRY
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the key set's file has changed."""
        if self._jwks_file is None:
            await asyncio.sleep(seconds)
            return
        end = clocks.monotonic() + seconds
        while (left := end - clocks.monotonic()) > 0:
            await asyncio.sleep(min(left, FILE_POLL))
            if self._jwks_file.has_changed():
                return


def _basic(client_id: str, client_secret: str) -> str:
    """The `Authorization` of a client (RFC 6749, 2.3.1): both are form-encoded before they are joined."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
