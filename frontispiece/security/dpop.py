"""Proofs that the sender of a token has the private key to which the token is bound (DPoP, RFC 9449)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from frontispiece.http.paths import AmbiguousPath, segments_of
from frontispiece.security.encryption import DecryptionError, Keyring
from frontispiece.security.signed_tokens import InvalidToken, SignedToken, decode_object

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey

TYPE: Final = "dpop+jwt"

DPOP_ALGORITHMS: Final = ("ES256", "EdDSA")
"""Algorithms of proofs: those of the key stores in phones, and Ed25519."""

KEY_TYPES: Final = {"ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
"""`kty` and `crv` of the key for each algorithm."""

FIELD: Final = 2**255 - 19
ORDER_8: Final = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER: Final = frozenset({0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8})
"""The y of the points of Ed25519 whose order is 1, 2, 4 or 8: for them as keys, anybody can sign."""

MAX_AGE: Final = 60.0
"""Seconds from a proof's `iat` for which it is accepted."""

CLOCK_SKEW: Final = 5.0
"""Seconds by which the clock of a client, or of the server that made a nonce, may be ahead."""

MAX_HEADER_LENGTH: Final = 1024
"""Characters of a proof's header; a longer one is rejected, for the keys of headers are cached."""

MAX_KEYS: Final = 5000
"""Headers whose key is cached: those of a client's proofs are all alike."""

REQUIRED_CLAIMS: Final = ("jti", "htm", "htu", "iat")

MAX_JTI_LENGTH: Final = 256

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class InvalidProof(Exception):
    """The proof is malformed, forged, for another request or too old; the message tells the sender which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DpopProof:
    """A valid proof.

    Args:
        jkt: the thumbprint (RFC 7638) of its key, which the `cnf` claim of a bound token has.
        id: a digest of its key and its `jti`; the recipient accepts each only once.
        expires_at: when it is not accepted any more, in seconds since 1970: so long the id is remembered.
        nonce: the recipient's nonce that it has, if any.
    """

    jkt: str
    id: str
    expires_at: float
    nonce: str | None


def verify_proof(
    proof: str, *, method: str, url: str, now: float, access_token: str | None = None
) -> DpopProof:
    """The proof in the only `DPoP` field of a request (RFC 9449, 4.3); whether it is new is not checked.

    Args:
        proof: the field's value.
        method: the request's method.
        url: where clients send such a request, without a query; never taken from the request itself.
        now: seconds since 1970.
        access_token: the token that the request has, whose hash the proof must have.

    Raises:
        InvalidProof: it is not valid for this request.
    """
    try:
        claims, jkt = _decode(proof)
    except (InvalidToken, jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise InvalidProof("The proof is malformed, or its signature is wrong") from None
    _check_request(claims, method, url)
    _check_time(claims, now)
    if access_token is not None and not _is_hash(claims.get("ath"), access_token):
        raise InvalidProof("The proof is for another access token")
    jti, nonce = claims.get("jti"), claims.get("nonce")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_LENGTH:
        raise InvalidProof("The proof has no jti")
    proof_id = hashlib.sha256(f"{jkt} {jti}".encode("utf-8", "surrogatepass")).hexdigest()
    return DpopProof(
        jkt=jkt,
        id=proof_id,
        expires_at=claims["iat"] + MAX_AGE,
        nonce=nonce if isinstance(nonce, str) else None,
    )


def is_bound_to(claims: Mapping[str, Any], jkt: str) -> bool:
    """Whether a token with these claims is bound to the key with this thumbprint (`cnf.jkt`)."""
    bound_to = bound_key(claims)
    return bound_to is not None and hmac.compare_digest(bound_to.encode(), jkt.encode())


def bound_key(claims: Mapping[str, Any]) -> str | None:
    """The thumbprint of the key to which a token with these claims is bound; None for a bearer token."""
    confirmation = claims.get("cnf")
    jkt = confirmation.get("jkt") if isinstance(confirmation, Mapping) else None
    return jkt if isinstance(jkt, str) and jkt.isascii() else None


class DpopNonces:
    """The nonces of one server or of several with the same keys (RFC 9449, 8); none is stored.

    Args:
        keyring: encrypts the time at which a nonce was made.
        lifetime: seconds for which a nonce is accepted.
        clock: the time in seconds since 1970.
    """

    PURPOSE: Final = b"dpop nonce"

    def __init__(self, keyring: Keyring, lifetime: float, clock: Callable[[], float]) -> None:
        self._keyring = keyring
        self._lifetime = lifetime
        self._clock = clock

    def new(self) -> str:
        """A nonce, in base64url."""
        encrypted = self._keyring.encrypt(str(int(self._clock())).encode(), self.PURPOSE)
        return base64.urlsafe_b64encode(encrypted).decode()

    def is_valid(self, nonce: str | None) -> bool:
        """Whether a nonce was made here and has not expired."""
        try:
            made_at = int(self._keyring.decrypt(base64.urlsafe_b64decode(nonce or ""), self.PURPOSE))
        except (DecryptionError, ValueError):
            return False
        return -CLOCK_SKEW <= self._clock() - made_at <= self._lifetime


def _decode(proof: str) -> tuple[dict[str, Any], str]:
    """The claims of a proof that is signed with the key in its header, and the key's thumbprint."""
    signed = SignedToken(proof)
    if len(signed.encoded_header) > MAX_HEADER_LENGTH:
        raise InvalidToken("the header is too long")
    algorithm, key, jkt = _key(signed.encoded_header)
    claims = signed.claims(key, algorithm)
    if any(claims.get(name) is None for name in REQUIRED_CLAIMS):
        raise InvalidToken("a claim is missing")
    return claims, jkt


