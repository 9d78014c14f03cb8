"""The tokens of this provider: what they say, and whether one is ours."""

import time
from typing import Any, Final

import jwt
import sqlalchemy as sa

from services.identity.keys import Keys, signed
from services.identity.model import OPENID, Clock, Given, Grant, User, new_secret
from services.identity.settings import IdentitySettings

ACCESS: Final = "at+jwt"
"""The `typ` of access tokens (RFC 9068)."""

IDENTITY: Final = "JWT"
LOGOUT: Final = "logout+jwt"
"""The `typ` of logout tokens (OpenID Connect Back-Channel Logout 1.0, 2.4)."""

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_LASTS: Final = 120
"""Seconds for which a logout token is good: it is made when it is sent."""

LONGEST: Final = 8192
"""Characters of a token at most; a longer one is not looked at."""

SKEW: Final = 5
"""Seconds by which the clocks of two processes of ours may differ."""


class NotOurs(Exception):
    """The token was not made here, or not for this, or is over; the message says why."""


class Tokens:
    """Makes this provider's tokens and knows them again."""

    def __init__(self, settings: IdentitySettings, keys: Keys, clock: Clock = time.time) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock

    async def access(self, grant: Grant, scopes: tuple[str, ...]) -> str:
        """An access token for the shop (RFC 9068)."""
        claims = {
            **self._about(grant.user_id, self._settings.audience, self._settings.access_lasts),
            "client_id": grant.client_id,
            "scope": " ".join(scopes),
            "sid": grant.sid,
            "auth_time": int(grant.auth_time),
        }
        return await self._signed(claims, ACCESS)

    async def identity(self, given: Given, user: User, scopes: tuple[str, ...]) -> str:
        """An ID token for the client that a grant is of."""
        grant = given.grant
        claims = {
            **self._about(user.id, grant.client_id, self._settings.access_lasts),
            "sid": grant.sid,
            "auth_time": int(grant.auth_time),
            **about(user, scopes),
        }
        if given.nonce is not None:
            claims["nonce"] = given.nonce
        return await self._signed(claims, IDENTITY)

    async def logout(self, notice: sa.Row[Any]) -> str:
        """A logout token for the client that a notice is for."""
        claims = {
            **self._about(notice.user_id, notice.client_id, LOGOUT_LASTS),
            "sid": notice.sid,
            "events": {LOGOUT_EVENT: {}},
        }
        return await self._signed(claims, LOGOUT)

    async def read_access(self, token: str) -> dict[str, Any]:
        """The claims of an access token of ours that is not over.

        Raises:
            NotOurs: it is none.
        """
        claims = await self._read(token, ACCESS, audience=self._settings.audience)
        if self._clock() >= claims["exp"] + SKEW:
            raise NotOurs("The token has expired")
        return claims

    async def read_hint(self, token: str) -> dict[str, Any]:
        """The claims of an ID token of ours, however old.

        Raises:
            NotOurs: it is none.
        """
        return await self._read(token, IDENTITY, audience=None)

    async def _read(self, token: str, kind: str, *, audience: str | None) -> dict[str, Any]:
        if len(token) > LONGEST:
            raise NotOurs("The token is too long")
        try:
            header = jwt.get_unverified_header(token)
            key = next(k for k in await self._keys.published() if k.kid == header.get("kid"))
            if header.get("typ") != kind:
                raise NotOurs("The token is of another kind")
            claims: dict[str, Any] = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[key.algorithm],
                audience=audience,
                issuer=self._settings.issuer,
                options={
                    "require": ["exp", "iat", "sub", "aud", "sid"],
                    "verify_aud": audience is not None,
                    "verify_exp": False,  # by our own clock, where it matters
                    "verify_iat": False,
                },
            )
        except StopIteration:
            raise NotOurs("The token was signed with a key that is not ours") from None
        except (jwt.PyJWTError, ValueError) as fault:
            raise NotOurs(f"The token is not valid: {fault}") from None
        return claims

    def _about(self, subject: str, audience: str, lasts: int) -> dict[str, Any]:
        now = int(self._clock())
        return {
            "iss": self._settings.issuer,
            "sub": subject,
            "aud": audience,
            "iat": now,
            "exp": now + lasts,
            "jti": new_secret(),
        }

    async def _signed(self, claims: dict[str, Any], kind: str) -> str:
        return signed(await self._keys.signing(), claims, kind)


def about(user: User, scopes: tuple[str, ...]) -> dict[str, Any]:
    """What a client with these scopes learns of a user (OpenID Connect Core, 5.4)."""
    claims: dict[str, Any] = {}
    if OPENID not in scopes:
        return claims
    if "profile" in scopes:
        claims |= {"name": user.display_name, "preferred_username": user.name}
    if "email" in scopes:
        claims |= {"email": user.email, "email_verified": False}
    return claims
