"""Apps as consumers of services: what their clients send and read, and what services offer."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Header
from msgspec import Struct
from pydantic import BaseModel

from frontispiece.contracts.upstreams import conflicts, upstream_calls
from frontispiece.pages import loader
from frontispiece.upstream import Reply, Service


class Author(Struct, frozen=True):
    """Who wrote a note."""

    name: str
    born: int | None = None


class Note(Struct, frozen=True):
    """A note, as far as it is read."""

    text: str
    author: Author
    counts: dict[str, int] = {}


class Notes:
    """The notes."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def get(self, name: str) -> Note:
        return await self._service.get(f"/notes/{name}", Note)

    @loader(max_size=100)
    async def load(self, names: Sequence[str]) -> Mapping[str, Note]:
        found = await self._service.get("/notes?" + "&".join(f"name={each}" for each in names), list[Note])
        return dict(zip(names, found, strict=True))

    async def write(self, name: str, note: Note, key: str) -> None:
        headers = ((b"idempotency-key", key.encode()),)
        await self._service.send("PUT", f"/notes/{name}", type(None), body=note, headers=headers)

    async def follow(self) -> Reply:
        return await self._service.open("/changes")


ARGUMENTS = {"Notes.write": {"note": Note("Buy ink", Author("Ann")), "key": "an-intent"}}


class AuthorBody(BaseModel):
    name: str
    born: int


class NoteBody(BaseModel):
    text: str
    author: AuthorBody
    counts: dict[str, int]
    later: int


class NewNote(BaseModel):
    text: str
    author: dict[str, Any]
    counts: dict[str, int] | None = None


def notes() -> FastAPI:
    """A service that offers all of it."""
    app = FastAPI()

    @app.get("/notes/{id}")
    async def note(id: str) -> NoteBody:  # noqa: A002
        raise NotImplementedError

    @app.get("/notes")
    async def some(name: str) -> list[NoteBody]:
        raise NotImplementedError

    @app.put("/notes/{id}")
    async def put(id: str, body: NewNote, idempotency_key: Annotated[str, Header()]) -> None: ...  # noqa: A002

    @app.get("/changes")
    async def changes() -> None: ...

    return app


def changed(*path: str | int, to: Any = None, required: list[str] | None = None) -> dict[str, Any]:
    """The service's OpenAPI document with another value at a path, None for none; `required` of new notes."""
    openapi = notes().openapi()
    place: Any = openapi
    for step in path[:-1]:
        place = place[step]
    if required is not None:
        openapi["components"]["schemas"]["NewNote"]["required"] = required
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return openapi


async def found(openapi: dict[str, Any]) -> list[str] | None:
    contract = await upstream_calls("pages", {Notes: "notes"}, ARGUMENTS)
    return conflicts(contract, {"notes": openapi}.get)["notes"]


async def test_each_method_of_a_client_is_a_call_with_what_it_sends_and_reads() -> None:
    contract = await upstream_calls("pages", {Notes: "notes"}, ARGUMENTS)

    assert contract["consumer"] == "pages"
    get, load, write, follow = contract["services"]["notes"]["http"]
    assert get == {
        "client": "Notes.get",
        "method": "GET",
        "path": "/notes/{name}",
        "query": (),
        "headers": (),
        "sends": {},
        "reads": {
            "text": "string",
            "author": "object",
            "author.name": "string",
            "author.born": "integer | null, optional",
            "counts": "object, optional",
            "counts.*": "integer",
        },
    }
    assert load["query"] == ("name",)
    assert load["reads"]["[].author.name"] == "string"
    assert (write["method"], write["headers"], write["sends"]["text"]) == (
        "PUT",
        ("idempotency-key",),
        "string",
    )
    assert follow["reads"] is None


async def test_a_service_that_offers_all_of_it_has_no_conflicts() -> None:
    assert await found(notes().openapi()) == []


BODY = "components", "schemas", "NoteBody"
NEW = "components", "schemas", "NewNote"


@pytest.mark.parametrize(
    ("openapi", "conflict"),
    [
        (changed("paths", "/changes"), "Notes.follow, GET /changes: there is no such operation"),
        (
            changed("paths", "/notes/{id}", "get"),
            "Notes.get, GET /notes/{name}: there is no such operation",
        ),
        (
            changed("paths", "/notes", "get", "parameters", 0, "name", to="id"),
            "Notes.load, GET /notes: query name is sent, and not taken",
        ),
        (
            changed("paths", "/notes", "get", "parameters", 0, "name", to="id"),
            "Notes.load, GET /notes: query id is required, and not sent",
        ),
        (
            changed("paths", "/notes/{id}", "put", "parameters", 1, "name", to="if-match"),
            "Notes.write, PUT /notes/{name}: header if-match is required, and not sent",
        ),
        (
            changed("paths", "/notes/{id}", "put", "requestBody"),
            "Notes.write, PUT /notes/{name}: a body is sent, and none is taken",
        ),
        (
            changed(*NEW, "properties", "text"),
            "Notes.write, PUT /notes/{name}: text is sent, and not taken",
        ),
        (
            changed(*NEW, "properties", "text", to={"type": "integer"}),
            "Notes.write, PUT /notes/{name}: text is sent as string, and taken as integer",
        ),
        (
            changed(*NEW, "properties", "place", to={"type": "string"}, required=["text", "author", "place"]),
            "Notes.write, PUT /notes/{name}: place is required, and not sent",
        ),
        (
            changed(*BODY, "properties", "text"),
            "Notes.get, GET /notes/{name}: text is read, and not sent",
        ),
        (
            changed(*BODY, "required", to=["author", "counts"]),
            "Notes.get, GET /notes/{name}: text is read as always there, and may be left out",
        ),
        (
            changed(*BODY, "properties", "text", to={"anyOf": [{"type": "string"}, {"type": "null"}]}),
            "Notes.get, GET /notes/{name}: text is read as string, and sent as null | string",
        ),
        (
            changed(*BODY, "properties", "text", to={}),
            "Notes.get, GET /notes/{name}: text is read as string, and sent as anything",
        ),
        (
            changed("components", "schemas", "AuthorBody", "properties", "born", to={"type": "string"}),
            "Notes.load, GET /notes: [].author.born is read as integer | null, optional, and sent as string",
        ),
    ],
)
async def test_what_a_service_does_not_offer_is_named(openapi: dict[str, Any], conflict: str) -> None:
    assert conflict in (await found(openapi) or ())


async def test_optional_fields_may_be_missing_and_others_may_come() -> None:
    assert await found(changed("components", "schemas", "AuthorBody", "properties", "born")) == []
