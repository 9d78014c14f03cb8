"""Access tokens that are forged, of another issuer or audience, or expired: each is refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from frontispiece.gateway.auth.oidc import AccessTokens, Provider
from frontispiece.security import Identity, InvalidToken
from tests.support.clock import START, Clock
from tests.support.issuer import Issuer, IssuerKey, authorization

HOUR = 3600

OFF_THE_CLOCK: tuple[Any, ...] = (10**400, -(10**400), 10**300, 2**53, True, "7")
"""Values of JSON that are no time; Python reads each of them without an error."""


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
        await access.verify(token)
    assert access.cached(authorization(token)) is None
    with pytest.raises(InvalidToken) as second:
        await access.verify(token)
    assert str(first.value) == str(second.value)
    return str(first.value)


async def test_a_token_is_cached_until_it_expires_and_refused_then(
    access: AccessTokens, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.token("reader", exp=int(clock.now) + 300)
    assert access.cached(authorization(token)) is None
    verified = await access.verify(token)

    clock.now += 299
    assert access.cached(authorization(token)) is await access.verify(token) is verified
    clock.now += 1 + issuer.settings.clock_skew
    assert access.cached(authorization(token)) is None
    assert "expired" in await reason(access, token)


async def test_issuers_may_write_the_same_in_different_ways(access: AccessTokens, issuer: Issuer) -> None:
    usual: dict[str, Any] = {"subject": "reader", "scopes": frozenset({"shop"}), "client": "mobile"}

    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"aud": ["other", "api"]}, {}),
        ({"aud": ["api"], "client_id": None, "azp": "tablet"}, {"client": "tablet"}),
        ({"client_id": None}, {"client": ""}),
        ({"scope": None, "scp": ["a", "b"]}, {"scopes": frozenset("ab")}),
        ({"scope": None}, {"scopes": frozenset()}),
        ({"jti": None, "sid": None}, {}),
    ]
    for changed, told in cases:
        verified = await access.verify(issuer.token("reader", "shop", **changed))
        assert verified.identity == Identity(**{**usual, **told}), (changed, told)


async def test_clock_skew_is_tolerated(access: AccessTokens, issuer: Issuer) -> None:
    cases: list[dict[str, Any]] = [
        {"exp": START - 5},
        {"nbf": START + 5, "iat": START + 5},
        {"iat": START - 0.5, "exp": START + 59.5},
    ]
    for changed in cases:
        assert (await access.verify(issuer.token("reader", **changed))).identity.subject == "reader", changed


async def test_accepted_types_of_access_tokens(access: AccessTokens, issuer: Issuer) -> None:
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", None]:
        assert (
            await access.verify(issuer.token("reader", headers={"typ": typ}))
        ).identity.subject == "reader", typ


async def test_a_token_of_the_issuer_that_is_not_true_here_and_now_is_refused(
    access: AccessTokens, issuer: Issuer
) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"exp": int(START) - 60}, "expired"),
        ({"exp": None}, "no exp"),
        ({"exp": "tomorrow"}, "no exp"),
        ({"exp": True}, "no exp"),
        *(({"exp": value}, "no exp") for value in OFF_THE_CLOCK),
        *(({"nbf": value}, "no nbf") for value in OFF_THE_CLOCK),
        *(({"iat": value}, "no iat") for value in OFF_THE_CLOCK),
        ({"nbf": int(START) + HOUR}, "not yet valid"),
        ({"nbf": "now"}, "no nbf"),
        ({"iat": int(START) + HOUR}, "not yet valid"),
        ({"iat": None}, "no iat"),
        ({"iss": "https://somebody.else"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "another-shop"}, "another audience"),
        ({"aud": ["another", "shops"]}, "another audience"),
        ({"aud": {"api": 1}}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"aud": "web", "nonce": "n", "at_hash": "h"}, "another audience"),
        ({"at_hash": "h"}, "another type"),
        ({"c_hash": "h"}, "another type"),
        ({"s_hash": "h"}, "another type"),
        ({"nonce": "n"}, "another type"),
        ({"nonce": None, "events": {}}, "another type"),
        ({"typ": "ID"}, "another type"),
        ({"typ": "Refresh"}, "another type"),
        ({"token_use": "id"}, "another type"),
        *(
            ({name: value, "scope": None, "client_id": None}, "another type")
            for name, value in {"auth_time": int(START), "acr": "1", "amr": ["pwd"]}.items()
        ),
        ({"exp": int(START) + 25 * HOUR}, "lifetime is too long"),
        ({"iat": 0}, "lifetime is too long"),
        ({"sub": None}, "no subject"),
        ({"sub": ""}, "no subject"),
        ({"sub": 7}, "sub is no string"),
        ({"sub": "guest:nobody"}, "no subject that can be a user's"),
        ({"sub": "a" * 256}, "no subject"),
        ({"sid": 7}, "sid is no string"),
        ({"client_id": ["web"]}, "client_id is no string"),
    ]
    for changed, why in cases:
        assert why in await reason(access, issuer.token("reader", **changed)), (changed, why)


async def test_an_access_token_may_tell_of_the_login(access: AccessTokens, issuer: Issuer) -> None:
    cases: list[dict[str, Any]] = [
        {"auth_time": int(START), "acr": "1", "amr": ["pwd"]},
        {"typ": "Bearer"},
        {"token_use": "access"},
        {"auth_time": int(START), "client_id": None, "scope": None, "scp": ["a"]},
    ]
    for changed in cases:
        assert (await access.verify(issuer.token("reader", **changed))).identity.subject == "reader", changed


async def test_the_type_of_access_tokens_can_be_demanded(issuer: Issuer) -> None:
    settings = issuer.settings.model_copy(update={"require_at_jwt": True})
    async with Provider(settings) as provider:
        access = provider.access_tokens()
        for accepted in ("at+jwt", "application/AT+JWT"):
            await access.verify(issuer.token("reader", headers={"typ": accepted}))
        for typ in ("JWT", None, "application/jwt"):
            assert "of another type" in await reason(access, issuer.token("reader", headers={"typ": typ})), (
                typ
            )


async def test_the_longest_lifetime_is_a_setting(issuer: Issuer, clock: Clock) -> None:
    settings = issuer.settings.model_copy(update={"max_token_lifetime": 600.0})
    now = int(clock.now)
    async with Provider(settings, clock=clock) as provider:
        access = provider.access_tokens()
        await access.verify(issuer.token("reader", iat=now - 300, exp=now + 300))

        assert "lifetime" in await reason(access, issuer.token("reader", iat=now - 301, exp=now + 300))


async def test_other_types_are_refused(access: AccessTokens, issuer: Issuer) -> None:
    cases: list[dict[str, Any]] = [
        {"typ": "logout+jwt"},
        {"typ": "internal+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": "secevent+jwt"},
        {"typ": ""},
        {"typ": 7},
        {"typ": "application/application/at+jwt"},
    ]
    for headers in cases:
        header = {"alg": "EdDSA", "kid": issuer.signer.id, **headers}
        token = signed(issuer, header, issuer.claims("reader", "shop"))

        assert "of another type" in await reason(access, token), headers


def signed(issuer: Issuer, header: dict[str, Any], claims: Any) -> str:
    """A token with this very header, signed by the issuer's key."""
    algorithm = jwt.get_algorithm_by_name("EdDSA")
    content = f"{encoded(header)}.{encoded(claims)}"
    signature = algorithm.sign(content.encode(), algorithm.prepare_key(issuer.signer.private))
    return f"{content}.{encoded(signature)}"


