"""What a page takes from a request, over ASGI."""

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from frontispiece.pages import Body, Header, Page, PageRequest
from tests.frontispiece.pages.conftest import Serve


class Heading(Struct):
    """A view."""

    title: str


class Note(Struct, forbid_unknown_fields=True):
    """A body."""

    stars: Annotated[int, Meta(ge=1, le=5)]


def note_page() -> Page:
    page = Page("/books/{isbn}/notes", deadline=60.0, method="POST", status=201, vary=("accept-language",))

    @page.source()
    async def title(
        isbn: Annotated[str, Meta(pattern="^[0-9]+$")],
        note: Body[Note],
        request: PageRequest,
        if_unread: Header[bool],
        limit: Annotated[int, Meta(le=10)] = 5,
        tag: list[str] | None = None,
        accept_language: Header[str | None] = None,
    ) -> str:
        assert accept_language == request.header("accept-language")
        return f"{isbn} {note.stars} {limit} {tag} {accept_language} {if_unread}"

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
            headers={"Accept-Language": "de", "If-Unread": "true"},
        )

    assert answer.status_code == 201
    assert answer.json()["title"] == "12 3 7 ['a', 'b'] de True"
    assert answer.headers["vary"] == "accept-language"


async def test_all_errors_of_a_request_are_listed(serve: Serve) -> None:
    async with serve(note_page()) as http:
        answer = await http.post("/books/x/notes?limit=99", json={"stars": 9})

    assert answer.status_code == 422
    assert [error["at"] for error in answer.json()["errors"]] == [
        ["path", "isbn"],
        ["body", "note"],
        ["header", "if_unread"],
        ["query", "limit"],
    ]


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("Content-Type", "")],
        [("Content-Type", "text/plain")],
        [("Content-Type", "text/plain; application/json")],
        [("Content-Type", "application/jsonp")],
        [("Content-Type", "application/x-www-form-urlencoded")],
        [("Content-Type", "application/json, text/plain")],
        [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
    ],
)
async def test_a_body_of_any_other_type_is_a_415_that_names_the_accepted_one(
    serve: Serve, fields: list[tuple[str, str]]
) -> None:
    async with serve(note_page()) as http:
        response = await http.post("/books/12/notes", content=b'{"stars": 3}', headers=fields)

    assert (response.status_code, response.headers["accept"]) == (415, "application/json")
    assert response.json()["type"] == "urn:frontispiece:problem:media-type-unsupported"


async def test_a_missing_body_is_missing_whatever_its_type(serve: Serve) -> None:
    async with serve(note_page()) as http:
        response = await http.post("/books/12/notes", headers={"Content-Type": "text/plain"})

    assert response.status_code == 422


async def test_pages_are_described_in_the_apps_openapi(serve: Serve) -> None:
    async with serve(note_page()) as http:
        document = (await http.get("/openapi.json")).json()

    operation = document["paths"]["/books/{isbn}/notes"]["post"]
    assert {(p["name"], p["in"], p["required"]) for p in operation["parameters"]} == {
        ("isbn", "path", True),
        ("limit", "query", False),
        ("tag", "query", False),
        ("If-Unread", "header", True),
        ("Accept-Language", "header", False),
    }
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("Note")
    assert operation["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("Heading")
    assert set(document["components"]["schemas"]) >= {"Note", "Heading", "Problem"}
    [limit] = [p for p in operation["parameters"] if p["name"] == "limit"]
    assert limit["schema"]["default"] == 5
    assert set(operation["responses"]) == {"201", *("400", "408", "413", "415", "422", "500", "504")}
    assert operation["responses"]["201"]["headers"]["Vary"]["required"]
