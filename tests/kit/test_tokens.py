import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit.problems import Problem
from kit.settings import TokenSettings
from kit.tokens import InvalidToken, Verifier, sign

HOUR = timedelta(hours=1)


@pytest.fixture
def verifier(token_settings: TokenSettings) -> Verifier:
    return Verifier(token_settings)


def claims(**changed: object) -> dict[str, object]:
    now = datetime.now(UTC)
    true = {"iss": "frontispiece-demo", "aud": "shop", "sub": "reader", "iat": now, "exp": now + HOUR}
    return {name: value for name, value in {**true, **changed}.items() if value is not None}


def unsigned(header: dict[str, str], payload: dict[str, object]) -> str:
    parts = [json.dumps(part).encode() for part in (header, payload)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def test_a_token_tells_its_subject_and_scopes(
    verifier: Verifier, private_key: str, token_settings: TokenSettings
) -> None:
    token = sign(
        private_key=private_key, subject="reader", scopes=["b", "a"], lifetime=HOUR, settings=token_settings
    )

    identity = verifier.verify(token)
    assert (identity.subject, identity.scopes, identity.token) == ("reader", frozenset("ab"), token)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
        {"nbf": datetime.now(UTC) + HOUR},
        {"iss": "somebody-else"},
        {"aud": "another-shop"},
        {"sub": None},
        {"exp": None},
    ],
    ids=["expired", "not-yet", "issuer", "audience", "no-subject", "no-end"],
)
def test_a_well_signed_token_with_a_wrong_claim_is_refused(
    verifier: Verifier, private_key: str, changed: dict[str, object]
) -> None:
    with pytest.raises(InvalidToken):
        verifier.verify(jwt.encode(claims(**changed), private_key, algorithm="EdDSA"))


def test_a_token_of_another_key_is_refused(verifier: Verifier) -> None:
    with pytest.raises(InvalidToken):
        verifier.verify(jwt.encode(claims(), Ed25519PrivateKey.generate(), algorithm="EdDSA"))


def test_an_unsigned_token_is_refused(verifier: Verifier) -> None:
    future = int((datetime.now(UTC) + HOUR).timestamp())
    forged = claims(iat=1, exp=future)
    with pytest.raises(InvalidToken):
        verifier.verify(unsigned({"alg": "none", "typ": "JWT"}, forged))


def test_a_token_signed_by_hmac_with_the_public_key_is_refused(
    verifier: Verifier, token_settings: TokenSettings
) -> None:
    public = serialization.load_pem_public_key(token_settings.public_key.encode())
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    with pytest.raises(InvalidToken):
        verifier.verify(jwt.encode(claims(), raw, algorithm="HS256"))


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer ", "bearer"])
def test_a_header_without_a_bearer_token_is_asked_for_one(verifier: Verifier, header: str | None) -> None:
    with pytest.raises(Problem) as refusal:
        verifier.caller(header)
    assert refusal.value.status == 401
    assert refusal.value.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["x", "a.b.c", "é.ü.ß", '".".', "." * 5000])
def test_a_header_with_rubbish_is_told_what_is_wrong_in_a_challenge_that_can_be_sent(
    verifier: Verifier, token: str
) -> None:
    with pytest.raises(Problem) as refusal:
        verifier.caller(f"Bearer {token}")
    challenge = refusal.value.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="invalid_token"')
    assert challenge.count('"') == 4
    assert challenge.isprintable()
