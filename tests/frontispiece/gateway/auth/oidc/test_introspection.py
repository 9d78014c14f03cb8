"""Tokens that are no JWTs: the issuer is asked about them, seldom, and what it says is verified as well."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.auth.oidc import AccessTokens, IssuerSettings, Provider, ProviderUnavailable
from frontispiece.security import Identity, InvalidToken
from tests.support.clock import START, Clock
from tests.support.issuer import Issuer, answer, authorization
from tests.support.stub import Exchange

TOKEN = "mF_9.B5f-4.1JqM"  # of RFC 6750: it is no JWT, though it has its form
CLIENT = {"introspection_client_id": "gate way", "introspection_client_secret": "s3cr:t é"}


class Endpoint:
    """The issuer's introspection endpoint: tests change what it knows, and look at what it was asked."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.known: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.authorizations: list[bytes] = []
        self.status = 200
        self.held = asyncio.Event()
        self.held.set()
        issuer.endpoints["POST", "/introspect"] = self._respond
        issuer.changed = {"introspection_endpoint": f"{issuer.url}/introspect"}

    def know(self, token: str = TOKEN, **changed: Any) -> str:
        """Have an active token; None leaves a member out."""
        members = {"active": True, "token_type": "Bearer", **self.issuer.claims("reader", "shop"), **changed}
        self.known[token] = {name: value for name, value in members.items() if value is not None}
        return token

    async def _respond(self, exchange: Exchange) -> None:
        form = parse_qs((await exchange.read()).decode())
        assert form["token_type_hint"] == ["access_token"]
        self.asked += form["token"]
        self.authorizations += exchange.all(b"authorization")
        await self.held.wait()
        await answer(exchange, self.status, self.known.get(form["token"][0], {"active": False}))


@pytest.fixture
def endpoint(issuer: Issuer) -> Endpoint:
    return Endpoint(issuer)


@pytest.fixture
async def opaque(issuer: Issuer, endpoint: Endpoint, clock: Clock) -> AsyncIterator[AccessTokens]:
    """The access tokens of an issuer that is asked about those that are no JWTs."""
    assert endpoint
    settings = issuer.settings.model_copy(update={"introspection": "discovery", **CLIENT})
    async with Provider(settings, clock=clock) as provider:
        yield provider.access_tokens()


async def test_the_issuer_says_whose_a_token_is(opaque: AccessTokens, endpoint: Endpoint) -> None:
    verified = await opaque.verify(endpoint.know())

    assert verified.identity == Identity(subject="reader", scopes=frozenset({"shop"}), client="mobile")
    assert opaque.cached(authorization(TOKEN)) is verified
    (credentials,) = endpoint.authorizations
    assert base64.b64decode(credentials.removeprefix(b"Basic ")) == b"gate+way:s3cr%3At+%C3%A9"


async def test_the_endpoint_may_be_set(issuer: Issuer, endpoint: Endpoint) -> None:
    issuer.changed = {}
    update = {"introspection": f"{issuer.url}/introspect", **CLIENT}
    async with Provider(issuer.settings.model_copy(update=update)) as provider:
        await provider.access_tokens().verify(endpoint.know())

    assert endpoint.asked == [TOKEN]


async def test_a_jwt_is_verified_here(opaque: AccessTokens, endpoint: Endpoint, issuer: Issuer) -> None:
    await opaque.verify(issuer.token("reader"))

    assert endpoint.asked == []


async def test_an_active_token_is_introspected_once_a_minute(
    opaque: AccessTokens, endpoint: Endpoint, clock: Clock
) -> None:
    endpoint.know()
    for _ in range(3):
        await opaque.verify(TOKEN)
    clock.advance(59.9)
    await opaque.verify(TOKEN)
    assert endpoint.asked == [TOKEN]

    clock.advance(0.1)
    await opaque.verify(TOKEN)
    assert endpoint.asked == [TOKEN] * 2


async def test_an_active_token_is_not_cached_beyond_its_expiry(
    opaque: AccessTokens, endpoint: Endpoint, clock: Clock
) -> None:
    await opaque.verify(endpoint.know(exp=clock.now + 5))
    clock.advance(5)

    assert opaque.cached(authorization(TOKEN)) is None


