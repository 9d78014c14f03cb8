"""The provider's tokens: issued, and verified when they come back."""

from typing import Any, Final

import sqlalchemy as sa

from frontispiece.security import InvalidToken, SignedToken
from services.identity.model import OPENID, Clock, Grant, IssuedGrant, User, new_secret
from services.identity.protocol.signing_keys import SigningKeys
from services.identity.settings import IdentitySettings

ACCESS_TYPE: Final = "at+jwt"
"""The `typ` of access tokens (RFC 9068)."""

ID_TYPE: Final = "JWT"
LOGOUT_TYPE: Final = "logout+jwt"
"""The `typ` of logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.4)."""

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_TOKEN_LIFETIME: Final = 120
"""Seconds: it is issued when it is sent."""

CLOCK_SKEW: Final = 5
"""Tolerated clock difference between two processes of this service, in seconds."""


class TokenIssuer:
    """Issues and verifies the provider's tokens."""

    def __init__(self, settings: IdentitySettings, keys: SigningKeys, clock: Clock) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock

    async def access_token(self, grant: Grant, scopes: tuple[str, ...], jkt: str | None = None) -> str:
        """An access token for its client (RFC 9068), bound to the key with this thumbprint (RFC 9449)."""
        claims = {
            **self._claims(
                grant.user_id,
                self._settings.audience_of(grant.client_id),
                self._settings.access_token_lifetime,
            ),
            "client_id": grant.client_id,
            "scope": " ".join(scopes),
            "sid": grant.sid,
            "auth_time": int(grant.auth_time),
        }
        if jkt is not None:
            claims["cnf"] = {"jkt": jkt}
        return await self._keys.sign(claims, ACCESS_TYPE)

    async def id_token(self, issued: IssuedGrant, user: User, scopes: tuple[str, ...]) -> str:
        """An ID token for the grant's client."""
        grant = issued.grant
        claims = {
            **self._claims(user.id, grant.client_id, self._settings.access_token_lifetime),
            "sid": grant.sid,
            "auth_time": int(grant.auth_time),
            **user_claims(user, scopes),
        }
        if issued.nonce is not None:
            claims["nonce"] = issued.nonce
        return await self._keys.sign(claims, ID_TYPE)

    async def logout_token(self, notification: sa.Row[Any]) -> str:
        """A logout token for the notification's client."""
        claims = {
            **self._claims(notification.user_id, notification.client_id, LOGOUT_TOKEN_LIFETIME),
            "sid": notification.sid,
            "events": {LOGOUT_EVENT: {}},
        }
        return await self._keys.sign(claims, LOGOUT_TYPE)

    async def read_access_token(self, token: str, audience: str) -> dict[str, Any]:
        """The claims of an access token for this audience.

        Raises:
            InvalidToken: it is none of ours, or has expired.
        """
        claims = await self._read(token, ACCESS_TYPE, audience=audience)
        if self._clock() >= claims["exp"] + CLOCK_SKEW:
            raise InvalidToken("The token has expired")
        return claims

    async def read_id_token_hint(self, token: str) -> dict[str, Any]:
        """The claims of an ID token, which may have expired.

        Raises:
            InvalidToken: it is none of ours.
        """
        return await self._read(token, ID_TYPE, audience=None)

    async def _read(self, token: str, typ: str, *, audience: str | None) -> dict[str, Any]:
        signed = SignedToken(token)
        kid = signed.header.get("kid")
        key = next((key for key in await self._keys.published() if key.kid == kid), None)
        if key is None or signed.header.get("alg") != key.algorithm:
            raise InvalidToken("The token is signed with an unknown key")
        if signed.header.get("typ") != typ:
            raise InvalidToken("The token is of another type")
        claims = signed.claims(key.private.public_key(), key.algorithm)
        if claims["iss"] != self._settings.issuer:
            raise InvalidToken("The token is of another issuer")
        if audience not in {None, claims["aud"]}:
            raise InvalidToken("The token is for another audience")
        return claims

    def _claims(self, subject: str, audience: str, lifetime: int) -> dict[str, Any]:
        now = int(self._clock())
        return {
            "iss": self._settings.issuer,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + lifetime,
            "jti": new_secret(),
        }


def user_claims(user: User, scopes: tuple[str, ...]) -> dict[str, Any]:
    """The claims about a user that these scopes request (OpenID Connect Core, 5.4)."""
    claims: dict[str, Any] = {}
    if OPENID not in scopes:
        return claims
    if "profile" in scopes:
        claims |= {"name": user.display_name, "preferred_username": user.name}
    if "email" in scopes:
        claims |= {"email": user.email, "email_verified": False}
    return claims
