"""The keys in a JSON Web Key Set (RFC 7517), each for the algorithms that it is fit for."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.oidc.errors import ProviderUnavailable

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

MOST_KEYS: Final = 100
"""Of a set that has more, something is wrong."""

LEAST_BITS: Final = 2048
"""Of an RSA key (RFC 7518, 3.3)."""

FIT_FOR: Final = {
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("RSA", None): frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
}
"""What a key can be used for at all, by its `kty` and `crv`."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the issuer: for these algorithms and no others, whatever a token says."""

    id: str | None
    algorithms: frozenset[str]
    public: PublicKey
    thumbprint: str
    """What it is made of: the same id with other material is another key."""


def keys_in(document: dict[str, Any], allowed: Collection[str]) -> list[Key]:
    """The keys by which tokens may be signed, without those for other uses and those that cannot be read.

    Raises:
        ProviderUnavailable: it is no key set.
    """
    members = document.get("keys")
    if not isinstance(members, list) or len(members) > MOST_KEYS:
        raise ProviderUnavailable("the issuer's key set has no list of keys, or too long a one")
    return list(_fit(members, frozenset(allowed)))


def _fit(members: list[Any], allowed: frozenset[str]) -> Iterator[Key]:
    for member in members:
        if not isinstance(member, dict):
            continue
        if (algorithms := _algorithms(member) & allowed) and (public := _public(member, min(algorithms))):
            kid = member.get("kid")
            material = "|".join(str(member.get(name)) for name in ("kty", "crv", "x", "y", "n", "e"))
            yield Key(kid if isinstance(kid, str) else None, algorithms, public, material)


def _algorithms(member: dict[str, Any]) -> frozenset[str]:
    """What the key is for: never a symmetric algorithm, for it has no `kty` of one."""
    operations = member.get("key_ops", ["verify"])
    if member.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return frozenset()
    kty, crv = member.get("kty"), member.get("crv")
    if not isinstance(kty, str) or not isinstance(crv, str | None):
        return frozenset()
    fit = FIT_FOR.get((kty, None if kty == "RSA" else crv), frozenset())
    alg = member.get("alg")
    if alg is None or (alg == "Ed25519" and crv == "Ed25519"):  # its name since RFC 9864
        return fit
    return fit & {alg} if isinstance(alg, str) else frozenset()


def _public(member: dict[str, Any], algorithm: str) -> PublicKey | None:
    public_members = {name: value for name, value in member.items() if name not in {"d", "p", "q"}}
    try:
        key = jwt.PyJWK(public_members, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key, RSAPublicKey):
        return key if key.key_size >= LEAST_BITS else None
    return key if isinstance(key, EllipticCurvePublicKey | Ed25519PublicKey) else None
