import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit import tokens
from kit.keys import issuers, key_id, private_key, public_part
from kit.problems import Problem
from kit.settings import TokenSettings
from kit.tokens import LASTS, RENEWED, SKEW, Identity, InvalidToken, Signer, Verifier

READER = Identity(subject="reader", scopes=frozenset({"shop", "a"}), client="web")


class Clock:
    """Shows the time that a test says."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


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
    decode = jwt.decode

    def watched(token: str, *args: Any, **options: Any) -> Any:
        if args:
            seen.append(token)
        return decode(token, *args, **options)

    monkeypatch.setattr(jwt, "decode", watched)
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
    true = {"iss": "gateway", "aud": "press", "sub": "reader", "iat": now, "exp": now + LASTS}
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


def test_a_token_tells_one_service_who_is_calling_and_through_what(
    signer: Signer, verifier: Verifier
) -> None:
    assert verifier.verify(token_of(signer)) == READER
    adopting = Identity(subject="reader", scopes=frozenset(), client="web", adopts="guest:1")
    assert verifier.verify(token_of(signer, adopting)) == adopting


def test_a_token_is_worth_nothing_at_another_service(signer: Signer, token_settings: TokenSettings) -> None:
    with pytest.raises(InvalidToken, match="udience"):
        Verifier(token_settings, "bindery").verify(token_of(signer))


def test_a_token_lasts_a_minute_and_what_clocks_may_differ_by(
    signer: Signer, verifier: Verifier, clock: Clock
) -> None:
    token = token_of(signer)
    begun = clock.now

    for clock.now in (begun, begun + LASTS + SKEW - 0.001):
        assert verifier.verify(token) == READER
    clock.now = begun + LASTS + SKEW
    with pytest.raises(InvalidToken, match="expired"):
        verifier.verify(token)


def test_a_caller_and_a_service_get_one_token_until_it_is_nearly_over(signer: Signer, clock: Clock) -> None:
    first = token_of(signer)
    begun = clock.now
    clock.now = begun + LASTS - RENEWED - 0.001
    assert token_of(signer) == first

    others = [
        token_of(signer, audience="bindery"),
        token_of(signer, Identity(subject="x", scopes=frozenset())),
    ]
    clock.now = begun + LASTS - RENEWED
    assert len({first, token_of(signer), *others}) == 4


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp": 1}, "expired"),
        ({"exp": Later(3600)}, "too long"),
        ({"iat": Later(60), "exp": Later(100)}, "not yet"),
        ({"nbf": Later(3600)}, "not yet valid"),
        ({"iss": "somebody-else"}, "not known here"),
        ({"iss": None}, "not known here"),
        ({"aud": "bindery"}, "udience"),
        ({"aud": ["press"]}, "strict"),
        ({"aud": None}, "aud"),
        ({"sub": None}, "sub"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": "soon"}, "not valid"),
    ],
)
def test_a_well_signed_token_with_a_wrong_claim_is_refused(
    token_settings: TokenSettings, signing_key: str, changed: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidToken, match=why):
        Verifier(token_settings, "press").verify(forged(signing_key, **changed))


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"typ": None}])
def test_a_token_of_another_kind_is_refused_though_the_key_is_right(
    token_settings: TokenSettings, signing_key: str, header: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken, match="another kind"):
        Verifier(token_settings, "press").verify(forged(signing_key, header=header))


def test_a_token_of_another_key_is_refused_whatever_key_it_names(
    verifier: Verifier, signer: Signer, signing_key: str
) -> None:
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

    with pytest.raises(InvalidToken, match="not known here"):
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
def test_a_header_without_a_bearer_token_is_asked_for_one(verifier: Verifier, header: str | None) -> None:
    with pytest.raises(Problem) as refusal:
        verifier.caller(header)
    assert refusal.value.status == 401
    assert refusal.value.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("token", ["x", "a.b.c", "é.ü.ß", '".".', "." * 5000, "\udcff.a.b", "e30.e30.e30"])
def test_a_header_with_rubbish_is_told_what_is_wrong_in_a_challenge_that_can_be_sent(
    verifier: Verifier, token: str
) -> None:
    with pytest.raises(Problem) as refusal:
        verifier.caller(f"Bearer {token}")
    challenge = refusal.value.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer error="invalid_token"')
    assert challenge.count('"') == 4
    assert challenge.isprintable()


def test_a_token_seen_again_is_told_without_a_look_at_its_signature(
    verifier: Verifier, signer: Signer, looked_at: list[str]
) -> None:
    token = token_of(signer)

    assert verifier.verify(token) == verifier.verify(token) == verifier.caller(f"Bearer {token}")
    assert looked_at == [token]


def test_a_forgery_is_not_taken_for_the_known_token_that_it_resembles(
    verifier: Verifier, signer: Signer
) -> None:
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


def test_what_was_refused_is_looked_at_every_time(
    verifier: Verifier, signer: Signer, looked_at: list[str]
) -> None:
    token = token_of(signer, audience="bindery")
    for _ in range(3):
        with pytest.raises(InvalidToken):
            verifier.verify(token)

    assert looked_at == [token] * 3


def test_of_too_many_tokens_the_one_unseen_for_longest_is_forgotten(
    token_settings: TokenSettings, signer: Signer, looked_at: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST_KEPT", 2)
    verifier = Verifier(token_settings, "press")
    first, second, third = (token_of(signer, Identity(subject=n, scopes=frozenset())) for n in "abc")
    for token in (first, second, first, third):
        verifier.verify(token)
    assert looked_at == [first, second, third]

    for token in (first, third, second):
        verifier.verify(token)
    assert looked_at == [first, second, third, second]


@pytest.mark.parametrize("key", ["", "a key", "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n"])
def test_who_has_no_key_cannot_sign(key: str) -> None:
    with pytest.raises(ValueError, match="private key"):
        Signer(key, "gateway")
