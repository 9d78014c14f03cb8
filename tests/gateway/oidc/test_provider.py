"""What the gateway asks of the issuer, its document and tokens for codes, and what bad answers come to."""

import asyncio
import base64
from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway.oidc import IssuerSettings, Provider, ProviderUnavailable, TokenRefused
from gateway.oidc.http import LONGEST
from tests.support.issuer import Issuer, answer
from tests.support.serving import Serve, nobody_there
from tests.support.stub import Answer, Exchange, Stub, answering

GIVEN: dict[str, Any] = {
    "access_token": "a",
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_token": "r",
    "id_token": "i",
    "scope": "openid shop",
}


def taking(issuer: Issuer, path: str, status: int, said: Any) -> list[Exchange]:
    """Let the issuer answer forms that are posted there; gives what it was sent."""
    sent: list[Exchange] = []

    async def take(exchange: Exchange) -> None:
        await exchange.read()
        sent.append(exchange)
        await answer(exchange, status, said)

    issuer.endpoints["POST", path] = take
    return sent


def form(exchange: Exchange) -> dict[str, str]:
    assert exchange.all(b"content-type") == [b"application/x-www-form-urlencoded"]
    return dict(parse_qsl(exchange.body.decode(), strict_parsing=True))


# The document.


async def test_the_document_says_where_everything_is(provider: Provider, issuer: Issuer) -> None:
    told = await provider.metadata()

    assert (told.issuer, told.token_endpoint) == (issuer.url, f"{issuer.url}/token")
    assert told.iss_in_response
    assert await provider.metadata() is told
    assert issuer.times_asked("/.well-known/openid-configuration") == 1


async def test_what_an_issuer_need_not_have_may_be_missing(provider: Provider, issuer: Issuer) -> None:
    issuer.changed = dict.fromkeys(
        ("end_session_endpoint", "revocation_endpoint", "authorization_response_iss_parameter_supported")
    )
    told = await provider.metadata()

    assert (told.end_session_endpoint, told.revocation_endpoint, told.iss_in_response) == (None, None, False)
    await provider.revoke("r")
    assert "/revoke" not in issuer.asked


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://another.example"},
        {"issuer": None},
        {"token_endpoint": None},
        {"jwks_uri": 7},
        {"jwks_uri": "http://far.example/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"end_session_endpoint": "http://far.example/logout"},
        {"token_endpoint": "https://user:secret@far.example/token"},
        {"token_endpoint": "https://[broken"},
    ],
)
async def test_a_document_that_cannot_be_trusted_is_not(
    provider: Provider, issuer: Issuer, changed: dict[str, Any]
) -> None:
    issuer.changed = changed

    with pytest.raises(ProviderUnavailable):
        await provider.metadata()


async def test_many_who_need_the_document_ask_for_it_once(provider: Provider, issuer: Issuer) -> None:
    await asyncio.gather(*(provider.metadata() for _ in range(20)))

    assert issuer.times_asked("/.well-known/openid-configuration") == 1


async def test_the_issuer_is_reached_by_another_way_than_browsers_take(serve: Serve) -> None:
    inner = Issuer()
    via = await serve(inner)
    inner.url = "https://shop.example/identity"
    taking(inner, "/token", 200, GIVEN)
    async with Provider(IssuerSettings(url=inner.url, via=f"{via}/"), client_id="web") as provider:
        told = await provider.metadata()
        await provider.refresh("r")
        identity = await provider.access_tokens().identity(inner.token("reader"))

    assert told.authorization_endpoint == "https://shop.example/identity/authorize"
    assert identity.subject == "reader"
    assert {"/token", "/keys"} <= set(inner.asked)


async def test_another_issuer_whose_name_only_begins_alike_is_not_reached_that_way(serve: Serve) -> None:
    inner = Issuer()
    via = await serve(inner)
    inner.url = "https://shop.example/identity"
    inner.changed = {"token_endpoint": "https://shop.example/identity-of-another/token"}
    taking(inner, "-of-another/token", 200, GIVEN)
    async with Provider(IssuerSettings(url=inner.url, via=via), client_id="web") as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.refresh("r")

    assert not any("another" in path for path in inner.asked)


# Tokens.


async def test_a_code_becomes_tokens_for_the_client_that_proves_itself(
    provider: Provider, issuer: Issuer
) -> None:
    sent = taking(issuer, "/token", 200, GIVEN)
    tokens = await provider.exchange("c+d", "v", "https://shop.example/web/session/callback")

    assert (tokens.access_token, tokens.refresh_token, tokens.id_token) == ("a", "r", "i")
    assert (tokens.expires_in, tokens.scope) == (300.0, frozenset({"openid", "shop"}))
    assert form(sent[0]) == {
        "grant_type": "authorization_code",
        "code": "c+d",
        "code_verifier": "v",
        "redirect_uri": "https://shop.example/web/session/callback",
    }
    (proof,) = sent[0].all(b"authorization")
    assert base64.b64decode(proof.removeprefix(b"Basic ")) == b"web:s3cr%3At+%C3%A9"


