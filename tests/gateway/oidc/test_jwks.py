"""Which keys of a set count, and for which algorithms."""

from typing import Any

import pytest

from gateway.oidc import ProviderUnavailable
from gateway.oidc.jwks import Key, keys_in
from tests.support.issuer import IssuerKey


def kept(
    *members: dict[str, Any] | Any, allowed: tuple[str, ...] = ("EdDSA", "ES256", "RS256", "PS256")
) -> list[Key]:
    return keys_in({"keys": list(members)}, allowed)


@pytest.mark.parametrize(
    ("algorithm", "changed", "fit"),
    [
        ("EdDSA", {}, {"EdDSA"}),
        ("EdDSA", {"alg": "Ed25519"}, {"EdDSA"}),
        ("EdDSA", {"alg": None, "use": None}, {"EdDSA"}),
        ("ES256", {"alg": None}, {"ES256"}),
        ("RS256", {}, {"RS256"}),
        ("RS256", {"alg": None}, {"RS256", "PS256"}),
        ("ES256", {"key_ops": ["verify"]}, {"ES256"}),
    ],
)
def test_a_key_is_for_what_it_says_and_can_and_may(
    algorithm: str, changed: dict[str, Any], fit: set[str]
) -> None:
    jwk = {**IssuerKey.new(algorithm).public_jwk, **changed}
    (key,) = kept({name: value for name, value in jwk.items() if value is not None})

    assert key.algorithms == fit


@pytest.mark.parametrize(
    ("algorithm", "changed"),
    [
        ("EdDSA", {"use": "enc"}),
        ("EdDSA", {"key_ops": ["encrypt"]}),
        ("EdDSA", {"key_ops": "verify"}),
        ("EdDSA", {"alg": "ES256"}),
        ("ES256", {"alg": "HS256"}),
        ("RS256", {"alg": "none"}),
        ("ES384", {}),
        ("EdDSA", {"crv": "Ed448"}),
        ("EdDSA", {"crv": 7}),
        ("EdDSA", {"x": "AA"}),
        ("EdDSA", {"x": 7}),
        ("EdDSA", {"kty": "oct", "k": "c2VjcmV0"}),
        ("EdDSA", {"kty": "EC"}),
        ("ES256", {"y": "AAAA"}),
        ("RS256", {"n": "AQAB"}),
        ("RS256", {"kty": 7}),
        ("RS256", {"alg": ["RS256"]}),
    ],
)
def test_other_keys_are_left_out(algorithm: str, changed: dict[str, Any]) -> None:
    good = IssuerKey.new()
    bad = {**IssuerKey.new(algorithm).public_jwk, **changed}

    assert [key.id for key in kept(bad, good.public_jwk, 7, None, {})] == [good.id]


def test_a_key_of_a_password_never_counts_whatever_is_allowed() -> None:
    member = {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "alg": "HS256", "kid": "a"}

    assert kept(member, allowed=("HS256", "EdDSA")) == []


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": None}, {"keys": [{}] * 101}])
def test_what_is_no_set_of_keys_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnavailable):
        keys_in(document, ["EdDSA"])
