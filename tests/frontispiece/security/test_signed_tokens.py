"""What every reader of signed tokens is spared."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from frontispiece.security import InvalidToken, SignedToken


def test_the_claims_of_a_token_with_critical_headers_are_not_read() -> None:
    key = Ed25519PrivateKey.generate()
    token = jwt.encode({"sub": "reader"}, key, "EdDSA", {"crit": ["x"]})

    with pytest.raises(InvalidToken, match="critical headers"):
        SignedToken(token).claims(key.public_key(), "EdDSA")
