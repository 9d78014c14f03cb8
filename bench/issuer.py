"""The issuer of the tokens that candidates verify: its key, its documents, and a token."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from frontispiece.security import key_id, public_part

LASTS = 7200
"""Seconds that a token is valid: longer than any measurement takes."""


class Issuer:
    """Issues access tokens as an OpenID Connect provider does."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = Ed25519PrivateKey.generate()

    @property
    def public_key(self) -> str:
        """Its public key in PEM, for candidates that do not read its documents."""
        form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(*form).decode()

    @property
    def documents(self) -> Mapping[str, Any]:
        """Its documents, by path."""
        x = public_part(self._key)
        key = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key_id(x), "alg": "EdDSA", "use": "sig"}
        places = {f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token")}
        metadata = {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **places}
        return {".well-known/openid-configuration": metadata, "keys": {"keys": [key]}}

    def write(self, folder: Path) -> None:
        """Write its documents to where any web server can serve them."""
        for path, document in self.documents.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(document), encoding="utf-8")

    def token(self, scope: str = "shop") -> str:
        """An access token."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "bench",
            "aud": "api",
            "client_id": "bench",
            "scope": scope,
            "sid": "bench",
            "iat": now,
            "exp": now + LASTS,
        }
        headers = {"typ": "at+jwt", "kid": key_id(public_part(self._key))}
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers=headers)
