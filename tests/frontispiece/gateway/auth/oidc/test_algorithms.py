"""A key is for its own algorithm, whatever a token says: keys and algorithms cannot be played off."""

from collections.abc import AsyncIterator

import jwt
import pytest

from frontispiece.gateway.auth.oidc import AccessTokens, IssuerSettings, Provider
from frontispiece.security import InvalidToken
from tests.support.issuer import Issuer, IssuerKey
from tests.support.weak_rsa import roca_key

ALL = ["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS512", "PS256"]


@pytest.fixture
async def generous(issuer: Issuer) -> AsyncIterator[AccessTokens]:
    """Verifies tokens of nearly every algorithm."""
    async with Provider(IssuerSettings(url=issuer.url, algorithms=ALL)) as provider:
        yield provider.access_tokens()


async def test_every_allowed_algorithm_works(generous: AccessTokens, issuer: Issuer) -> None:
    for key in [issuer.announce(algorithm) for algorithm in ALL]:
        token = issuer.token("reader", key=key)
        assert (await generous.verify(token)).identity.subject == "reader", key.algorithm


async def test_an_rsa_key_has_one_algorithm(generous: AccessTokens, issuer: Issuer) -> None:
    key = issuer.announce("RS256")

    for other in ["PS256", "RS512"]:
        misused = IssuerKey(other, key.private, key.id)

        with pytest.raises(InvalidToken, match="unknown"):
            await generous.verify(issuer.token("clerk", key=misused))


async def test_a_key_whose_private_half_can_be_computed_verifies_nothing(
    generous: AccessTokens, issuer: Issuer
) -> None:
    weak = IssuerKey("RS256", roca_key())
    issuer.keys = [*issuer.keys, weak.public_jwk]

    with pytest.raises(InvalidToken, match="unknown"):
        await generous.verify(issuer.token("clerk", key=weak))


def _of_zeros(_raw: bytes) -> bytes:
    return bytes(64)


def _in_der(raw: bytes) -> bytes:
    return jwt.utils.raw_to_der_signature(raw, IssuerKey.new("ES256").private.curve)  # type: ignore[union-attr]


async def test_a_signature_has_its_exact_length(generous: AccessTokens, issuer: Issuer) -> None:
    issuer.rotate(issuer.announce("ES256"))
    token = issuer.token("clerk")
    assert await generous.verify(token)
    signed, _, signature = issuer.token("clerk").rpartition(".")

    for changed in [
        lambda raw: raw[:63],
        lambda raw: raw + b"\x00",
        lambda raw: raw[:32],
        lambda raw: raw[:32] + b"\x00" + raw[32:],
        lambda _raw: b"",
        _of_zeros,
        _in_der,
    ]:
        wrong = changed(jwt.utils.base64url_decode(signature))

        with pytest.raises(InvalidToken, match="not valid"):
            await generous.verify(f"{signed}.{jwt.utils.base64url_encode(wrong).decode()}")
