"""The issuer's metadata and token endpoint, and invalid responses of both."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import pytest

from frontispiece.gateway.auth.oidc import IssuerSettings, Provider, ProviderUnavailable, TokenRefused
from frontispiece.gateway.auth.oidc.http import MAX_BYTES
from tests.support.issuer import Issuer, answer
from tests.support.serving import Serve
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
async def test_an_invalid_document_is_refused(
    provider: Provider, issuer: Issuer, changed: dict[str, Any]
) -> None:
    issuer.changed = changed

    with pytest.raises(ProviderUnavailable):
        await provider.metadata()


async def test_the_issuer_is_reached_by_another_way_than_browsers_take(serve: Serve) -> None:
    inner = Issuer()
    via = await serve(inner)
    inner.url = "https://shop.example/identity"
    taking(inner, "/token", 200, GIVEN)
    async with Provider(IssuerSettings(url=inner.url, backend_url=f"{via}/"), client_id="web") as provider:
        told = await provider.metadata()
        await provider.refresh("r")
        verified = await provider.access_tokens().verify(inner.token("reader"))

    assert told.authorization_endpoint == "https://shop.example/identity/authorize"
    assert verified.identity.subject == "reader"
    assert {"/token", "/keys"} <= set(inner.paths)


async def test_another_issuer_whose_name_only_begins_alike_is_not_reached_that_way(serve: Serve) -> None:
    inner = Issuer()
    via = await serve(inner)
    inner.url = "https://shop.example/identity"
    inner.changed = {"token_endpoint": "https://shop.example/identity-of-another/token"}
    taking(inner, "-of-another/token", 200, GIVEN)
    async with Provider(IssuerSettings(url=inner.url, backend_url=via), client_id="web") as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.refresh("r")

    assert not any("another" in path for path in inner.paths)


async def test_the_repr_of_a_token_response_has_no_token(provider: Provider, issuer: Issuer) -> None:
    taking(issuer, "/token", 200, {**GIVEN, "access_token": "secret-a", "refresh_token": "secret-r"})

    assert "secret" not in repr(await provider.refresh("r"))


async def test_a_public_client_names_itself_in_the_form(issuer: Issuer) -> None:
    sent = taking(issuer, "/token", 200, GIVEN)
    async with Provider(issuer.settings, client_id="mobile") as provider:
        await provider.refresh("old")

    assert form(sent[0]) == {"grant_type": "refresh_token", "refresh_token": "old", "client_id": "mobile"}
    assert sent[0].all(b"authorization") == []


async def test_a_token_response_may_be_short(provider: Provider, issuer: Issuer) -> None:
    taking(issuer, "/token", 200, {"access_token": "a", "token_type": "bearer"})
    tokens = await provider.refresh("r")

    assert (tokens.refresh_token, tokens.id_token, tokens.scope) == (None, None, None)
    assert tokens.expires_at - tokens.refresh_at == 30


async def test_an_oauth_error_is_no_failure(provider: Provider, issuer: Issuer) -> None:
    for status in [400, 401, 403]:
        taking(issuer, "/token", status, {"error": "invalid_grant", "error_description": "It has ended."})

        for refused in (provider.refresh("r"), provider.exchange("c", "v", "https://a")):
            with pytest.raises(TokenRefused) as refusal:
                await refused
            assert (refusal.value.error, refusal.value.description) == ("invalid_grant", "It has ended."), (
                status
            )


async def test_an_invalid_token_response_is_refused(provider: Provider, issuer: Issuer) -> None:
    for status, said in [
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
        (200, {**GIVEN, "pad": "a" * MAX_BYTES}),
    ]:
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
async def test_another_response_than_a_json_document_is_refused(serve: Serve, answers: Answer) -> None:
    url = await serve(Stub(answers))
    async with Provider(IssuerSettings(url=url)) as provider:
        with pytest.raises(ProviderUnavailable):
            await provider.metadata()


async def test_an_issuer_may_refuse_to_revoke_a_token(provider: Provider, issuer: Issuer) -> None:
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
