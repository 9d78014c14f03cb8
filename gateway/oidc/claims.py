"""What every token of the issuer is verified by, and what its ID and logout tokens are besides."""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import jwt

from gateway.oidc.jwks import Key
from gateway.oidc.keys import LONGEST_ID, Keys
from gateway.oidc.settings import IssuerSettings
from kit.tokens import EXPIRED, InvalidToken, quotable

LONGEST: Final = 8192
"""Characters of a token at most; a longer one is not looked at."""

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

LOGOUT_AGE: Final = 300.0
"""Seconds after its making in which a logout token is believed."""

ACCESS: Final = frozenset({"", "jwt", "at+jwt"})
ID: Final = frozenset({"", "jwt"})
LOGOUT: Final = frozenset({"", "jwt", "logout+jwt"})

Claims = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutToken:
    """Who is logged out (OpenID Connect Back-Channel Logout 1.0): a login, or all of a user's."""

    sub: str | None
    sid: str | None
    jti: str
    iat: float
    audience: frozenset[str]


@dataclass(frozen=True, slots=True)
class Proven:
    """The claims of a token that the issuer has signed, and with which key."""

    claims: Claims
    key: Key


class Proof:
    """Verifies what all tokens of the issuer have in common: kind, signature, issuer and time.

    Args:
        settings: which issuer it is.
        keys: its keys.
        clock: the time in seconds since 1970.
    """

    def __init__(self, settings: IssuerSettings, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._issuer = settings.url
        self._allowed = frozenset(settings.algorithms)
        self._skew = settings.skew
        self._keys = keys
        self._clock = clock

    async def of(self, token: str, kinds: frozenset[str]) -> Proven:
        """What a token of one of these kinds (`typ`) says.

        Raises:
            InvalidToken: it is not true, or not now.
            ProviderUnavailable: whether it is cannot be found out.
        """
        kid, algorithm = self._header(token, kinds)
        key = await self._keys.key(kid, algorithm)
        try:
            claims = jwt.decode(token, key.public, algorithms=[algorithm], options=SIGNATURE_ALONE)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as fault:
            raise InvalidToken(f"The token is not valid: {quotable(fault)}") from None
        self._check(claims)
        return Proven(claims, key)

    def _header(self, token: str, kinds: frozenset[str]) -> tuple[str | None, str]:
        """The key's id and the algorithm; `jku`, `jwk`, `x5u` and `x5c` are nobody's business."""
        if len(token) > LONGEST:
            raise InvalidToken("The token is too long")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as fault:
            raise InvalidToken(f"The token is not valid: {quotable(fault)}") from None
        if "crit" in header:
            raise InvalidToken("The token demands what is not known here")
        if _kind(header.get("typ")) not in kinds:
            raise InvalidToken("The token is of another kind")
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._allowed:
            raise InvalidToken("The token is signed by an algorithm that is not allowed here")
        if kid is not None and (not isinstance(kid, str) or len(kid) > LONGEST_ID):
            raise InvalidToken("The token is signed with a key that is not known here")
        return kid, algorithm

    def _check(self, claims: Claims) -> None:
        now = self._clock()
        if claims.get("iss") != self._issuer:
            raise InvalidToken("The token is of another issuer")
        if now >= instant(claims, "exp") + self._skew:
            raise InvalidToken(EXPIRED)
        begins = max(instant(claims, "iat"), instant(claims, "nbf") if "nbf" in claims else 0)
        if begins > now + self._skew:
            raise InvalidToken("The token is not yet valid")


SIGNATURE_ALONE: Final[Any] = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}
"""The claims are looked at here, by our own clock."""


def _kind(typ: object) -> str | None:
    if typ is None:
        return ""
    return typ.lower().removeprefix("application/") if isinstance(typ, str) and typ else None


def instant(claims: Claims, name: str) -> float:
    """A moment in seconds since 1970.

    Raises:
        InvalidToken: it is none.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidToken(f"The token has no {name}")
    return value


def text(claims: Claims, name: str) -> str | None:
    """A claim that is a text, None when it is missing or empty.

    Raises:
        InvalidToken: it is something else.
    """
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidToken(f"The token's {name} is no text")
    return value or None


def audience(claims: Claims) -> frozenset[str]:
    """For whom the token is."""
    value = claims.get("aud")
    every = value if isinstance(value, list) else [value]
    return frozenset(each for each in every if isinstance(each, str))


def check_id(claims: Claims, client_id: str, nonce: str | None) -> None:
    """Verify what ID tokens have besides (OpenID Connect Core 1.0, 3.1.3.7).

    Raises:
        InvalidToken: it is for somebody else, or of another login.
    """
    aud, azp = audience(claims), claims.get("azp")
    if client_id not in aud:
        raise InvalidToken("The ID token is for another audience")
    if azp != client_id and (azp is not None or len(aud) > 1):
        raise InvalidToken("The ID token was given to another client")
    if nonce is not None and claims.get("nonce") != nonce:
        raise InvalidToken("The ID token is of another login")
    if text(claims, "sub") is None:
        raise InvalidToken("The ID token has no subject")


def logout_of(claims: Claims, audiences: Collection[str], oldest: float) -> LogoutToken:
    """What a logout token says (OpenID Connect Back-Channel Logout 1.0, 2.6).

    Raises:
        InvalidToken: it is something else, for somebody else, or older than that.
    """
    events, aud = claims.get("events"), audience(claims)
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise InvalidToken("The token tells of no logout")
    if "nonce" in claims:
        raise InvalidToken("The token is an ID token")
    if aud.isdisjoint(audiences):
        raise InvalidToken("The logout token is for another audience")
    sub, sid, jti = text(claims, "sub"), text(claims, "sid"), text(claims, "jti")
    if sub is None and sid is None:
        raise InvalidToken("The logout token names nobody")
    if jti is None:
        raise InvalidToken("The logout token has no jti")
    if (iat := instant(claims, "iat")) < oldest:
        raise InvalidToken("The logout token is too old")
    return LogoutToken(sub=sub, sid=sid, jti=jti, iat=iat, audience=aud)
