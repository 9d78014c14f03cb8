"""Internal tokens: by them a service knows on whose behalf it is called, and by which of its callers.

Whoever calls others on somebody's behalf (the gateway, a BFF, ordering) signs with a key of its own, for one
service and at most a minute. Each service knows the public keys of those it believes; being inside the
network grants nothing. What proves somebody to the gateway, an access token or a session, goes no further.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import jwt
from cachetools import LRUCache
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kit.keys import key_id, private_key, public_key, public_part
from kit.problems import Problem
from kit.settings import TokenSettings

ALGORITHM: Final = "EdDSA"

TYPE: Final = "internal+jwt"
"""The `typ` that sets them apart from every other kind of token."""

LASTS: Final = 60
"""Seconds from a token's `iat` to its `exp`; nobody believes one that lasts longer."""

RENEWED: Final = 15
"""Seconds before its end at which a token is made anew: what carries it has so long to arrive."""

SKEW: Final = 5
"""Seconds by which the clocks of two machines may differ."""

MOST_KEPT: Final = 10_000
"""How many tokens, or verdicts, are kept at a time; beyond, the one unseen for longest is forgotten."""

LONGEST: Final = 4096
"""Characters of a token at most; a longer one is not looked at."""

EXPIRED: Final = "The token has expired"

GUEST: Final = "guest:"
"""How the subject of somebody begins who has not logged in; no user's does."""


class InvalidToken(Exception):
    """The token is not one of ours, or not any more; the message says why in words for its sender."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """On whose behalf a call is made.

    Args:
        subject: the user, or `guest:…` for somebody who has not logged in.
        scopes: what may be done on the user's behalf.
        client: the app that acts for the user, such as `web`.
        adopts: the guest that this user was until now, in the one call that tells of it.
    """

    subject: str
    scopes: frozenset[str]
    client: str = ""
    adopts: str | None = None

    @property
    def is_guest(self) -> bool:
        """Whether this is somebody who has not logged in."""
        return self.subject.startswith(GUEST)


NOBODY: Final = Identity(subject=f"{GUEST}nobody", scopes=frozenset({"guest"}))
"""A guest of whom nothing is kept: all those who have not even a guest's session."""


class Signer:
    """Makes tokens for the services that one caller calls, and keeps each while it lasts.

    Args:
        key: Ed25519 private key in PEM.
        issuer: by which name the services know the holder of the key.
        clock: the time in seconds since 1970.

    Raises:
        ValueError: the key is none.
    """

    def __init__(self, key: str, issuer: str, clock: Callable[[], float] = time.time) -> None:
        self._key = private_key(key)
        self._issuer = issuer
        self._clock = clock
        self._headers = {"typ": TYPE, "kid": key_id(public_part(self._key))}
        self._kept: LRUCache[tuple[Identity, str], tuple[bytes, float]] = LRUCache(MOST_KEPT)

    def authorization(self, identity: Identity, audience: str) -> bytes:
        """The `Authorization` header that tells a service who is calling: made once while it lasts."""
        now = self._clock()
        wanted = identity, audience
        kept = self._kept.get(wanted)
        if kept is not None and now < kept[1]:
            return kept[0]
        value = b"Bearer " + self._signed(identity, audience, int(now)).encode()
        self._kept[wanted] = value, now + LASTS - RENEWED
        return value

    @property
    def jwk(self) -> dict[str, str]:
        """The public half of the key (RFC 8037), by which anybody can verify the tokens."""
        key = {"kty": "OKP", "crv": "Ed25519", "x": public_part(self._key), "kid": self._headers["kid"]}
        return {**key, "alg": ALGORITHM, "use": "sig"}

    def _signed(self, identity: Identity, audience: str, now: int) -> str:
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "sub": identity.subject,
            "scope": " ".join(sorted(identity.scopes)),
            "client_id": identity.client,
            "iat": now,
            "exp": now + LASTS,
        }
        if identity.adopts is not None:
            claims["adopts"] = identity.adopts
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers=self._headers)


