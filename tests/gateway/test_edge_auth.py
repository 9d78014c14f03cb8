"""Who may pass: told at the gateway, once, and again by every service behind."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kit.settings import TokenSettings
from tests.conftest import MakeToken
from tests.gateway.conftest import Edge

PROBLEM = "urn:frontispiece:problem:"


def claims(**changed: Any) -> dict[str, Any]:
    """The claims of a true token, with these in their place; None leaves one out."""
    now = datetime.now(UTC)
    true = {
        "iss": "frontispiece-demo",
        "aud": "shop",
        "sub": "reader",
        "scope": "shop",
        "iat": now,
        "exp": now + timedelta(minutes=5),
    }
    return {name: value for name, value in (true | changed).items() if value is not None}


def signed(private_key: str, **changed: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {jwt.encode(claims(**changed), private_key, algorithm='EdDSA')}"}


def assert_refused(answer: httpx.Response, status: int, kind: str) -> str:
    """The answer is this problem; gives its challenge."""
    assert (answer.status_code, answer.json()["type"]) == (status, PROBLEM + kind)
    challenge: str = answer.headers["www-authenticate"]
    return challenge


async def test_an_open_route_asks_for_nothing_and_passes_no_credentials_on(
    edge: Edge, bearer: MakeToken
) -> None:
    for headers in ({}, bearer("reader", "shop"), {"Authorization": "Bearer nonsense"}):
        assert (await edge.http.get("/things/7", headers=headers)).status_code == 200
        assert edge.things.last.all(b"authorization") == []


async def test_a_true_token_passes_and_goes_on_to_the_service(edge: Edge, bearer: MakeToken) -> None:
    token = bearer("reader")

    assert (await edge.http.get("/mine", headers=token)).status_code == 200
    assert edge.things.last.all(b"authorization") == [token["Authorization"].encode()]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic cmVhZGVyOng=", "Token abc"])
async def test_without_a_bearer_token_one_is_asked_for(edge: Edge, header: str | None) -> None:
    answer = await edge.http.get("/mine", headers={"Authorization": header} if header is not None else {})

    assert assert_refused(answer, 401, "token-missing") == "Bearer"
    assert not edge.things.asked


async def test_a_token_needs_every_scope_of_the_route_and_is_told_which_are_missing(
    edge: Edge, bearer: MakeToken
) -> None:
    some = await edge.http.post("/mine/written", headers=bearer("reader", "shop", "other"))
    none = await edge.http.post("/mine/written", headers=bearer("reader"))
    every = await edge.http.post("/mine/written", headers=bearer("clerk", "shop", "things:write", "other"))

    assert every.status_code == 200
    assert len(edge.things.asked) == 1
    challenge = assert_refused(some, 403, "scope-missing")
    assert challenge == 'Bearer error="insufficient_scope", scope="things:write"'
    assert some.json()["scope"] == "things:write"
    assert assert_refused(none, 403, "scope-missing").endswith('scope="shop things:write"')


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"exp": datetime.now(UTC) - timedelta(seconds=1)}, "The token has expired"),
        ({"nbf": datetime.now(UTC) + timedelta(hours=1)}, "not yet valid"),
        ({"iss": "somebody-else"}, "issuer"),
        ({"aud": "another-shop"}, "udience"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"sub": None}, "sub"),
        ({"iss": None}, "iss"),
        ({"aud": None}, "aud"),
        ({"sub": 7}, "ubject"),
    ],
)
async def test_a_token_of_ours_that_is_not_true_here_and_now_is_refused_with_the_reason(
    edge: Edge, private_key: str, changed: dict[str, Any], why: str
) -> None:
    challenge = assert_refused(
        await edge.http.get("/mine", headers=signed(private_key, **changed)), 401, "token-invalid"
    )

    assert challenge.startswith('Bearer error="invalid_token", error_description="')
    assert challenge.count('"') == 4
    assert why in challenge
    assert not edge.things.asked


def forged_by_another_key(_public_key: str, true: str) -> str:
    other = Ed25519PrivateKey.generate()
    return jwt.encode(jwt.decode(true, options={"verify_signature": False}), other, algorithm="EdDSA")


def unsigned(_public_key: str, true: str) -> str:
    return jwt.encode(jwt.decode(true, options={"verify_signature": False}), "", algorithm="none")


def unsigned_but_for_its_header(_public_key: str, true: str) -> str:
    return f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{true.split('.')[1]}.{true.split('.')[2]}"


def signed_with_the_public_key_as_a_password(public_key: str, true: str) -> str:
    content = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{true.split('.')[1]}"
    mac = hmac.new(public_key.encode(), content.encode(), hashlib.sha256).digest()
    return f"{content}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def bringing_its_own_key(_public_key: str, true: str) -> str:
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    told = jwt.decode(true, options={"verify_signature": False})
    return jwt.encode(told, key, algorithm="EdDSA", headers={"jwk": jwk})


def with_changed_claims(_public_key: str, true: str) -> str:
    header, content, signature = true.split(".")
    told = json.loads(base64.urlsafe_b64decode(content + "=="))
    return f"{header}.{encoded(told | {'sub': 'clerk'})}.{signature}"


def without_a_signature(_public_key: str, true: str) -> str:
    return true.rpartition(".")[0] + "."


def cut_short(_public_key: str, true: str) -> str:
    return true[:-5]


def nonsense(_public_key: str, _true: str) -> str:
    return "a.b.c"


def of_letters_beyond_ascii(_public_key: str, _true: str) -> str:
    return "é.ü.ß"


def encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "forge",
    [
        forged_by_another_key,
        unsigned,
        unsigned_but_for_its_header,
        signed_with_the_public_key_as_a_password,
        bringing_its_own_key,
        with_changed_claims,
        without_a_signature,
        cut_short,
        nonsense,
        of_letters_beyond_ascii,
    ],
)
async def test_a_forged_token_is_refused(
    edge: Edge, bearer: MakeToken, token_settings: TokenSettings, forge: Any
) -> None:
    true = bearer("reader", "shop")["Authorization"].removeprefix("Bearer ")
    token = forge(token_settings.public_key, true)

    answer = await edge.http.get("/mine", headers={b"Authorization": f"Bearer {token}".encode("latin-1")})

    assert 'error="invalid_token"' in assert_refused(answer, 401, "token-invalid")
    assert token not in answer.text
    assert not edge.things.asked


async def test_of_several_tokens_only_the_one_that_was_verified_goes_on(
    edge: Edge, bearer: MakeToken
) -> None:
    true, other = bearer("reader")["Authorization"], "Bearer another"

    passed = await edge.http.get("/mine", headers=[("Authorization", true), ("Authorization", other)])
    refused = await edge.http.get("/mine", headers=[("Authorization", other), ("Authorization", true)])

    assert (passed.status_code, refused.status_code) == (200, 401)
    assert [exchange.all(b"authorization") for exchange in edge.things.asked] == [[true.encode()]]


async def test_a_token_in_the_query_or_a_cookie_counts_for_nothing(edge: Edge, bearer: MakeToken) -> None:
    token = bearer("reader")["Authorization"].removeprefix("Bearer ")

    in_query = await edge.http.get("/mine", params={"access_token": token})
    in_cookie = await edge.http.get("/mine", headers={"Cookie": f"access_token={token}"})

    assert (in_query.status_code, in_cookie.status_code) == (401, 401)


async def test_the_scheme_may_be_written_in_any_case(edge: Edge, bearer: MakeToken) -> None:
    token = bearer("reader")["Authorization"].removeprefix("Bearer ")

    assert (await edge.http.get("/mine", headers={"Authorization": f"bEARER {token}"})).status_code == 200
