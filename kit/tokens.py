"""Bearer tokens: signed with Ed25519, verified by everyone who receives one."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from cachetools import LRUCache

from kit.problems import Problem
from kit.settings import TokenSettings

ALGORITHM = "EdDSA"

KEPT = 60.0
"""Seconds that a token is believed without another look at its signature."""

MOST_KEPT = 10_000
"""How many tokens are kept at the same time; beyond, the one unseen for longest is forgotten."""

EXPIRED = "The token has expired"


class InvalidToken(Exception):
    """The token is not one of ours, or not any more; the message says why in words for its sender."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Who is calling, as a verified token says."""

    subject: str
    scopes: frozenset[str]
    token: str


class Verifier:
    """Tells true tokens from false ones, and keeps for a while what it found true: signatures cost 200 µs.

    What it found false is not kept: that would let anybody push out the others. For a single thread.

    Args:
        settings: whose tokens are true.
        clock: the time in seconds since 1970.
    """

    def __init__(self, settings: TokenSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._known: LRUCache[str, tuple[Identity, float]] = LRUCache(MOST_KEPT)

    def verify(self, token: str) -> Identity:
        """The identity a token proves: whole, unchanged and not expired at this very moment.

        Raises:
            InvalidToken: wrong signature, algorithm, issuer or audience; expired; not yet valid; incomplete.
        """
        now = self._clock()
        known = self._known.get(token)
        if known is not None and now < known[1]:
            return known[0]
        identity, expires = self._verified(token)
        if expires <= now:
            raise InvalidToken(EXPIRED)
        self._known[token] = identity, min(expires, now + KEPT)
        return identity

    def _verified(self, token: str) -> tuple[Identity, int]:
        """The identity a token proves by its signature and claims, and when it expires."""
        try:
            claims = jwt.decode(
                token,
                self._settings.public_key,
                algorithms=[ALGORITHM],
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken(EXPIRED) from None
        except jwt.PyJWTError as fault:
            reason = str(fault).replace('"', "'")  # it is quoted in a header
            raise InvalidToken(f"The token is not valid: {reason}") from None
        identity = Identity(
            subject=claims["sub"], scopes=frozenset(str(claims.get("scope", "")).split()), token=token
        )
        return identity, int(claims["exp"])

    def caller(self, authorization: str | None) -> Identity:
        """The identity that an `Authorization` header proves.

        Raises:
            Problem: 401, with the challenge of RFC 6750 that says what is wrong.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Problem(
                401, "token-missing", "This needs a bearer token.", headers={"WWW-Authenticate": "Bearer"}
            )
        try:
            return self.verify(token.strip())
        except InvalidToken as fault:
            challenge = f'Bearer error="invalid_token", error_description="{fault}"'
            raise Problem(
                401, "token-invalid", f"{fault}.", headers={"WWW-Authenticate": challenge}
            ) from None


def sign(
    *, private_key: str, subject: str, scopes: Iterable[str], lifetime: timedelta, settings: TokenSettings
) -> str:
    """A token for one subject, valid from now for `lifetime`; `private_key` is Ed25519 in PEM."""
    now = datetime.now(UTC)
    claims = {
        "iss": settings.issuer,
        "aud": settings.audience,
        "sub": subject,
        "scope": " ".join(sorted(scopes)),
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, private_key, algorithm=ALGORITHM)
