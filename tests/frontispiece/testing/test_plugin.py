"""`frontispiece.testing` as a project uses it: a BFF and a table of its own, in front of fake services."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from frontispiece.pages import Page, bff
from frontispiece.security import Identity
from frontispiece.testing import (
    AccessTokens,
    Clock,
    Identities,
    ServeBff,
    ServeGateway,
    Upstreams,
    access_tokens,
    clock,
    identities,
    send_hostile_requests,
    serve_bff,
    serve_gateway,
    staging,
    upstreams,
)
from frontispiece.testing.contracts import breaches
from frontispiece.upstream import Service
from tests.frontispiece.gateway.grpc.library import Library, descriptor_set
from tests.support.serving import raw_server
from tests.support.tables import route, route_table

__all__ = ["access_tokens", "clock", "identities", "serve_bff", "serve_gateway", "upstreams"]


class Note(Struct):
    text: str


class Notes:
    def __init__(self, service: Service) -> None:
        self.service = service

    async def get(self, note_id: str) -> Note:
        return await self.service.get(f"/notes/{note_id}", Note)


page = Page("/notes/{note_id}", deadline=60)
mine = Page("/me", deadline=60)


@page.source()
async def note(note_id: str, notes: Notes) -> Note:
    return await notes.get(note_id)


@page.view
def screen(note: Note) -> Note:
    return note


@mine.source()
async def caller(identity: Identity) -> str:
    return identity.subject


@mine.view
def who(caller: str) -> str:
    return caller


create_app = bff("pages", pages=[page, mine], clients={Notes: "notes"})


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    file = tmp_path / "routes.toml"
    public = route("/notes/{note_id}", to="notes", methods=["GET", "POST"])
    private = route("/private/{note_id}", to="notes:/notes/{note_id}", auth="bearer", scopes=["read"])
    file.write_text(route_table(public, private))
    return file


async def test_a_bff_reads_what_a_fake_service_responds(upstreams: Upstreams, serve_bff: ServeBff) -> None:
    upstreams["notes"].get("/notes/1").respond(json={"text": "Buy ink"})
    upstreams["notes"].get("/notes/2").respond(404)

    async with serve_bff(create_app) as client:
        found, missing = await client.get("/notes/1"), await client.get("/notes/2")

    assert found.json() == {"text": "Buy ink"}
    assert missing.status_code == 404


async def test_a_service_that_is_down_fails_as_in_production(
    upstreams: Upstreams, serve_bff: ServeBff
) -> None:
    upstreams["notes"].get("/notes/1").mock(side_effect=httpx.ConnectError("refused"))

    async with serve_bff(create_app) as client:
        response = await client.get("/notes/1")

    assert response.status_code == 503


async def test_a_bff_knows_its_caller(identities: Identities, serve_bff: ServeBff) -> None:
    async with serve_bff(create_app) as client:
        known = await client.get("/me", headers=identities.bearer("pages", "reader", "shop"))
        for_another = await client.get("/me", headers=identities.bearer("elsewhere", "reader"))

    assert known.json() == "reader"
    assert for_another.status_code == 401


async def test_a_gateway_takes_access_tokens_and_checks_their_scopes(
    upstreams: Upstreams,
    access_tokens: AccessTokens,
    serve_gateway: ServeGateway,
    routes: Path,
    tmp_path: Path,
) -> None:
    upstreams["notes"].get("/notes/1").respond(json={"text": "Buy ink"})

    async with serve_gateway(routes) as client:
        statuses = [
            (await client.get("/private/1", headers=headers)).status_code
            for headers in (
                {},
                access_tokens.bearer("reader"),
                access_tokens.bearer("reader", "read"),
                access_tokens.bearer("reader", "read", exp=1),
            )
        ]
        of_new_key = AccessTokens(tmp_path / "jwks.json").bearer("reader", "read")
        at_once = await client.get("/private/1", headers=of_new_key)

    assert statuses == [401, 403, 200, 401]
    assert at_once.status_code == 200


async def test_a_gateway_refuses_every_hostile_request(
    upstreams: Upstreams, serve_gateway: ServeGateway, routes: Path
) -> None:
    behind = upstreams["notes"].route().respond(json={"text": "smuggled"})

    async with serve_gateway(routes) as client:
        accepted = await send_hostile_requests(str(client.base_url), "/notes/1")

    assert accepted == []
    assert not behind.called


async def test_a_server_that_takes_a_hostile_request_is_found_out(upstreams: Upstreams) -> None:

    async def polite(reader: object, writer: object) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]

    async with raw_server(polite) as url:
        accepted = await send_hostile_requests(url, "/notes/1")

    assert "two hosts: 200" in accepted


async def test_what_is_cached_what_a_token_says_and_limits_expire_when_the_clock_is_moved_on(
    clock: Clock,
    upstreams: Upstreams,
    access_tokens: AccessTokens,
    serve_gateway: ServeGateway,
    tmp_path: Path,
) -> None:
    calls = upstreams["notes"].get("/notes/1").respond(json={"text": "Buy ink"})
    cached = route("/notes/{note_id}", to="notes", cache={"ttl": "1m"})
    private = route("/private/{note_id}", to="notes:/notes/{note_id}", auth="bearer")
    limits = {"rate": "1/hour", "by": "address"}
    limited = route("/limited/{note_id}", to="notes:/notes/{note_id}", rate_limit=limits)
    (tmp_path / "routes.toml").write_text(route_table(cached, private, limited))
    token = access_tokens.bearer("reader")

    async with serve_gateway(tmp_path / "routes.toml") as client:
        for _ in range(2):
            await client.get("/notes/1")
        assert calls.call_count == 1
        assert (await client.get("/private/1", headers=token)).status_code == 200
        assert [(await client.get("/limited/1")).status_code for _ in range(2)] == [200, 429]
        clock.advance(3600)
        assert (await client.get("/limited/1")).status_code == 200
        await client.get("/notes/1")
        late = await client.get("/private/1", headers=token)
        new = await client.get("/private/1", headers=access_tokens.bearer("reader"))

    assert calls.call_count == 6
    assert (late.status_code, new.status_code) == (401, 200)


async def test_the_deadline_of_a_page_passes_when_the_clock_is_moved_on(
    clock: Clock, upstreams: Upstreams, serve_bff: ServeBff
) -> None:
    async def late(_request: httpx.Request) -> httpx.Response:
        clock.advance(61)
        await asyncio.Event().wait()
        raise AssertionError

    upstreams["notes"].get("/notes/1").mock(side_effect=late)

    async with serve_bff(create_app) as client:
        response = await client.get("/notes/1")

    assert response.status_code == 504


PACT = {
    "consumer": {"name": "reader"},
    "provider": {"name": "pages"},
    "interactions": [
        {
            "description": "a note",
            "providerStates": [{"name": "there is a note", "params": {"text": "Buy ink"}}],
            "request": {"method": "GET", "path": "/notes/1"},
            "response": {"status": 200, "body": {"text": "Buy ink"}},
        },
        {
            "description": "who it is",
            "request": {"method": "GET", "path": "/me", "headers": {"Authorization": "Bearer x"}},
            "response": {"status": 200},
        },
    ],
    "metadata": {"pactSpecification": {"version": "3.0.0"}},
}


async def test_a_bff_is_verified_against_the_contracts_of_its_clients(tmp_path: Path) -> None:
    (tmp_path / "reader").mkdir()
    (tmp_path / "reader" / "1.0.0.json").write_text(json.dumps(PACT))
    (tmp_path / "released.toml").write_text('[[reader]]\nversion = "1.0.0"\n')

    def a_note(upstreams: Upstreams, text: str) -> None:
        upstreams["notes"].get("/notes/1").respond(json={"text": text})

    def another_note(upstreams: Upstreams, **_parameters: str) -> None:
        upstreams["notes"].get("/notes/1").respond(json={"text": "Buy pens"})

    bffs = {"pages": create_app}
    kept = await breaches(tmp_path, staging(bffs, {"there is a note": a_note}, user="reader"))
    broken = await breaches(tmp_path, staging(bffs, {"there is a note": another_note}, user="reader"))

    assert kept == []
    assert len(broken) == 1
    assert broken[0].startswith("reader 1.0.0, a note, text: ")


async def test_a_service_over_grpc_is_called_at_the_name_that_it_is_registered_by(
    serve_gateway: ServeGateway, tmp_path: Path
) -> None:
    (tmp_path / "library.binpb").write_bytes(descriptor_set())
    services = {"library": {"url": "registry://library-grpc", "descriptors": "library.binpb"}}
    books = route("/books/{name}", to="grpc://library/Library.GetBook", timeout="20s")
    (tmp_path / "routes.toml").write_text(route_table(books, services=services))

    async with Library().serving() as address:
        async with serve_gateway(tmp_path / "routes.toml") as client:
            assert (await client.get("/nothing")).status_code == 404
        async with serve_gateway(tmp_path / "routes.toml", **{"library-grpc": address}) as client:
            response = await client.get("/books/a")

    assert response.json()["name"] == "a"
