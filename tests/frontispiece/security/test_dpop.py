"""Proofs of possession: which are valid for a request, and which are not (RFC 9449, 4.3)."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from frontispiece.security import (
    DpopNonces,
    DpopProof,
    InvalidProof,
    Keyring,
    new_key,
    verify_proof,
)
from tests.support.clock import START, Clock
from tests.support.dpop import ProofKey

SMALL_ORDER = [
    *("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA"),
    *("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA"),
    *("7P_______________________________________38", "7P________________________________________8"),
    *("JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU", "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU"),
    *("xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o", "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o"),
    *("7f_______________________________________38", "7v_______________________________________38"),
]
"""The points of order 1, 2, 4 and 8, each with either sign, and two that are written beyond the field."""

URL = "https://shop.example/identity/token"


def verify(proof: str, *, method: str = "POST", url: str = URL, **more: Any) -> DpopProof:
    """Verify a proof as the recipient of this request does."""
    return verify_proof(proof, method=method, url=url, now=START, **more)


def encoded(value: object) -> str:
    """Its JSON in base64url."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.fixture
def key() -> ProofKey:
    return ProofKey()


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_proof_names_its_key_and_the_end_of_its_time(algorithm: str) -> None:
    key = ProofKey(algorithm)
    first, second = (verify(key.proof("POST", URL, START, nonce="n")) for _ in range(2))

    assert first.jkt == second.jkt == key.jkt
    assert first.id != second.id
    assert (first.expires_at, first.nonce) == (START + 60, "n")


@pytest.mark.parametrize(
    "htu",
    [
        *("https://shop.example/identity/token?a=1#b", "HTTPS://SHOP.example:443/identity/token"),
        *("https://shop.example:0443/identity/token", "https://shop.example/identity/%74oken"),
    ],
)
def test_a_url_may_be_written_in_several_ways(key: ProofKey, htu: str) -> None:
    assert verify(key.proof("POST", htu, START)).jkt == key.jkt


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"htm": "GET"}, "another method"),
        ({"htm": "post"}, "another method"),
        ({"htm": None}, "malformed"),
        ({"htu": "http://shop.example/identity/token"}, "another URL"),
        ({"htu": "https://shop.example:8443/identity/token"}, "another URL"),
        ({"htu": "https://evil.example/identity/token"}, "another URL"),
        ({"htu": "https://shop.example/identity/token/"}, "another URL"),
        ({"htu": "https://shop.example/identity/Token"}, "another URL"),
        ({"htu": "https://shop.example//identity/token"}, "URL"),
        ({"htu": "https://shop.example/x/../identity/token"}, "URL"),
        ({"htu": "https://shop.example/identity%2ftoken"}, "URL"),
        ({"htu": "https://shop.example"}, "another URL"),
        ({"htu": ""}, "no URL"),
        ({"htu": "https://user@shop.example/identity/token"}, "no URL"),
        ({"htu": "https://shop.example:x/identity/token"}, "no URL"),
        ({"htu": "/identity/token"}, "no URL"),
        ({"htu": "https://[::1/identity/token"}, "no URL"),
        ({"htu": 7}, "no URL"),
        ({"iat": START - 60}, "too old"),
        ({"iat": START + 6}, "too old, or the clock"),
        ({"iat": 10**400}, "too old, or the clock"),
        ({"iat": str(START)}, "no time"),
        ({"iat": True}, "no time"),
        ({"iat": None}, "malformed"),
        ({"jti": None}, "malformed"),
        ({"jti": ""}, "no jti"),
        ({"jti": 7}, "no jti"),
        ({"jti": "x" * 257}, "no jti"),
        ({"more": "x" * 8192}, "malformed"),
    ],
)
def test_a_proof_with_a_wrong_claim_is_refused(key: ProofKey, changed: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidProof, match=why):
        verify(key.proof("POST", URL, START, **changed))


