import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit import tokens
from kit.problems import Problem
from kit.settings import TokenSettings
from kit.tokens import InvalidToken, Verifier, sign

HOUR = timedelta(hours=1)


class Clock:
    """Shows the time that a test says."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def verifier(token_settings: TokenSettings) -> Verifier:
    return Verifier(token_settings)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signatures were looked at, in order."""
    seen: list[str] = []
    decode = jwt.decode

    def watched(token: str, *args: Any, **options: Any) -> Any:
        seen.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr(jwt, "decode", watched)
    return seen


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


def token_of(private_key: str, subject: str = "reader", **changed: object) -> str:
    return jwt.encode(claims(sub=subject, **changed), private_key, algorithm="EdDSA")


def test_a_token_seen_again_is_told_without_a_look_at_its_signature(
    verifier: Verifier, private_key: str, looked_at: list[str]
) -> None:
    token = token_of(private_key)

    assert verifier.verify(token) == verifier.verify(token) == verifier.caller(f"Bearer {token}")
    assert looked_at == [token]


def test_a_known_token_is_refused_from_the_moment_that_it_expires(
    token_settings: TokenSettings, private_key: str
) -> None:
    clock = Clock()
    expires = int(clock.now) + 30
    token = token_of(private_key, exp=expires)
    verifier = Verifier(token_settings, clock)
    verifier.verify(token)

    clock.now = expires - 0.001
    assert verifier.verify(token).subject == "reader"
    for clock.now in (expires, expires + 1.0):
        with pytest.raises(InvalidToken, match="expired"):
            verifier.verify(token)


def test_a_known_token_is_looked_at_anew_after_a_minute(
    token_settings: TokenSettings, private_key: str, looked_at: list[str]
) -> None:
    clock = Clock()
    token = token_of(private_key)
    verifier = Verifier(token_settings, clock)
    begun = clock.now
    for clock.now in (begun, begun + 59.9):
        verifier.verify(token)
    assert len(looked_at) == 1

    clock.now = begun + 60
    verifier.verify(token)
    assert len(looked_at) == 2


@pytest.mark.parametrize("changed", [{"audience": "another-shop"}, {"issuer": "somebody-else"}])
def test_what_one_verifier_knows_another_with_other_settings_does_not(
    token_settings: TokenSettings, private_key: str, changed: dict[str, str]
) -> None:
    token = token_of(private_key)
    Verifier(token_settings).verify(token)

    with pytest.raises(InvalidToken):
        Verifier(token_settings.model_copy(update=changed)).verify(token)


def test_a_forgery_is_not_taken_for_the_known_token_that_it_resembles(
    verifier: Verifier, private_key: str
) -> None:
    token = token_of(private_key)
    verifier.verify(token)
    header, content, signature = token.split(".")
    other = token_of(private_key, subject="clerk").split(".")[1]

    for forged in (
        token[:-4],
        token + "AAAA",
        f"{header}.{content}.",
        f"{header}.{content}",
        f"{header}.{other}.{signature}",
        f"{header}.{content}.{signature[::-1]}",
        token.swapcase(),
    ):
        with pytest.raises(InvalidToken):
            verifier.verify(forged)


def test_what_was_refused_is_looked_at_every_time(
    verifier: Verifier, private_key: str, looked_at: list[str]
) -> None:
    forged = token_of(private_key, aud="another-shop")
    for _ in range(3):
        with pytest.raises(InvalidToken):
            verifier.verify(forged)

    assert looked_at == [forged] * 3


def test_of_too_many_tokens_the_one_unseen_for_longest_is_forgotten(
    token_settings: TokenSettings, private_key: str, looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST_KEPT", 2)
    verifier = Verifier(token_settings)
    first, second, third = (token_of(private_key, subject=name) for name in ("a", "b", "c"))
    for token in (first, second, first, third):
        verifier.verify(token)
    assert looked_at == [first, second, third]

    for token in (first, third, second):
        verifier.verify(token)
    assert looked_at == [first, second, third, second]
