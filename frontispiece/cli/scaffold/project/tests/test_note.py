"""The note page, in front of fake services."""

import httpx
from web.app import create_app

from frontispiece.testing import ServeBff, Upstreams


async def test_a_note_comes_with_its_related_notes_in_two_calls(
    upstreams: Upstreams, serve_bff: ServeBff
) -> None:
    notes = upstreams["notes"]
    notes.get("/notes/1").respond(json={"id": "1", "text": "Buy ink", "related": ["2", "3"]})
    many = notes.get("/notes").respond(json=[{"id": "2", "text": "Two"}, {"id": "3", "text": "Three"}])

    async with serve_bff(create_app) as client:
        response = await client.get("/notes/1")

    assert response.json() == {"text": "Buy ink", "related": ["Two", "Three"]}
    assert many.call_count == 1


async def test_a_note_comes_without_related_notes_when_these_fail(
    upstreams: Upstreams, serve_bff: ServeBff
) -> None:
    notes = upstreams["notes"]
    notes.get("/notes/1").respond(json={"id": "1", "text": "Buy ink", "related": ["2"]})
    notes.get("/notes").mock(side_effect=httpx.ConnectError("refused"))

    async with serve_bff(create_app) as client:
        response = await client.get("/notes/1")

    assert response.json() == {"text": "Buy ink", "related": []}
    assert response.headers["page-degraded"] == "related;reason=unavailable"


async def test_an_unknown_note_is_a_404(upstreams: Upstreams, serve_bff: ServeBff) -> None:
    upstreams["notes"].get("/notes/9").respond(404)

    async with serve_bff(create_app) as client:
        response = await client.get("/notes/9")

    assert response.status_code == 404
