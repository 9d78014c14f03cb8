"""An issuer of access tokens whose key set is a file, as `ISSUER_JWKS` takes it."""

import json
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from frontispiece import clocks
from frontispiece.security.keys import key_id, public_part

ISSUER: Final = "https://issuer.test"
AUDIENCE: Final = "api"
LIFETIME: Final = 300


class AccessTokens:
    """A key, its key set in a file, and access tokens that it has signed (RFC 9068).

    Args:
        jwks: the file that the key set is written to.
    """

    def __init__(self, jwks: Path) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._key_id = key_id(public_part(self._key))  # another for each key: a set is read again for it
        public = OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        jwks.write_text(json.dumps({"keys": [{**public, "kid": self._key_id, "alg": "EdDSA", "use": "sig"}]}))
        self.variables = {"ISSUER_URL": ISSUER, "ISSUER_AUDIENCE": AUDIENCE, "ISSUER_JWKS": str(jwks)}
        """The variables of a gateway that accepts its tokens."""

    def token(self, subject: str, *scopes: str, **claims: Any) -> str:
        """An access token for a user with these scopes; `claims` are added to it, or replace its own."""
        now = int(clocks.now())
        payload = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + LIFETIME,
        }
        headers = {"kid": self._key_id, "typ": "at+jwt"}
        return jwt.encode(payload | claims, self._key, algorithm="EdDSA", headers=headers)

    def bearer(self, subject: str, *scopes: str, **claims: Any) -> dict[str, str]:
        """The Authorization header with such a token."""
        return {"Authorization": f"Bearer {self.token(subject, *scopes, **claims)}"}