async def test_no_token_is_shown_where_somebody_prints_them(provider: Provider, issuer: Issuer) -> None:
    taking(issuer, "/token", 200, {**GIVEN, "access_token": "secret-a", "refresh_token": "secret-r"})

    assert "secret" not in repr(await provider.refresh("r"))


async def test_a_public_client_names_itself_in_the_form(issuer: Issuer) -> None:
    sent = taking(issuer, "/token", 200, GIVEN)
    async with Provider(issuer.settings, client_id="mobile") as provider:
        await provider.refresh("old")

    assert form(sent[0]) == {"grant_type": "refresh_token", "refresh_token": "old", "client_id": "mobile"}
    assert sent[0].all(b"authorization") == []


async def test_what_the_issuer_leaves_out_is_taken_carefully(provider: Provider, issuer: Issuer) -> None:
    taking(issuer, "/token", 200, {"access_token": "a", "token_type": "bearer"})
    tokens = await provider.refresh("r")

    assert (tokens.refresh_token, tokens.id_token, tokens.scope, tokens.expires_in) == (None, None, None, 60)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refusal_is_told_apart_from_an_issuer_that_is_away(
    provider: Provider, issuer: Issuer, status: int
) -> None:
    taking(issuer, "/token", status, {"error": "invalid_grant", "error_description": "It has ended."})

    for refused in (provider.refresh("r"), provider.exchange("c", "v", "https://a")):
        with pytest.raises(TokenRefused) as refusal:
            await refused
        assert (refusal.value.error, refusal.value.description) == ("invalid_grant", "It has ended.")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, {"error": "invalid_grant"}),
        (503, {}),
        (429, {"error": "slow_down"}),
        (400, {}),
        (400, ["error"]),
        (302, GIVEN),
        (204, GIVEN),
        (200, []),
        (200, {}),
        (200, {**GIVEN, "token_type": "DPoP"}),
        (200, {**GIVEN, "access_token": ""}),
        (200, {**GIVEN, "access_token": 7}),
        (200, {**GIVEN, "refresh_token": ["r"]}),
        (200, {**GIVEN, "expires_in": -1}),
        (200, {**GIVEN, "expires_in": "soon"}),
        (200, {**GIVEN, "expires_in": None}),
        (200, {**GIVEN, "scope": ["openid"]}),
        (200, {**GIVEN, "pad": "a" * LONGEST}),
    ],
)
async def test_nonsense_is_no_answer(provider: Provider, issuer: Issuer, status: int, said: Any) -> None:
    taking(issuer, "/token", status, said)

    with pytest.raises(ProviderUnavailable):
        await provider.refresh("r")


@pytest.mark.parametrize(
    "answers",
    [
        answering(200, b"\xff\xfe"),
        answering(200, b"[" * 100_000),
        answering(200, b"{}", (b"content-encoding", b"gzip")),
        answering(301, b"", (b"location", b"/keys")),
    ],
)
async def test_what_is_no_document_is_none(serve: Serve, answers: Answer) -> None:
    url = await serve(Stub(answers))
    async with Provider(IssuerSettings(url=url)) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.metadata()


async def test_an_issuer_that_is_not_there_is_unavailable_and_not_named_to_clients() -> None:
    url = nobody_there()
    async with Provider(IssuerSettings(url=url)) as provider:
        with pytest.raises(ProviderUnavailable) as failure:
            await provider.metadata()

    assert (failure.value.status, failure.value.kind) == (503, "issuer-unavailable")
    assert url in str(failure.value)
    assert url not in failure.value.body().decode()


async def test_a_refresh_token_is_given_back(provider: Provider, issuer: Issuer) -> None:
    sent = taking(issuer, "/revoke", 200, {})
    await provider.revoke("r")

    assert form(sent[0]) == {"token": "r", "token_type_hint": "refresh_token"}
    taking(issuer, "/revoke", 400, {"error": "unsupported_token_type"})
    with pytest.raises(TokenRefused, match="unsupported_token_type"):
        await provider.revoke("r")


async def test_a_provider_that_is_closed_lets_go_of_everything(issuer: Issuer) -> None:
    before = asyncio.all_tasks()
    issuer.held.clear()
    async with Provider(issuer.settings) as provider:
        asking = asyncio.create_task(provider.metadata())
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await asking
    issuer.held.set()

    left = {task for task in asyncio.all_tasks() - before if "provider" in repr(task.get_coro())}
    assert not left
    with pytest.raises(RuntimeError, match="not open"):
        await provider.metadata()
