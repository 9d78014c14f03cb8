"""Access tokens: each is verified once, and its identity cached until it expires or is revoked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from frontispiece import clocks
from frontispiece.aio.expiring_cache import ExpiringCache
from frontispiece.gateway.auth.oidc.claims import (
    ACCESS,
    ANY_USER,
    AT_JWT,
    Claims,
    Subjects,
    TokenVerifier,
    audience,
    is_jwt,
    text,
)
from frontispiece.gateway.auth.oidc.introspection import Introspection
from frontispiece.gateway.auth.oidc.jwks import KeySet
from frontispiece.gateway.auth.oidc.settings import IssuerSettings
from frontispiece.security import Identity, InvalidToken, bound_key, timestamp

CACHE_SIZE: Final = 20_000
"""Verified tokens in the cache."""

MIN_SWEEP_INTERVAL: Final = 1.0
"""Seconds between two removals of expired tokens, at least."""

FOREIGN_CLAIMS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "events"})
"""Claims that only ID tokens and logout tokens have."""

ACCESS_CLAIMS: Final = frozenset({"scope", "scp", "client_id"})
"""Claims of which every access token has one (RFC 9068), and no ID token."""

AUTHENTICATION_CLAIMS: Final = frozenset({"auth_time", "acr", "amr"})
"""Claims about the login, which ID tokens have, and access tokens may have."""

FOREIGN_KINDS: Final = frozenset({"id", "refresh", "offline", "logout"})
"""What `typ` (Keycloak) and `token_use` (Cognito) call other tokens than access tokens."""


BEARER_TYPES: Final = frozenset({"bearer", "access_token"})
"""What issuers call bearer tokens in introspection responses."""

BEARER: Final = "Bearer"
DPOP: Final = "DPoP"

NEVER: Final = 2**52
"""The `exp` of a token for which the issuer names none."""

IsRevoked = Callable[[str | None, str, float], bool]
"""Whether the login `sid` has ended, or all logins of a user after the moment at which a token was issued."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessToken:
    """A verified access token.

    Args:
        expires_at: until when it is accepted, in seconds since 1970.
        sid: the login at the issuer; None where the issuer names none.
        key: the thumbprint of the key that signed it; None when the issuer was asked about it.
        jkt: the thumbprint of the client's key that it is bound to (RFC 9449); None for a bearer token.
    """

    identity: Identity
    claims: Claims
    expires_at: float
    sid: str | None
    audience: frozenset[str]
    key: str | None
    jkt: str | None

    def seconds_left(self, now: float) -> float | None:
        """Until its `exp`, or after it until it is not accepted any more; None where it names none."""
        if "exp" not in self.claims:
            return None
        end = timestamp(self.claims, "exp")
        return (end if end > now else max(self.expires_at, now)) - now

    @property
    def scheme(self) -> str:
        """The scheme of `Authorization` with it: neither kind is accepted as the other."""
        return BEARER if self.jkt is None else DPOP