async def test_a_token_that_is_not_active_is_refused_for_a_while_without_asking(
    opaque: AccessTokens, endpoint: Endpoint, clock: Clock
) -> None:
    for _ in range(3):
        with pytest.raises(InvalidToken, match="not active"):
            await opaque.verify(TOKEN)
    assert endpoint.asked == [TOKEN]

    clock.advance(10)
    await opaque.verify(endpoint.know())
    assert endpoint.asked == [TOKEN] * 2


async def test_concurrent_calls_with_one_token_ask_once(opaque: AccessTokens, endpoint: Endpoint) -> None:
    endpoint.know()
    verified = await asyncio.gather(*(opaque.verify(TOKEN) for _ in range(20)))

    assert {each.identity.subject for each in verified} == {"reader"}
    assert endpoint.asked == [TOKEN]


async def test_a_flood_of_invented_tokens_does_not_reach_the_issuer(
    opaque: AccessTokens, endpoint: Endpoint
) -> None:
    endpoint.held.clear()
    calls = [asyncio.create_task(opaque.verify(f"invented-{n}")) for n in range(200)]
    done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    assert all(isinstance(call.exception(), ProviderUnavailable) for call in done)
    endpoint.held.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {ProviderUnavailable, InvalidToken}
    assert len(endpoint.asked) == 32


async def test_what_the_issuer_says_is_verified(opaque: AccessTokens, endpoint: Endpoint) -> None:
    invalid: list[tuple[dict[str, Any], str]] = [
        ({"active": "true"}, "not active"),
        ({"active": 1}, "not active"),
        ({"active": None}, "not active"),
        ({"iss": "https://somebody.else"}, "another issuer"),
        ({"aud": "another-api"}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"token_type": "Refresh"}, "another type"),
        ({"token_type": "DPoP"}, "another type"),
        ({"typ": "ID"}, "another type"),
        ({"exp": 1}, "expired"),
        ({"exp": "soon"}, "no exp"),
        ({"exp": 10**300}, "no exp"),
        ({"nbf": START + 3600}, "not yet valid"),
        ({"exp": START + 90_000}, "lifetime is too long"),
        ({"sub": None}, "no subject"),
        ({"sub": "guest:1"}, "no subject"),
    ]
    for number, (changed, why) in enumerate(invalid):
        with pytest.raises(InvalidToken, match=why):
            await opaque.verify(endpoint.know(f"token-{number}", **changed))
    assert len(opaque) == 0


async def test_what_can_be_no_token_is_not_introspected(opaque: AccessTokens, endpoint: Endpoint) -> None:
    for token in ["", "a b", "é", "a\n", "a=b", "a" * 8193, "\udc80"]:
        with pytest.raises(InvalidToken):
            await opaque.verify(token)
        assert endpoint.asked == [], token


async def test_an_issuer_that_does_not_say_makes_no_token_invalid(
    opaque: AccessTokens, endpoint: Endpoint
) -> None:
    endpoint.know()
    for endpoint.status in (401, 403, 404, 429, 500):
        with pytest.raises(ProviderUnavailable):
            await opaque.verify(TOKEN)

    endpoint.status = 200
    await opaque.verify(TOKEN)


async def test_a_login_that_ends_takes_its_tokens_along(opaque: AccessTokens, endpoint: Endpoint) -> None:
    await opaque.verify(endpoint.know(sid="one"))
    opaque.evict(sid="one")

    assert opaque.cached(authorization(TOKEN)) is None


async def test_a_key_that_is_removed_takes_none_of_them_along(
    opaque: AccessTokens, endpoint: Endpoint
) -> None:
    await opaque.verify(endpoint.know())
    opaque.evict_other_keys(frozenset())

    assert opaque.cached(authorization(TOKEN)) is not None


@pytest.mark.parametrize(
    ("changed", "variable"),
    [
        ({"introspection": "discovery"}, "INTROSPECTION_CLIENT_SECRET"),
        (
            {"introspection": "discovery", **CLIENT, "introspection_client_id": ""},
            "INTROSPECTION_CLIENT_SECRET",
        ),
        ({"introspection": "http://id.example/introspect", **CLIENT}, "INTROSPECTION"),
        ({"introspection": "discovery", "jwks": "https://id.example/keys", **CLIENT}, "INTROSPECTION"),
    ],
)
def test_introspection_needs_a_client_and_an_endpoint(changed: dict[str, Any], variable: str) -> None:
    with pytest.raises(ConfigError, match=f"ISSUER_{variable}"):
        IssuerSettings(url="https://id.example", **changed)
