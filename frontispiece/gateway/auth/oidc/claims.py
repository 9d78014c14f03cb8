"""Verification of the issuer's tokens: what they have in common, and the rules of ID and logout tokens."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from frontispiece import clocks
from frontispiece.gateway.auth.oidc.jwks import MAX_KID_LENGTH, KeySet, VerificationKey
from frontispiece.gateway.auth.oidc.settings import IssuerSettings
from frontispiece.security import GUEST_PREFIX, InvalidToken, SignedToken, check_times, timestamp

MAX_SUBJECT_LENGTH: Final = 255
"""OpenID Connect Core 1.0, 2."""

LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"

LOGOUT_TOKEN_LIFETIME: Final = 300.0
"""Seconds after its `iat` for which a logout token is accepted."""

ACCESS: Final = frozenset({"", "jwt", "at+jwt"})
AT_JWT: Final = frozenset({"at+jwt"})
ID: Final = frozenset({"", "jwt"})
LOGOUT: Final = frozenset({"", "jwt", "logout+jwt"})
"""The accepted `typ` headers of each kind of token; empty where there is none. `AT_JWT` is RFC 9068's."""

Claims = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutToken:
    """A logout (OpenID Connect Back-Channel Logout 1.0) of the login `sid`, else of all logins of `sub`."""

    sub: str | None
    sid: str | None
    jti: str
    iat: float


def is_jwt(token: str) -> bool:
    """Whether a token has the form of a JWT, valid or not."""
    try:
        return bool(SignedToken(token).header)
    except InvalidToken:
        return False


class TokenVerifier:
    """Verifies what all tokens of the issuer have in common: type, signature, issuer and time."""

    def __init__(
        self, settings: IssuerSettings, keys: KeySet, clock: Callable[[], float] = clocks.now
    ) -> None:
        self._issuer = settings.url
        self._allowed = frozenset(settings.algorithms)
        self._skew = settings.clock_skew
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str, types: frozenset[str]) -> tuple[Claims, VerificationKey]:
        """The claims of a token with one of these `typ` headers, and the key that signed it.

        Raises:
            InvalidToken: malformed, forged, of another issuer or type, expired, or not yet valid.
            ProviderUnavailable: the issuer's keys cannot be read.
        """
        signed = SignedToken(token)
        kid, algorithm = self._check_header(signed.header, types)
        key = await self._keys.key(kid, algorithm)
        claims = signed.claims(key.public, algorithm)
        self.check(claims)
        return claims, key

    def _check_header(self, header: dict[str, Any], types: frozenset[str]) -> tuple[str | None, str]:
        """The key's id and the algorithm; `jku`, `jwk`, `x5u` and `x5c` are ignored."""
        if _type(header.get("typ")) not in types:
            raise InvalidToken("The token is of another type")
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._allowed:
            raise InvalidToken("The token is signed by an algorithm that is not allowed")
        if kid is not None and (not isinstance(kid, str) or len(kid) > MAX_KID_LENGTH):
            raise InvalidToken("The token is signed with an unknown key")
        return kid, algorithm

    def check(self, claims: Claims) -> None:
        """Verify issuer and time.

        Raises:
            InvalidToken: the claims are of another issuer, expired, or not yet valid; or the login was at no
                time, or is still to come, and would be recent for ever.
        """
        if claims.get("iss") != self._issuer:
            raise InvalidToken("The token is of another issuer")
        now = self._clock()
        check_times(claims, now, self._skew)
        if "auth_time" in claims and timestamp(claims, "auth_time") > now + self._skew:
            raise InvalidToken("The token's auth_time is in the future")


def _type(typ: object) -> str | None:
    if typ is None:
        return ""
    return typ.lower().removeprefix("application/") if isinstance(typ, str) and typ else None


def text(claims: Claims, name: str) -> str | None:
    """A claim that is a string; None when it is missing or empty.

    Raises:
        InvalidToken: it is something else.
    """
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidToken(f"The token's {name} is no string")
    return value or None


@dataclass(frozen=True, slots=True)
class Subjects:
    """The users that an issuer may name, so that no issuer can name another's.

    Args:
        prefix: begins the subject of each; empty for the gateway's own issuer.
        reserved: prefixes of other issuers' subjects, and of guests'.
    """

    prefix: str = ""
    reserved: tuple[str, ...] = (GUEST_PREFIX,)

    def of(self, claims: Claims) -> str:
        """The user that the `sub` names.

        Raises:
            InvalidToken: it is missing, too long, or another issuer's or a guest's.
        """
        subject = text(claims, "sub")
        if subject is None or len(self.prefix + subject) > MAX_SUBJECT_LENGTH:
            raise InvalidToken("The token has no subject that can be a user's")
        if not self.prefix and subject.startswith(self.reserved):
            raise InvalidToken("The token has no subject that can be a user's")
        return self.prefix + subject


ANY_USER: Final = Subjects()


def audience(claims: Claims) -> frozenset[str]:
    """The `aud` claim, one or several."""
    value = claims.get("aud")
    every = value if isinstance(value, list) else [value]
    return frozenset(each for each in every if isinstance(each, str))


def check_id_token(claims: Claims, client_id: str, nonce: str | None, subjects: Subjects) -> None:
    """Verify the claims that only ID tokens have (OpenID Connect Core 1.0, 3.1.3.7).

    Raises:
        InvalidToken: it is for another client, or of another login.
    """
    aud, azp = audience(claims), claims.get("azp")
    if client_id not in aud:
        raise InvalidToken("The ID token is for another audience")
    if azp != client_id and (azp is not None or len(aud) > 1):
        raise InvalidToken("The ID token was given to another client")
    if nonce is not None and claims.get("nonce") != nonce:
        raise InvalidToken("The ID token is of another login")
    subjects.of(claims)


def read_logout_token(claims: Claims, audiences: Collection[str], oldest: float) -> LogoutToken:
    """A logout token's claims, verified (OpenID Connect Back-Channel Logout 1.0, 2.6).

    Raises:
        InvalidToken: it is another kind of token, for other clients, or was issued before `oldest`.
    """
    events, aud = claims.get("events"), audience(claims)
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise InvalidToken("The token has no logout event")
    if "nonce" in claims:
        raise InvalidToken("The token is an ID token")
    if aud.isdisjoint(audiences):
        raise InvalidToken("The logout token is for another audience")
    sub, sid, jti = text(claims, "sub"), text(claims, "sid"), text(claims, "jti")
    if sub is None and sid is None:
        raise InvalidToken("The logout token has neither sub nor sid")
    if jti is None:
        raise InvalidToken("The logout token has no jti")
    if (iat := timestamp(claims, "iat")) < oldest:
        raise InvalidToken("The logout token is too old")
    return LogoutToken(sub=sub, sid=sid, jti=jti, iat=iat)
