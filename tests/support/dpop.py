"""A client with a key of its own, which proves that it has it."""

import base64
import hashlib
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


def sha256(text: str) -> str:
    """The SHA-256 of a text in base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


class ProofKey:
    """A key pair, and the proofs that are signed with it."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.algorithm = algorithm
        self.private: PrivateKey
        if algorithm == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
            self.jwk = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = Ed25519PrivateKey.generate()
            self.jwk = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)

    @property
    def jkt(self) -> str:
        """The thumbprint of the public key (RFC 7638)."""
        members = ",".join(
            f'"{name}":"{self.jwk[name]}"' for name in ("crv", "kty", "x", "y") if name in self.jwk
        )
        return sha256("{" + members + "}")

    def proof(
        self,
        method: str,
        url: str,
        now: float,
        *,
        access_token: str | None = None,
        header: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """A proof for a request; changed claims that are None are left out."""
        claims: dict[str, Any] = {"jti": uuid4().hex, "htm": method, "htu": url, "iat": int(now)}
        if access_token is not None:
            claims["ath"] = sha256(access_token)
        claims = {name: value for name, value in (claims | changed).items() if value is not None}
        names = {"typ": "dpop+jwt", "jwk": self.jwk, **(header or {})}
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=names)
