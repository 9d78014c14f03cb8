import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from frontispiece.http.problems import Problem
from frontispiece.security import InvalidToken, SignedToken
from frontispiece.security import internal_tokens as tokens
from frontispiece.security.internal_tokens import (
    CLOCK_SKEW,
    LIFETIME,
    RENEW_BEFORE,
    Identity,
    Signer,
    Verifier,
)
from frontispiece.security.keys import issuers, key_id, private_key, public_part
from frontispiece.settings import TokenSettings
from tests.support.clock import Clock

READER = Identity(subject="reader", scopes=frozenset({"shop", "a"}), client="web")


@pytest.fixture
def clock() -> Clock:
    return Clock(float(int(time.time())))


@pytest.fixture
def signer(signing_key: str, clock: Clock) -> Signer:
    return Signer(signing_key, "gateway", clock)


@pytest.fixture
def verifier(token_settings: TokenSettings, clock: Clock) -> Verifier:
    return Verifier(token_settings, "press", clock)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signatures were looked at, in order."""
    seen: list[str] = []

    def watched(token: str) -> SignedToken:
        seen.append(token)
        return SignedToken(token)

    monkeypatch.setattr(tokens, "SignedToken", watched)
    return seen


def token_of(signer: Signer, identity: Identity = READER, audience: str = "press") -> str:
    return signer.authorization(identity, audience).decode().removeprefix("Bearer ")


@dataclass(frozen=True)
class Later:
    """So many seconds after the moment at which a token is made."""

    seconds: int


def forged(key: str, *, header: dict[str, Any] | None = None, **changed: object) -> str:
    """A well signed token with these claims in place of true ones; None leaves one out."""
    now = int(time.time())
    true = {"iss": "gateway", "aud": "press", "sub": "reader", "iat": now, "exp": now + LIFETIME}
    told = {
        name: now + value.seconds if isinstance(value, Later) else value
        for name, value in {**true, **changed}.items()
        if value is not None
    }
    names = {"typ": "internal+jwt", "kid": key_id(public_part(private_key(key)))}
    return jwt.encode(told, private_key(key), algorithm="EdDSA", headers={**names, **(header or {})})


def unsigned(header: dict[str, str], payload: dict[str, object]) -> str:
    parts = [json.dumps(part).encode() for part in (header, payload)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def test_a_token_identifies_user_client_and_merged_guest(signer: Signer, verifier: Verifier) -> None:
    assert verifier.verify(token_of(signer)) == READER
    adopting = Identity(subject="reader", scopes=frozenset(), client="web", merged_guest="guest:1")
    assert verifier.verify(token_of(signer, adopting)) == adopting


def test_a_token_is_worth_nothing_at_another_service(signer: Signer, token_settings: TokenSettings) -> None:
    with pytest.raises(InvalidToken, match="udience"):
        Verifier(token_settings, "bindery").verify(token_of(signer))


def test_a_token_expires_after_a_minute(signer: Signer, verifier: Verifier, clock: Clock) -> None:
    token = token_of(signer)
    begun = clock.now

    for clock.now in (begun, begun + LIFETIME + CLOCK_SKEW - 0.001):
        assert verifier.verify(token) == READER
    clock.now = begun + LIFETIME + CLOCK_SKEW
    with pytest.raises(InvalidToken, match="expired"):
        verifier.verify(token)


def test_a_caller_and_a_service_get_one_token_until_it_is_nearly_over(signer: Signer, clock: Clock) -> None:
    first = token_of(signer)
    begun = clock.now
    clock.now = begun + LIFETIME - RENEW_BEFORE - 0.001
    assert token_of(signer) == first

    others = [
        token_of(signer, audience="bindery"),
        token_of(signer, Identity(subject="x", scopes=frozenset())),
        token_of(signer, Identity(subject="reader", scopes=frozenset(), client="web")),
        token_of(signer, Identity(subject="reader", scopes=READER.scopes, client="mobile")),
        token_of(
            signer, Identity(subject="reader", scopes=READER.scopes, client="web", merged_guest="guest:1")
        ),
    ]
    clock.now = begun + LIFETIME - RENEW_BEFORE
    assert len({first, token_of(signer), *others}) == 7


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": Later(3600)}, "too long"),
        ({"iat": Later(60), "exp": Later(100)}, "not yet"),
        ({"nbf": Later(3600)}, "not yet valid"),
        ({"iss": "somebody-else"}, "unknown"),
        ({"iss": None}, "unknown"),
        ({"aud": "bindery"}, "udience"),
        ({"aud": ["press"]}, "udience"),
        ({"aud": None}, "aud"),
        ({"sub": None}, "sub"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": "soon"}, "no iat"),
        ({"exp": 10**400}, "no exp"),
        ({"iat": 10**400}, "no iat"),
        ({"nbf": 10**400}, "no nbf"),
    ],
)
def test_a_well_signed_token_with_a_wrong_claim_is_refused(
    token_settings: TokenSettings, signing_key: str, changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidToken, match=why):
        Verifier(token_settings, "press").verify(forged(signing_key, **changed))


def test_a_token_of_any_depth_is_refused(token_settings: TokenSettings, signing_key: str) -> None:
    header, _, signature = forged(signing_key).split(".")
    payload = base64.urlsafe_b64encode(b"[" * 2500).decode().rstrip("=")

    with pytest.raises(InvalidToken, match="not valid"):
        Verifier(token_settings, "press").verify(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"typ": None}])
def test_a_token_of_another_kind_is_refused_though_the_key_is_right(
    token_settings: TokenSettings, signing_key: str, header: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken, match="another type"):
        Verifier(token_settings, "press").verify(forged(signing_key, header=header))


@pytest.mark.parametrize("header", [{"crit": ["x"]}, {"crit": []}])
def test_a_token_with_critical_headers_is_refused(
    token_settings: TokenSettings, signing_key: str, header: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken, match="critical headers"):
        Verifier(token_settings, "press").verify(forged(signing_key, header=header))


def test_a_token_of_another_key_is_refused(verifier: Verifier, signer: Signer, signing_key: str) -> None:
    true = jwt.decode(token_of(signer), options={"verify_signature": False})
    known = key_id(public_part(private_key(signing_key)))
    for kid in (known, "another", "../../dev/null"):
        names = {"typ": "internal+jwt", "kid": kid}
        token = jwt.encode(true, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers=names)
        with pytest.raises(InvalidToken):
            verifier.verify(token)


def test_a_caller_cannot_speak_in_the_name_of_another() -> None:
    mine, theirs = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    settings = TokenSettings(issuers=issuers([("bff-web", mine), ("gateway", theirs)]))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()

    pretending = Signer(mine.private_bytes(*form).decode(), "gateway")

    with pytest.raises(InvalidToken, match="unknown"):
        Verifier(settings, "press").verify(token_of(pretending))


def test_a_caller_that_changes_its_key_is_believed_with_both(signing_key: str) -> None:
    old = Ed25519PrivateKey.generate()
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    both = [public_part(private_key(signing_key)), public_part(old)]
    verifier = Verifier(TokenSettings(issuers={"gateway": both}), "press")

    for key in (signing_key, old.private_bytes(*form).decode()):
        assert verifier.verify(token_of(Signer(key, "gateway"))) == READER


@pytest.mark.parametrize("alg", ["none", "EdDSA", "HS256"])
def test_an_unsigned_token_is_refused(verifier: Verifier, signing_key: str, alg: str) -> None:
    header = {"alg": alg, "typ": "internal+jwt", "kid": key_id(public_part(private_key(signing_key)))}
    now = int(time.time())
    claims: dict[str, object] = {"iss": "gateway", "aud": "press", "sub": "x", "iat": now, "exp": now + 60}
    with pytest.raises(InvalidToken):
        verifier.verify(unsigned(header, claims))


def test_a_token_signed_by_hmac_with_the_public_key_is_refused(verifier: Verifier, signing_key: str) -> None:
    public = public_part(private_key(signing_key))
    names = {"typ": "internal+jwt", "kid": key_id(public)}
    now = int(time.time())
    claims = {"iss": "gateway", "aud": "press", "sub": "reader", "iat": now, "exp": now + 60}
    for secret in (public.encode(), base64.urlsafe_b64decode(public + "=")):
        with pytest.raises(InvalidToken):
            verifier.verify(jwt.encode(claims, secret, algorithm="HS256", headers=names))


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer", "Bearer ", "bearer"])
def test_a_header_without_a_bearer_token_gets_a_challenge(verifier: Verifier, header: str | None) -> None:
    with pytest.raises(Problem) as refusal:
        verifier.caller(header)
    assert refusal.value.status == 401
    assert refusal.value.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["x", "a.b.c", "é.ü.ß", '".".', "." * 5000, "\udcff.a.b", "e30.e30.e30"])
def test_an_invalid_token_gets_a_printable_challenge(verifier: Verifier, token: str) -> None:
    with pytest.raises(Problem) as refusal:
        verifier.caller(f"Bearer {token}")
    challenge = refusal.value.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="invalid_token"')
    assert challenge.count('"') == 4
    assert challenge.isprintable()


def test_a_forgery_is_not_taken_for_a_cached_token(verifier: Verifier, signer: Signer) -> None:
    token = token_of(signer)
    verifier.verify(token)
    header, content, signature = token.split(".")
    other = token_of(signer, Identity(subject="clerk", scopes=frozenset())).split(".")[1]

    for forgery in (
        token[:-4],
        token + "AAAA",
        f"{header}.{content}.",
        f"{header}.{content}",
        f"{header}.{other}.{signature}",
        f"{header}.{content}.{signature[::-1]}",
        token.swapcase(),
    ):
        with pytest.raises(InvalidToken):
            verifier.verify(forgery)


def test_an_invalid_token_is_not_cached(verifier: Verifier, signer: Signer, looked_at: list[str]) -> None:
    token = token_of(signer, audience="bindery")
    for _ in range(3):
        with pytest.raises(InvalidToken):
            verifier.verify(token)

    assert looked_at == [token] * 3


def test_of_too_many_tokens_the_oldest_is_forgotten(
    token_settings: TokenSettings, signer: Signer, looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "CACHE_SIZE", 2)
    verifier = Verifier(token_settings, "press")
    first, second, third = (token_of(signer, Identity(subject=n, scopes=frozenset())) for n in "abc")
    for token in (first, second, third, second, third, first):
        verifier.verify(token)

    assert looked_at == [first, second, third, first]


@pytest.mark.parametrize("key", ["", "a key", "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n"])
def test_a_caller_without_a_key_cannot_sign(key: str) -> None:
    with pytest.raises(ValueError, match="private key"):
        Signer(key, "gateway")
