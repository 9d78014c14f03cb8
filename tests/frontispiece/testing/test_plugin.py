"""`frontispiece.testing` as a project uses it: a BFF and a table of its own, in front of fake services."""

from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from frontispiece.pages import Page, bff
from frontispiece.security import Identity
from frontispiece.testing import (
    AccessTokens,
    Identities,
    ServeBff,
    ServeGateway,
    Upstreams,
    access_tokens,
    identities,
    send_hostile_requests,
    serve_bff,
    serve_gateway,
    upstreams,
)
from frontispiece.upstream import Service
from tests.support.serving import raw_server
from tests.support.tables import route, route_table

__all__ = ["access_tokens", "identities", "serve_bff", "serve_gateway", "upstreams"]


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
    upstreams: Upstreams, access_tokens: AccessTokens, serve_gateway: ServeGateway, routes: Path
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

    assert statuses == [401, 403, 200, 401]


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