@lru_cache(MAX_KEYS)
def _key(encoded_header: str) -> tuple[str, PublicKey, str]:
    """The algorithm in a proof's header, the key, and its thumbprint."""
    header = decode_object(encoded_header)
    algorithm, jwk = header.get("alg"), header["jwk"]
    if header.get("typ") != TYPE or algorithm not in DPOP_ALGORITHMS:
        raise InvalidToken("the header is another")
    if (jwk["kty"], jwk["crv"]) != KEY_TYPES[algorithm] or "d" in jwk:
        raise InvalidToken("the key is of another kind, or private")
    key = jwt.PyJWK({name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}, algorithm).key
    if isinstance(key, Ed25519PublicKey) and _y(key) in SMALL_ORDER:
        raise InvalidToken("anybody can sign for the key")
    return algorithm, key, _thumbprint(key)


def _y(key: Ed25519PublicKey) -> int:
    """The key's coordinate, which may be written as a number beyond the field."""
    return int.from_bytes(key.public_bytes_raw(), "little") % 2**255 % FIELD


def _thumbprint(key: PublicKey) -> str:
    """Of the canonical form of the key, so that each key has only one."""
    if isinstance(key, EllipticCurvePublicKey):
        jwk = ECAlgorithm.to_jwk(key, as_dict=True)
    else:
        jwk = OKPAlgorithm.to_jwk(key, as_dict=True)
    required = {name: jwk[name] for name in ("crv", "kty", "x", "y") if name in jwk}
    return _base64url(hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest())


def _check_request(claims: dict[str, Any], method: str, url: str) -> None:
    if claims["htm"] != method:
        raise InvalidProof("The proof is for another method")
    if claims["htu"] != url and _origin_and_path(claims["htu"]) != _origin_and_path(url):
        raise InvalidProof("The proof is for another URL")


def _check_time(claims: dict[str, Any], now: float) -> None:
    issued_at = claims["iat"]
    if not isinstance(issued_at, int | float) or isinstance(issued_at, bool):
        raise InvalidProof("The proof has no time")
    if not now - MAX_AGE < issued_at <= now + CLOCK_SKEW:
        raise InvalidProof("The proof is too old, or the clock of its sender is wrong")


def _origin_and_path(url: object) -> tuple[str, str, int | None, list[str]]:
    """A URL as RFC 9449 compares it: normalised (RFC 3986, 6.2), without query and fragment.

    Raises:
        InvalidProof: it is none.
    """
    try:
        parts = urlsplit(str(url))
        host, port, segments = parts.hostname, parts.port, segments_of((parts.path or "/").encode())
    except (ValueError, AmbiguousPath):
        host = None
    if not host or parts.username is not None or parts.scheme not in DEFAULT_PORTS:
        raise InvalidProof("The proof is for no URL")
    return parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], segments


def _is_hash(ath: object, access_token: str) -> bool:
    digest = hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest()
    return isinstance(ath, str) and ath.isascii() and hmac.compare_digest(ath, _base64url(digest))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
