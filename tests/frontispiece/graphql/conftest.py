"""A library's graph, whose functions answer themselves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx
import pytest
from msgspec import Struct

from frontispiece.graphql import Graph
from frontispiece.graphql.persisted import OPERATIONS, Persisted, as_json
from frontispiece.pages import BffSettings, Cache, PageApp, bff
from frontispiece.settings import Directory
from frontispiece.upstream import Context, Unreachable, UpstreamClientError
from tests.conftest import AppClient

GraphOf = Callable[..., Graph]
Library = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]

TITLES = "query Titles {\n  books {\n    title\n  }\n}"


class Book(Struct, frozen=True):
    """A book."""

    title: str
    pages: int


class Shelf:
    """What a subscription holds: set once it is given up."""

    left: ClassVar[asyncio.Event]

    @classmethod
    def connect(cls, _directory: Directory, _client: type) -> Self:
        """How the library reaches it."""
        cls.left = asyncio.Event()
        return cls()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def bind(self, _context: Context) -> Self:
        """The same for all."""
        return self

    async def is_ready(self) -> bool:
        """At once."""
        return True


@pytest.fixture
def graph_of() -> GraphOf:
    """`graph_of(…)`: the library's graph; it may be given what `Graph` takes beside its path."""
    return library_graph


def library_graph(**options: Any) -> Graph:
    """The same."""
    graph = Graph("/graphql", deadline=5.0, **options)
    add_queries(graph)
    add_fields(graph)

    @graph.mutation()
    async def add(book: Book) -> Book:
        return book

    @graph.subscription()
    async def returned(count: int = 2) -> AsyncIterator[Book]:
        for number in range(1, count + 1):
            yield Book(f"Book {number}", number)
        if count > 2:
            raise Unreachable("the event stream ended")

    @graph.subscription()
    async def endless(shelf: Shelf) -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            shelf.left.set()

    return graph


def add_queries(graph: Graph) -> None:
    @graph.query(cache=Cache(ttl=60))
    async def books(limit: int = 3) -> list[Book]:
        """The first books."""
        return [Book(f"Book {number}", number) for number in range(1, limit + 1)]

    @graph.query()
    async def missing() -> Book | None:
        raise UpstreamClientError(404, kind="book-unknown", detail="there is no such book")

    @graph.query()
    async def broken() -> str | None:
        raise ZeroDivisionError("of the inside")

    @graph.query(fallback=list)
    async def news() -> list[str]:
        raise Unreachable("nobody is there")


def add_fields(graph: Graph) -> None:
    @graph.field(Book)
    async def summary(book: Book) -> str | None:
        if book.pages == 2:
            raise ZeroDivisionError("of the inside")
        await asyncio.sleep(0)
        return f"{book.title} has {book.pages} pages"

    @graph.field(Book)
    async def sequels(book: Book, limit: int = 2) -> list[Book]:
        return [Book(f"{book.title} {number}", number) for number in range(1, limit + 1)]


def app_of(graph: Graph, *, accept_any: bool = True) -> PageApp:
    """The library's app."""
    library = bff("library", pages=[], apis=[graph], clients={Shelf: Shelf})
    return library(BffSettings(accept_any_document=accept_any))


@pytest.fixture
def library(app_client: AppClient) -> Library:
    """`async with library(graph) as http`: its app, reached without a socket."""
    return lambda graph=None, **options: app_client(app_of(graph or library_graph(), **options))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the persisted operations are."""
    return tmp_path


async def ask(http: httpx.AsyncClient, query: str | None, **parameters: Any) -> Any:
    """The response to an operation, which is carried out."""
    answer = await http.post("/graphql", json={"query": query, **parameters})
    assert answer.status_code == 200
    return answer.json()


def persist(folder: Path, *documents: str) -> None:
    """Make a folder's persisted operations of these documents."""
    made = [Persisted(name="Titles", document=each, clients=("web/1.0.0",)) for each in documents]
    (folder / OPERATIONS).write_text(as_json({each.id: each for each in made}))