async def test_critical_headers_are_refused(access: AccessTokens, issuer: Issuer) -> None:
    for extension in [["b64"], ["exp"], [], "exp", None]:
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": issuer.signer.id, "crit": extension}
        why = await reason(access, signed(issuer, header, issuer.claims("reader")))
        assert "demands" in why or "crit" in why.lower(), extension


def impostor(issuer: Issuer, algorithm: str = "EdDSA") -> IssuerKey:
    """Another key under the issuer's key id."""
    return IssuerKey(algorithm, IssuerKey.new(algorithm).private, issuer.signer.id)


def with_header(issuer: Issuer, **header: Any) -> str:
    """A valid token with another header in place of the signed one."""
    _, content, signature = issuer.token("clerk").split(".")
    return f"{encoded({'typ': 'at+jwt', 'kid': issuer.signer.id, **header})}.{content}.{signature}"


def with_changed_claims(issuer: Issuer) -> str:
    header, _, signature = issuer.token("reader").split(".")
    return f"{header}.{encoded(issuer.claims('clerk'))}.{signature}"


def bringing_its_own_key(issuer: Issuer, key: IssuerKey) -> str:
    return issuer.token("clerk", key=key, headers={"jwk": key.public_jwk})


def public_pem(issuer: Issuer) -> bytes:
    return issuer.signer.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


FORGERIES: dict[str, Callable[[Issuer], str]] = {
    "unsigned": lambda i: jwt.encode(i.claims("clerk"), "", algorithm="none", headers={"typ": "at+jwt"}),
    "unsigned but for its header": lambda i: with_header(i, alg="none"),
    "unsigned in odd letters": lambda i: f"{encoded({'alg': 'nOnE'})}.{encoded(i.claims('clerk'))}.",
    "no algorithm": with_header,
    "HMAC with the public key": lambda i: hmac_of(i, public_pem(i)),
    "HMAC with the raw public key": lambda i: hmac_of(
        i, base64.urlsafe_b64decode(i.signer.public_jwk["x"] + "==")
    ),
    "HMAC with an empty key": lambda i: hmac_of(i, b""),
    "another key under the issuer's id": lambda i: i.token("clerk", key=impostor(i)),
    "a key of its own": lambda i: bringing_its_own_key(i, IssuerKey.new()),
    "a key of its own under the issuer's id": lambda i: bringing_its_own_key(i, impostor(i)),
    "a certificate": lambda i: i.token("clerk", key=IssuerKey.new(), headers={"x5c": ["MIIB"], "kid": None}),
    "changed claims": with_changed_claims,
    "no signature": lambda i: i.token("clerk").rpartition(".")[0] + ".",
    "cut short": lambda i: i.token("clerk")[:-5],
    "another algorithm than its key's": lambda i: i.token("clerk", key=impostor(i, "ES256")),
    "an algorithm that is not allowed": lambda i: i.token("clerk", key=i.announce("RS256")),
    "the same bytes in another text": lambda i: (
        (token := i.token("clerk"))[:-1] + chr(ord(token[-1]) + 1)  # A, Q, g or w: four bits are unused
    ),
    "no claims": lambda i: signed(i, {"alg": "EdDSA", "kid": i.signer.id}, [1]),
    "nested too deeply": lambda _: f"{encoded(b'[' * 5000)}.e30.AA",
    "nothing": lambda _: "",
    "two dots": lambda _: "..",
    "three letters": lambda _: "a.b.c",
    "letters beyond ASCII": lambda _: "é.ü.\udc80",
    "a fourth part": lambda i: i.token("clerk") + ".more",
    "too long": lambda i: i.token("clerk", pad="a" * 8192),
}


async def test_a_forged_token_is_refused(access: AccessTokens, issuer: Issuer) -> None:
    for name, forge in FORGERIES.items():
        why = await reason(access, forge(issuer))
        assert "token" in why.lower(), name
        assert "HMAC" not in name or "algorithm that is not allowed" in why, name
