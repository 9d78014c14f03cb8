"""Access tokens of several issuers on one route."""

from collections.abc import Sequence
from typing import Protocol

from frontispiece.gateway.auth.oidc.access_tokens import AccessToken, AccessTokens
from frontispiece.gateway.auth.oidc.claims import is_jwt
from frontispiece.security import InvalidToken, SignedToken


class TokenVerification(Protocol):
    """What a route needs to identify the callers that bring access tokens."""

    def cached(self, authorization: bytes, resource: str | None = None) -> AccessToken | None:
        """See `AccessTokens.cached`."""

    async def verify(self, token: str, resource: str | None = None) -> AccessToken:
        """See `AccessTokens.verify`."""


class SeveralIssuers:
    """Has each token verified by the issuer that it names, and opaque ones by the issuer that introspects.

    At most one introspects, so that no issuer sees another's tokens.
    """

    def __init__(self, issuers: Sequence[AccessTokens]) -> None:
        self._issuers = issuers

    def cached(self, authorization: bytes, resource: str | None = None) -> AccessToken | None:
        """See `AccessTokens.cached`."""
        for issuer in self._issuers:
            if (cached := issuer.cached(authorization, resource)) is not None:
                return cached
        return None

    async def verify(self, token: str, resource: str | None = None) -> AccessToken:
        """See `AccessTokens.verify`."""
        named = SignedToken(token).unverified_claims.get("iss", "") if is_jwt(token) else None
        for issuer in self._issuers:
            if issuer.introspects if named is None else issuer.url == named:
                return await issuer.verify(token, resource)
        raise InvalidToken("The token is of another issuer")
