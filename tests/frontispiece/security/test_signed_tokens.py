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


def test_claims_that_could_not_be_written_down_again_are_not_read() -> None:
    key = Ed25519PrivateKey.generate()
    for claims in ({"exp": float("inf")}, {"exp": float("nan")}, {"sub": "\ud800"}, {"\ud800": 1}):
        token = jwt.encode(claims, key, "EdDSA")

        with pytest.raises(InvalidToken, match="cannot be decoded"):
            SignedToken(token).claims(key.public_key(), "EdDSA")
