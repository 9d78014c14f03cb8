"""The OpenID Connect provider, as this gateway asks it."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack
from typing import Any, Final, Self

import httpx

from gateway.oidc.access import AccessTokens, Revocations
from gateway.oidc.claims import ID, LOGOUT, LOGOUT_AGE, LogoutToken, Proof, check_id, logout_of
from gateway.oidc.errors import ProviderUnavailable
from gateway.oidc.flight import Flight
from gateway.oidc.http import Answered, ask, new_client
from gateway.oidc.jwks import Key, keys_in
from gateway.oidc.keys import Keys
from gateway.oidc.metadata import Metadata, Way
from gateway.oidc.settings import IssuerSettings
from gateway.oidc.tokens import OK, Tokens, basic, check

__all__ = ["Metadata", "Provider", "Tokens"]

log = logging.getLogger(__name__)

TRIED_AGAIN: Final = 1.0
"""Seconds after which what could not be read is tried again in the background; each time twice as many."""

TRIED_AT_LEAST: Final = 10.0
"""Seconds between two of these tries at most."""


class Provider:
    """Knows the issuer's endpoints and keys, and asks it for tokens. The issuer may come up later than this.

    Args:
        settings: which issuer it is.
        client_id: by which it knows the gateway; empty when the gateway only verifies tokens.
        client_secret: proves that; a client without one is public.
        http: asks it; one of its own when left out.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        *,
        client_id: str = "",
        client_secret: str = "",
        http: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.keys = Keys(self._fetch_keys)
        self.proof = Proof(settings, self.keys, clock)
        self._client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._way = Way(settings)
        self._given = http
        self._opened: httpx.AsyncClient | None = http
        self._metadata: Metadata | None = None
        self._discovery = Flight(self._fetch_metadata)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if self._given is None:
            self._opened = await self._stack.enter_async_context(new_client())
        self._stack.push_async_callback(self._discovery.close)
        self._stack.push_async_callback(self.keys.close)
        keeping = asyncio.create_task(self._keep_fresh())
        self._stack.push_async_callback(_ended, keeping)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()
        self._opened = self._given

    def access_tokens(self, revocations: Revocations | None = None) -> AccessTokens:
        """What tells its true access tokens from false ones, those among them that were revoked."""
        return AccessTokens(self.settings, self.proof, self.keys, revocations=revocations, clock=self._clock)

    async def metadata(self) -> Metadata:
        """What the issuer says of itself.

        Raises:
            ProviderUnavailable: it cannot be asked, and has not been.
        """
        return self._metadata or await self._discovery.land()

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """The tokens for a code that a browser brought (RFC 6749, 4.1.3, with the verifier of RFC 7636).

        Raises:
            TokenRefused: the issuer does not take the code.
            ProviderUnavailable: there is no answer.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return await self._tokens({**form, "code_verifier": verifier})

    async def refresh(self, refresh_token: str) -> Tokens:
        """New tokens for a refresh token, which may end by that: the answer has the next one.

        Raises:
            TokenRefused: the issuer does not take it: `invalid_grant` when the login has ended.
            ProviderUnavailable: there is no answer.
        """
        return await self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def revoke(self, refresh_token: str) -> None:
        """Give a refresh token back (RFC 7009), where the issuer has a place for it.

        Raises:
            TokenRefused: the issuer does not let this client do so.
            ProviderUnavailable: there is no answer.
        """
        if endpoint := (await self.metadata()).revocation_endpoint:
            form = {"token": refresh_token, "token_type_hint": "refresh_token"}
            check(await self._post(endpoint, form))

    async def id_token(self, token: str, nonce: str | None) -> dict[str, Any]:
        """The claims of an ID token that was given to this client.

        Args:
            token: the ID token.
            nonce: the one that the login began with; None with tokens of a refresh, which need none.

        Raises:
            InvalidToken: it is not true, or another login's.
            ProviderUnavailable: whether it is cannot be found out.
        """
        claims = (await self.proof.of(token, ID)).claims
        check_id(claims, self._client_id, nonce)
        return claims

    async def logout_token(self, token: str, audiences: Collection[str]) -> LogoutToken:
        """Who is logged out, by a token for one of these clients; that its `jti` is new is not looked at.

        Raises:
            InvalidToken: it is not true, or something else.
            ProviderUnavailable: whether it is cannot be found out.
        """
        claims = (await self.proof.of(token, LOGOUT)).claims
        return logout_of(claims, audiences, self._clock() - LOGOUT_AGE - self.settings.skew)

    async def _tokens(self, form: dict[str, str]) -> Tokens:
        endpoint = (await self.metadata()).token_endpoint
        return Tokens.read(await self._post(endpoint, form | self.settings.asked_for))

    async def _post(self, url: str, form: dict[str, str]) -> Answered:
        headers = {}
        if self._client_secret:
            headers["authorization"] = basic(self._client_id, self._client_secret)
        else:
            form = {**form, "client_id": self._client_id}
        return await ask(self._http, "POST", self._way.to(url), form=form, headers=headers)

    async def _fetch_metadata(self) -> Metadata:
        document = await self._get(self._way.document)
        self._metadata = Metadata.read(document, self.settings.url)
        return self._metadata

    async def _fetch_keys(self) -> list[Key]:
        document = await self._get(self._way.to((await self.metadata()).jwks_uri))
        return keys_in(document, self.settings.algorithms)

    async def _get(self, url: str) -> dict[str, Any]:
        answered = await ask(self._http, "GET", url)
        if answered.status != OK:
            raise ProviderUnavailable(f"{url} answered {answered.status}")
        return answered.object()

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._opened is None:
            raise RuntimeError("The provider is not open.")
        return self._opened

    async def _keep_fresh(self) -> None:
        """Read the document and the keys now, and anew every so often; what was read last stays in force."""
        soon = TRIED_AGAIN
        while True:
            try:
                await self._discovery.land()
                await self.keys.refresh()
            except ProviderUnavailable as failure:
                log.warning("the issuer's document and keys cannot be read: %s", failure)
                pause, soon = min(soon, self.settings.keys_every), min(2 * soon, TRIED_AT_LEAST)
            else:
                pause, soon = self.settings.keys_every, TRIED_AGAIN
            await asyncio.sleep(pause)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