class Verifier:
    """Tells true tokens from false ones, and keeps what it found true until it expires.

    A signature costs 200 µs, a token known already 1 µs. What it found false is not kept: that would let
    anybody push out the others. For a single thread.

    Args:
        settings: whose tokens are believed.
        audience: the service that verifies: a token for another is worth nothing here.
        clock: the time in seconds since 1970.
    """

    def __init__(
        self, settings: TokenSettings, audience: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._audience = audience
        self._clock = clock
        self._keys = {
            (issuer, key_id(key)): public_key(key)
            for issuer, keys in settings.issuers.items()
            for key in keys
        }
        self._known: LRUCache[bytes, tuple[Identity, float]] = LRUCache(MOST_KEPT)

    def verify(self, token: str) -> Identity:
        """The identity a token proves: whole, unchanged and not expired at this very moment.

        Raises:
            InvalidToken: wrong type, signature, issuer or audience; expired; not yet valid; incomplete.
        """
        now = self._clock()
        if len(token) > LONGEST:
            raise InvalidToken("The token is too long")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        identity, ends = self._verified(token, now)
        self._known[digest] = identity, ends
        return identity

    def caller(self, authorization: str | None) -> Identity:
        """The identity that an `Authorization` header proves.

        Raises:
            Problem: 401, with the challenge of RFC 6750 that says what is wrong.
        """
        return bearer_of(authorization, self.verify)

    def _verified(self, token: str, now: float) -> tuple[Identity, float]:
        """The identity a token proves by its signature and claims, and when that ends."""
        try:
            claims = jwt.decode(
                token,
                self._key_of(token),
                algorithms=[ALGORITHM],
                audience=self._audience,
                options={
                    "require": ["exp", "iat", "sub", "aud"],
                    "strict_aud": True,
                    "verify_exp": False,  # by our own clock, below
                    "verify_iat": False,
                },
            )
            begins, ends = int(claims["iat"]), int(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError) as fault:
            raise InvalidToken(f"The token is not valid: {quotable(fault)}") from None
        if now >= ends + SKEW:
            raise InvalidToken(EXPIRED)
        if begins > now + SKEW:
            raise InvalidToken("The token is not yet valid")
        if ends - begins > LASTS:
            raise InvalidToken("The token lasts too long")
        return _identity(claims), ends + SKEW

    def _key_of(self, token: str) -> Ed25519PublicKey:
        """The key by whose id the token says that it was signed, if its issuer has such a key."""
        header = jwt.get_unverified_header(token)
        if header.get("typ") != TYPE:
            raise InvalidToken("The token is of another kind")
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        key = self._keys.get((str(issuer), str(header.get("kid"))))
        if key is None:
            raise InvalidToken("The token is of an issuer, or signed with a key, that is not known here")
        return key


def _identity(claims: dict[str, object]) -> Identity:
    adopts = claims.get("adopts")
    return Identity(
        subject=str(claims["sub"]),
        scopes=frozenset(str(claims.get("scope", "")).split()),
        client=str(claims.get("client_id", "")),
        adopts=adopts if isinstance(adopts, str) else None,
    )


def bearer_of(authorization: str | None, verify: Callable[[str], Identity]) -> Identity:
    """The identity that an `Authorization` header proves to whoever verifies it.

    Raises:
        Problem: 401, with the challenge of RFC 6750 that says what is wrong.
    """
    try:
        return verify(token_of(authorization))
    except InvalidToken as fault:
        raise invalid(fault) from None


def token_of(authorization: str | None) -> str:
    """The token in an `Authorization` header.

    Raises:
        Problem: 401 `token-missing`: there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not (token := token.strip()):
        raise Problem(
            401, "token-missing", "This needs a bearer token.", headers={"WWW-Authenticate": "Bearer"}
        )
    return token


def invalid(fault: InvalidToken) -> Problem:
    """401 `token-invalid`, which says in the words of RFC 6750 what is wrong."""
    challenge = f'Bearer error="invalid_token", error_description="{quotable(fault)}"'
    return Problem(401, "token-invalid", f"{fault}.", headers={"WWW-Authenticate": challenge})


def quotable(fault: Exception) -> str:
    """What is wrong, fit to be quoted in a header."""
    return str(fault).replace("\\", "/").replace('"', "'")
