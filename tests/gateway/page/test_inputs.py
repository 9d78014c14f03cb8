"""What a page takes from a request, over ASGI."""

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from gateway.page import Body, Inbound, Page
from tests.gateway.page.conftest import Serve


class Heading(Struct):
    """A view."""

    title: str


class Note(Struct, forbid_unknown_fields=True):
    """A body."""

    stars: Annotated[int, Meta(ge=1, le=5)]


def note_page() -> Page:
    page = Page("/books/{isbn}/notes", deadline=1.0, method="POST", status=201, vary=("accept-language",))

    @page.source()
    async def title(
        isbn: Annotated[str, Meta(pattern="^[0-9]+$")],
        note: Body[Note],
        request: Inbound,
        limit: Annotated[int, Meta(le=10)] = 5,
        tag: list[str] | None = None,
    ) -> str:
        return f"{isbn} {note.stars} {limit} {tag} {request.header('accept-language')}"

    @page.view
    def view(title: str) -> Heading:
        return Heading(title)

    return page


async def test_inputs_are_converted_to_their_types(serve: Serve) -> None:
    async with serve(note_page()) as http:
        answer = await http.post(
            "/books/12/notes",
            params={"limit": "7", "tag": ["a", "b"]},
            json={"stars": 3},
            headers={"Accept-Language": "de"},
        )

    assert answer.status_code == 201
    assert answer.json()["title"] == "12 3 7 ['a', 'b'] de"
    assert answer.headers["vary"] == "accept-language"


async def test_every_misfit_of_a_request_is_told_at_once(serve: Serve) -> None:
    async with serve(note_page()) as http:
        answer = await http.post("/books/x/notes?limit=99", json={"stars": 9})

    assert answer.status_code == 422
    assert [error["at"] for error in answer.json()["errors"]] == [
        ["path", "isbn"],
        ["body", "note"],
        ["query", "limit"],
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"stars":1,"price":2}', b"[]"])
async def test_a_body_that_does_not_fit_is_a_422(serve: Serve, body: bytes) -> None:
    async with serve(note_page()) as http:
        answer = await http.post("/books/1/notes", content=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == ["body", "note"]


async def test_a_body_without_end_is_a_413(serve: Serve) -> None:
    async with serve(note_page()) as http:
        answer = await http.post("/books/1/notes", content=b" " * 100_000)
    assert answer.status_code == 413


async def test_pages_are_described_in_the_apps_openapi(serve: Serve) -> None:
    async with serve(note_page()) as http:
        document = (await http.get("/openapi.json")).json()

    operation = document["paths"]["/books/{isbn}/notes"]["post"]
    assert {(p["name"], p["in"], p["required"]) for p in operation["parameters"]} == {
        ("isbn", "path", True),
        ("limit", "query", False),
        ("tag", "query", False),
    }
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("Note")
    assert operation["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("Heading")
    assert set(document["components"]["schemas"]) >= {"Note", "Heading"}