class AccessTokens:
    """Verifies access tokens; caches the valid ones.

    Args:
        introspection: verifies tokens that are no JWTs; None refuses them.
        keys: the issuer's keys; with a key that is removed, the tokens that it signed leave the cache.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        verifier: TokenVerifier,
        keys: KeySet,
        *,
        introspection: Introspection | None = None,
        subjects: Subjects = ANY_USER,
        is_revoked: IsRevoked | None = None,
        clock: Callable[[], float] = clocks.now,
    ) -> None:
        self.url = settings.url
        """The `iss` of its tokens."""
        self._subjects = subjects
        self._audience = settings.audience
        self._types = AT_JWT if settings.require_at_jwt else ACCESS
        self._require_dpop = settings.require_dpop
        self._max_lifetime = settings.max_token_lifetime
        self._skew = settings.clock_skew
        self._verifier = verifier
        self._introspection = introspection
        self._introspection_ttl = settings.introspection_cache_ttl
        self._is_revoked = is_revoked
        self._clock = clock
        self._cache: ExpiringCache[bytes, AccessToken] = ExpiringCache(CACHE_SIZE, clock)
        self._sweep_timer: asyncio.TimerHandle | None = None
        keys.on_removed(self.evict_other_keys)

    def __len__(self) -> int:
        """The tokens in memory."""
        return len(self._cache)

    @property
    def introspects(self) -> bool:
        """Whether the issuer is asked about tokens that are no JWTs."""
        return self._introspection is not None

    def cached(self, authorization: bytes, resource: str | None = None) -> AccessToken | None:
        """The token in an `Authorization` field that was verified before; None when it has to be verified.

        The field is compared as it came, without decoding it: the scheme is written `Bearer`, for a bound
        token `DPoP`, with one space.
        """
        token = self._cache.get(authorization)
        return token if token is not None and (resource or self._audience) in token.audience else None

    async def verify(self, token: str, resource: str | None = None) -> AccessToken:
        """The token, verified.

        Args:
            token: as the client sends it.
            resource: the audience that it must have (RFC 8707); by default that of the settings.

        Raises:
            InvalidToken: forged, changed, for another audience, expired or revoked.
            ProviderUnavailable: the issuer's keys cannot be read.
        """
        wanted = resource or self._audience
        for scheme in (BEARER, DPOP):  # it may have been written in another way
            if (cached := self._cache.get(_field(scheme, token))) is not None:
                _check_audience(cached.audience, wanted)
                return cached
        if self._introspection is None or is_jwt(token):
            claims, key = await self._verifier.verify(token, self._types)
            verified = self._accept(claims, key.thumbprint, timestamp(claims, "exp") + self._skew, wanted)
        else:
            verified = self._accept_introspected(await self._introspection.claims(token), wanted)
        self._cache.put(_field(verified.scheme, token), verified, verified.expires_at)
        if self._sweep_timer is None:
            self._sweep()
        return verified

    def _accept_introspected(self, claims: Claims, wanted: str) -> AccessToken:
        """The token that the issuer has called active, until it has to be asked again."""
        kind = (text(claims, "token_type") or "bearer").lower()
        if kind not in BEARER_TYPES and not (kind == "dpop" and bound_key(claims)):
            raise InvalidToken("The token is of another type")
        self._verifier.check({"iss": self.url, "iat": 0, "exp": NEVER, **claims})
        until = self._clock() + self._introspection_ttl
        expires_at = min(until, timestamp(claims, "exp") if "exp" in claims else until)
        return self._accept(claims, None, expires_at, wanted)

    def _accept(self, claims: Claims, key: str | None, expires_at: float, wanted: str) -> AccessToken:
        """The token with these verified claims.

        Raises:
            InvalidToken: it is another kind of token, for another audience, or revoked.
        """
        _check_audience(audience(claims), wanted)
        if not _is_access_token(claims):
            raise InvalidToken("The token is of another type")
        identity, sid = _identity(claims, self._subjects), text(claims, "sid")
        issued_at = timestamp(claims, "iat") if "iat" in claims else 0.0  # only an introspected one has none
        if {"iat", "exp"} <= claims.keys() and timestamp(claims, "exp") - issued_at > self._max_lifetime:
            raise InvalidToken("The token's lifetime is too long")
        if self._is_revoked is not None and self._is_revoked(sid, identity.subject, issued_at):
            raise InvalidToken("The token was revoked")
        jkt = bound_key(claims)
        if "cnf" in claims and (jkt is None or len(claims["cnf"]) > 1):
            raise InvalidToken("The token is bound in a way that is not supported")
        if jkt is None and self._require_dpop:
            raise InvalidToken("The token is not bound to a key")
        return AccessToken(
            identity=identity,
            claims=claims,
            expires_at=expires_at,
            sid=sid,
            audience=audience(claims),
            key=key,
            jkt=jkt,
        )

    def evict(self, *, sid: str | None = None, subject: str | None = None) -> None:
        """Remove the tokens of this login, or of this user, from the cache."""
        self._cache.remove_if(
            lambda cached: (
                (sid is not None and cached.sid == sid)
                or (subject is not None and cached.identity.subject == subject)
            )
        )

    def evict_other_keys(self, thumbprints: frozenset[str]) -> None:
        """Remove the tokens that other keys than these have signed from the cache."""
        self._cache.remove_if(lambda cached: cached.key is not None and cached.key not in thumbprints)

    def _sweep(self) -> None:
        """Remove expired tokens, now and when the next ones expire: none is in memory for longer."""
        left = self._cache.sweep()
        self._sweep_timer = None
        if left is not None:
            loop = asyncio.get_running_loop()
            self._sweep_timer = loop.call_later(max(left, MIN_SWEEP_INTERVAL), self._sweep)


def _check_audience(found: frozenset[str], wanted: str) -> None:
    if wanted not in found:
        raise InvalidToken("The token is for another audience")


def _field(scheme: str, token: str) -> bytes:
    return f"{scheme} {token}".encode("utf-8", "surrogatepass")


def _is_access_token(claims: Claims) -> bool:
    if not FOREIGN_CLAIMS.isdisjoint(claims) or any(
        str(claims.get(name)).lower() in FOREIGN_KINDS for name in ("typ", "token_use")
    ):
        return False
    return AUTHENTICATION_CLAIMS.isdisjoint(claims) or not ACCESS_CLAIMS.isdisjoint(claims)


def _identity(claims: Claims, subjects: Subjects) -> Identity:
    return Identity(
        subject=subjects.of(claims),
        scopes=_scopes(claims),
        client=text(claims, "client_id") or text(claims, "azp") or "",
    )


def _scopes(claims: Claims) -> frozenset[str]:
    """`scope` is a string (RFC 9068), `scp` a list at some providers."""
    scopes = claims.get("scope", claims.get("scp", ""))
    every = scopes if isinstance(scopes, list) else str(scopes).split()
    return frozenset(each for each in every if isinstance(each, str))
