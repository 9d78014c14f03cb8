"""Access tokens that somebody made up, took from elsewhere or kept for too long: none is believed."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from gateway.oidc import AccessTokens
from kit.tokens import Identity, InvalidToken, Signer
from tests.support.issuer import Issuer, IssuerKey

HOUR = 3600


def encoded(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def hmac_of(issuer: Issuer, password: bytes) -> str:
    """A token signed with a password, by whoever knows what that is."""
    header = {"alg": "HS256", "typ": "at+jwt", "kid": issuer.signer.id}
    content = f"{encoded(header)}.{encoded(issuer.claims('clerk', 'shop'))}"
    return f"{content}.{encoded(hmac.new(password, content.encode(), hashlib.sha256).digest())}"


async def reason(access: AccessTokens, token: str) -> str:
    """Why the token is refused, twice: the second time no differently."""
    with pytest.raises(InvalidToken) as first:
        await access.identity(token)
    assert access.known(token) is None
    with pytest.raises(InvalidToken) as second:
        await access.identity(token)
    assert str(first.value) == str(second.value)
    return str(first.value)


async def test_a_true_token_tells_who_calls_with_which_app_and_what_they_may_do(
    access: AccessTokens, issuer: Issuer
) -> None:
    token = issuer.token("reader", "shop", "stock:write")

    reader = Identity(subject="reader", scopes=frozenset({"shop", "stock:write"}), client="mobile")
    assert await access.identity(token) == reader == access.known(token)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"aud": ["other", "shop"]}, {}),
        ({"aud": ["shop"], "client_id": None, "azp": "tablet"}, {"client": "tablet"}),
        ({"client_id": None}, {"client": ""}),
        ({"scope": None, "scp": ["a", "b"]}, {"scopes": frozenset("ab")}),
        ({"scope": None}, {"scopes": frozenset()}),
        ({"jti": None, "sid": None}, {}),
    ],
)
async def test_issuers_may_write_the_same_in_different_ways(
    access: AccessTokens, issuer: Issuer, changed: dict[str, Any], told: dict[str, Any]
) -> None:
    usual: dict[str, Any] = {"subject": "reader", "scopes": frozenset({"shop"}), "client": "mobile"}

    identity = await access.identity(issuer.token("reader", "shop", **changed))
    assert identity == Identity(**{**usual, **told})


@pytest.mark.parametrize("seconds", [{"exp": -5}, {"nbf": 5, "iat": 5}, {"iat": -0.5, "exp": 59.5}])
async def test_the_issuers_clock_may_be_a_little_off(
    access: AccessTokens, issuer: Issuer, seconds: dict[str, float]
) -> None:
    changed: dict[str, Any] = {name: time.time() + off for name, off in seconds.items()}

    assert (await access.identity(issuer.token("reader", **changed))).subject == "reader"


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", None])
async def test_these_kinds_of_token_are_access_tokens(
    access: AccessTokens, issuer: Issuer, typ: str | None
) -> None:
    assert (await access.identity(issuer.token("reader", headers={"typ": typ}))).subject == "reader"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp": int(time.time()) - 60}, "expired"),
        ({"exp": None}, "no exp"),
        ({"exp": "tomorrow"}, "no exp"),
        ({"exp": True}, "no exp"),
        ({"exp": 1e400}, "no exp"),
        ({"nbf": int(time.time()) + HOUR}, "not yet valid"),
        ({"nbf": "now"}, "no nbf"),
        ({"iat": int(time.time()) + HOUR}, "not yet valid"),
        ({"iat": None}, "no iat"),
        ({"iss": "https://somebody.else"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "another-shop"}, "another audience"),
        ({"aud": ["another", "shops"]}, "another audience"),
        ({"aud": {"shop": 1}}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"aud": "web", "nonce": "n", "at_hash": "h"}, "another audience"),
        ({"at_hash": "h"}, "another kind"),
        ({"events": {}}, "another kind"),
        ({"sub": None}, "no subject"),
        ({"sub": ""}, "no subject"),
        ({"sub": 7}, "sub is no text"),
        ({"sub": "guest:nobody"}, "no subject that can be a user's"),
        ({"sub": "a" * 256}, "no subject"),
        ({"sid": 7}, "sid is no text"),
        ({"client_id": ["web"]}, "client_id is no text"),
    ],
)
async def test_a_token_of_the_issuer_that_is_not_true_here_and_now_is_refused(
    access: AccessTokens, issuer: Issuer, changed: dict[str, Any], why: str
) -> None:
    assert why in await reason(access, issuer.token("reader", **changed))


@pytest.mark.parametrize(
    "headers",
    [
        {"typ": "logout+jwt"},
        {"typ": "internal+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": "secevent+jwt"},
        {"typ": ""},
        {"typ": 7},
        {"typ": "application/application/at+jwt"},
    ],
)
async def test_other_kinds_of_token_of_the_issuer_are_refused(
    access: AccessTokens, issuer: Issuer, headers: dict[str, Any]
) -> None:
    claims = issuer.claims("reader", "shop")
    header = {"alg": "EdDSA", "kid": issuer.signer.id, **headers}
    content = f"{encoded(header)}.{encoded(claims)}"
    assert "of another kind" in await reason(access, f"{content}.{encoded(_signature(issuer, content))}")


def _signature(issuer: Issuer, content: str) -> bytes:
    algorithm = jwt.get_algorithm_by_name("EdDSA")
    return algorithm.sign(content.encode(), algorithm.prepare_key(issuer.signer.private))


async def test_an_internal_token_is_no_access_token(access: AccessTokens, signing_key: str) -> None:
    identity = Identity(subject="reader", scopes=frozenset({"shop"}))
    for audience in ("shop", "gateway"):
        internal = Signer(signing_key, "gateway").authorization(identity, audience).decode()
        assert "of another kind" in await reason(access, internal.removeprefix("Bearer "))


@pytest.mark.parametrize("extension", [["b64"], ["exp"], [], "exp", None])
async def test_a_token_that_demands_extensions_is_refused(
    access: AccessTokens, issuer: Issuer, extension: Any
) -> None:
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": issuer.signer.id, "crit": extension}
    content = f"{encoded(header)}.{encoded(issuer.claims('reader'))}"
    token = f"{content}.{encoded(_signature(issuer, content))}"

    why = await reason(access, token)
    assert "demands" in why or "crit" in why.lower()


def unsigned(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims("clerk"), "", algorithm="none", headers={"typ": "at+jwt"})


def unsigned_but_for_its_header(issuer: Issuer) -> str:
    _, content, signature = issuer.token("clerk").split(".")
    return f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': issuer.signer.id})}.{content}.{signature}"


def unsigned_in_odd_letters(issuer: Issuer) -> str:
    return f"{encoded({'alg': 'nOnE', 'typ': 'JWT'})}.{encoded(issuer.claims('clerk'))}."


def of_no_algorithm(issuer: Issuer) -> str:
    _, content, signature = issuer.token("clerk").split(".")
    return f"{encoded({'typ': 'at+jwt', 'kid': issuer.signer.id})}.{content}.{signature}"


def signed_with_the_public_key_as_a_password(issuer: Issuer) -> str:
    pem = issuer.signer.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hmac_of(issuer, pem)


def signed_with_the_raw_public_key_as_a_password(issuer: Issuer) -> str:
    x = issuer.signer.public_jwk["x"]
    return hmac_of(issuer, base64.urlsafe_b64decode(x + "=="))


def signed_with_nothing_as_a_password(issuer: Issuer) -> str:
    return hmac_of(issuer, b"")


def signed_by_another_under_the_issuers_kid(issuer: Issuer) -> str:
    other = IssuerKey("EdDSA", IssuerKey.new().private, issuer.signer.id)
    return issuer.token("clerk", key=other)


def bringing_its_own_key(issuer: Issuer) -> str:
    other = IssuerKey.new()
    return issuer.token("clerk", key=other, headers={"jwk": other.public_jwk})


def bringing_its_own_key_under_the_issuers_kid(issuer: Issuer) -> str:
    other = IssuerKey("EdDSA", IssuerKey.new().private, issuer.signer.id)
    return issuer.token("clerk", key=other, headers={"jwk": other.public_jwk})


def bringing_a_certificate(issuer: Issuer) -> str:
    return issuer.token("clerk", key=IssuerKey.new(), headers={"x5c": ["MIIB"], "kid": None})


def with_changed_claims(issuer: Issuer) -> str:
    header, _, signature = issuer.token("reader").split(".")
    return f"{header}.{encoded(issuer.claims('clerk'))}.{signature}"


def without_a_signature(issuer: Issuer) -> str:
    return issuer.token("clerk").rpartition(".")[0] + "."


def cut_short(issuer: Issuer) -> str:
    return issuer.token("clerk")[:-5]


def of_another_algorithm_than_its_key(issuer: Issuer) -> str:
    other = IssuerKey("ES256", IssuerKey.new("ES256").private, issuer.signer.id)
    return issuer.token("clerk", key=other)


def of_an_algorithm_that_is_not_allowed(issuer: Issuer) -> str:
    return issuer.token("clerk", key=issuer.announce("RS256"))


def of_no_claims(issuer: Issuer) -> str:
    content = f"{encoded({'alg': 'EdDSA', 'kid': issuer.signer.id})}.{encoded([1])}"
    return f"{content}.{encoded(_signature(issuer, content))}"


def nested_too_deeply(_issuer: Issuer) -> str:
    return f"{encoded(b'[' * 5000)}.e30.AA"


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        unsigned_but_for_its_header,
        unsigned_in_odd_letters,
        of_no_algorithm,
        signed_with_the_public_key_as_a_password,
        signed_with_the_raw_public_key_as_a_password,
        signed_with_nothing_as_a_password,
        signed_by_another_under_the_issuers_kid,
        bringing_its_own_key,
        bringing_its_own_key_under_the_issuers_kid,
        bringing_a_certificate,
        with_changed_claims,
        without_a_signature,
        cut_short,
        of_another_algorithm_than_its_key,
        of_an_algorithm_that_is_not_allowed,
        of_no_claims,
        nested_too_deeply,
        lambda _issuer: "",
        lambda _issuer: "..",
        lambda _issuer: "a.b.c",
        lambda _issuer: "é.ü.\udc80",
        lambda issuer: issuer.token("clerk") + ".more",
        lambda issuer: issuer.token("clerk", pad="a" * 8192),
    ],
)
async def test_a_forged_token_is_refused(
    access: AccessTokens, issuer: Issuer, forge: Callable[[Issuer], str]
) -> None:
    token = forge(issuer)

    assert "token" in (await reason(access, token)).lower()