@pytest.mark.parametrize("ath", [None, 7, "", "x", "\u00fc"])
def test_a_proof_for_another_access_token_is_refused(key: ProofKey, ath: object) -> None:
    with pytest.raises(InvalidProof, match="another access token"):
        verify(key.proof("POST", URL, START, ath=ath), access_token="x")


@pytest.mark.parametrize(
    "header",
    [
        *({"typ": "JWT"}, {"typ": None}, {"jwk": None}, {"jwk": "x"}, {"jwk": {}}, {"crit": ["b64"]}),
        {"more": "x" * 1024},
    ],
)
def test_a_proof_with_another_header_is_refused(key: ProofKey, header: dict[str, Any]) -> None:
    with pytest.raises(InvalidProof, match="malformed"):
        verify(key.proof("POST", URL, START, header=header))


@pytest.mark.parametrize("x", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(x: str) -> None:
    header = encoded({"typ": "dpop+jwt", "alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}})
    signature = f"AQ{'A' * 84}"  # of nobody: the neutral point and 0
    for jti in range(40):  # whose hash is a multiple of the order, once in eight
        claims = encoded({"jti": str(jti), "htm": "POST", "htu": URL, "iat": START})
        with pytest.raises(InvalidProof, match="malformed"):
            verify(f"{header}.{claims}.{signature}")


def test_a_proof_with_a_private_key_in_it_is_refused(key: ProofKey) -> None:
    assert isinstance(key.private, ec.EllipticCurvePrivateKey)
    private = ECAlgorithm.to_jwk(key.private, as_dict=True)

    with pytest.raises(InvalidProof, match="malformed"):
        verify(key.proof("POST", URL, START, header={"jwk": private}))


@pytest.mark.parametrize("algorithm", ["RS256", "HS256", "none"])
def test_a_proof_of_another_algorithm_is_refused(key: ProofKey, algorithm: str) -> None:
    claims = {"jti": "x", "htm": "POST", "htu": URL, "iat": START}
    rsa_key = rsa.generate_private_key(65537, 2048)
    jwk = RSAAlgorithm.to_jwk(rsa_key.public_key(), as_dict=True) if algorithm == "RS256" else key.jwk
    signers: dict[str, Any] = {"RS256": rsa_key, "HS256": key.jwk["x"] * 2, "none": None}

    with pytest.raises(InvalidProof, match="malformed"):
        verify(jwt.encode(claims, signers[algorithm], algorithm, {"typ": "dpop+jwt", "jwk": jwk}))


@pytest.mark.parametrize(
    "proof",
    ["", "x", "a.b.c", "é.ü.ß", "\udcff.a.b", "e30.e30.e30", base64.b64encode(b"[" * 2900).decode() + ".a.b"],
)
def test_a_proof_that_is_no_jwt_is_refused(proof: str) -> None:
    with pytest.raises(InvalidProof):
        verify(proof)


def test_a_key_has_one_thumbprint_however_it_is_written(key: ProofKey) -> None:
    padded = {**key.jwk, "x": key.jwk["x"] + "=", "use": "sig"}

    assert verify(key.proof("POST", URL, START, header={"jwk": padded})).jkt == key.jkt


def test_a_nonce_is_valid_for_its_time_at_every_server_with_the_key() -> None:
    keys, clock = [new_key()], Clock(START)
    here, there = (DpopNonces(Keyring(keys), 300, clock) for _ in range(2))
    nonce = here.new()

    assert here.new() != nonce
    clock.now = START + 300
    assert there.is_valid(nonce)
    clock.now = START - 5  # its clock is behind
    assert there.is_valid(nonce)
    for past_or_future in (START + 301, START - 6):
        clock.now = past_or_future
        assert not there.is_valid(nonce)


@pytest.mark.parametrize("nonce", [None, "", "x", "!", "\u00fc", "AAAA" * 20])
def test_an_unknown_nonce_is_not_valid(nonce: str | None) -> None:
    assert not DpopNonces(Keyring([new_key()]), 300, Clock(START)).is_valid(nonce)
