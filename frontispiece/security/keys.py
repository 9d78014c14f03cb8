"""Ed25519 keys as settings contain them: private keys in PEM, public keys as the `x` of their JWK."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Annotated

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import AfterValidator


def private_key(pem: str) -> Ed25519PrivateKey:
    """The Ed25519 private key in a PEM.

    Raises:
        ValueError: it cannot be read, or is of another kind.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        how_to = "make one with `openssl genpkey -algorithm ed25519`"
        raise ValueError(f"this is no private key in PEM: {how_to}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the private key is not Ed25519")  # noqa: TRY004 (a setting's value is wrong)
    return key


def new_signing_key() -> str:
    """A new Ed25519 private key in PEM."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


def _signing_key(pem: str) -> str:
    private_key(pem)
    return pem


SigningKey = Annotated[str, AfterValidator(_signing_key)]
"""Type of a setting: an Ed25519 private key in PEM."""


def public_part(key: Ed25519PrivateKey) -> str:
    """The public key as `TOKEN_ISSUERS` contains it: 32 bytes in base64url, the `x` of its JWK."""
    raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return base64.urlsafe_b64encode(key.public_key().public_bytes(*raw)).decode().rstrip("=")


def public_key(encoded: str) -> Ed25519PublicKey:
    """The public key in 32 bytes of base64url.

    Raises:
        ValueError: it cannot be read.
    """
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


def key_id(encoded: str) -> str:
    """The `kid` of such a public key: its JWK thumbprint (RFC 7638)."""
    canonical = f'{{"crv":"Ed25519","kty":"OKP","x":"{encoded}"}}'
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).decode().rstrip("=")


def issuers(keys: Iterable[tuple[str, Ed25519PrivateKey]]) -> dict[str, list[str]]:
    """The value of `TOKEN_ISSUERS`: each issuer's public keys, by its name."""
    return {issuer: [public_part(key)] for issuer, key in keys}
