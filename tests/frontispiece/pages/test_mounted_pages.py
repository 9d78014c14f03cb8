"""An app of pages answers the same, mounted in the gateway's process, over ASGI and over a socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from frontispiece.http.asgi import App, Receive, Scope, Send
from frontispiece.pages import Body, Page, PageApp
from frontispiece.pages.endpoint import MAX_BODY
from frontispiece.settings import Directory
from frontispiece.upstream import (
    ClientDisconnected,
    Reply,
    Request,
    Transport,
    UpstreamClientError,
    open_upstream,
)
from frontispiece.upstream.transports.asgi import AsgiTransport
from tests.frontispiece.pages.conftest import AppOf
from tests.support.pages import reply_of
from tests.support.serving import servers


class Book(Struct):
    """A view."""

    title: str
    of: list[str]
    limit: int


class Note(Struct):
    """A body."""

    stars: Annotated[int, Meta(ge=1, le=5)]
    text: str = ""


def book_page() -> Page:
    page = Page("/books/{isbn}", deadline=60.0, vary=("accept-language",))

    @page.source()
    async def title(isbn: str) -> str:
        if isbn == "gone":
            raise UpstreamClientError(410, kind="urn:press:gone", detail="Gone.", retry_after="9")
        if isbn == "bug":
            raise KeyError("secret")
        return f"<{isbn}>"

    @page.view
    def view(title: str, of: list[str] | None = None, limit: Annotated[int, Meta(le=9)] = 5) -> Book:
        return Book(title, of or [], limit)

    return page


def note_page(deadline: float = 5.0) -> Page:
    page = Page("/notes", deadline=deadline, method="POST", status=201)

    @page.source()
    async def title(note: Body[Note]) -> str:
        return f"{note.stars} {note.text}"

    @page.view
    def view(title: str) -> Book:
        return Book(title, [], 0)

    return page


def rest_page() -> Page:
    page = Page("/files/{rest:path}", deadline=60.0)

    @page.view
    def view(rest: str) -> Book:
        return Book(rest, [], 0)

    return page


Way = Literal["direct", "over ASGI", "over a socket"]
NAMED = [(b"x-request-id", b"r-1")]
JSON = [(b"content-type", b"application/json")]
BIG = b'{"stars":1,"text":"%b"}' % (b"x" * MAX_BODY)

REQUESTS: list[tuple[int, str, str, dict[str, Any]]] = [
    (200, "GET", "/books/1", {}),
    (200, "GET", "/books/1?of=a&of=b&limit=7&unknown=", {}),
    (200, "GET", "/books/1?of=%C3%A4+%26%FF&of=", {}),
    (200, "GET", "/books/1?", {}),
    (200, "GET", "/books/%C3%A4%20b", {}),
    (200, "GET", "/files/a/b%20c/d", {}),
    (200, "HEAD", "/books/1", {}),
    (304, "GET", "/books/1", {"headers": [(b"if-none-match", b"*")]}),
    (400, "GET", "/books/a%2Fb", {}),
    (400, "GET", "/books/..", {}),
    (400, "GET", "/books/%2e%2E/notes", {}),
    (400, "GET", "/books//1", {}),
    (400, "GET", "/books/%zz", {}),
    (400, "GET", "/books/%00", {"headers": NAMED}),
    (400, "GET", "/books/%FF", {}),
    (404, "GET", "/nothing", {"headers": NAMED}),
    (404, "GET", "/books/1/nothing", {}),
    (404, "GET", "/books/", {}),
    (405, "PUT", "/books/1", {"headers": NAMED}),
    (405, "GET", "/notes", {}),
    (405, "POST", "/health/live", {}),
    (410, "GET", "/books/gone", {"headers": NAMED}),
    (410, "HEAD", "/books/gone", {}),
    (422, "GET", "/books/1?limit=x", {"headers": NAMED}),
    (422, "GET", "/books/1?limit=10", {}),
    (500, "GET", "/books/bug", {"headers": NAMED}),
    (500, "GET", "/books/bug", {}),
    (201, "POST", "/notes", {"body": b'{"stars":5,"text":"\xc3\xa4"}', "headers": JSON}),
    (422, "POST", "/notes", {}),
    (422, "POST", "/notes", {"body": b'{"stars":9}', "headers": JSON + NAMED}),
    (422, "POST", "/notes", {"body": b'{"stars":', "headers": JSON + NAMED}),
    (422, "POST", "/notes", {"body": b'{"stars":1,"text":"\xff"}', "headers": JSON + NAMED}),
    (422, "POST", "/notes", {"body": b'{"deep":' + b"[" * 60_000, "headers": JSON + NAMED}),
    (415, "POST", "/notes", {"body": b'{"stars":1}', "headers": NAMED}),
    (413, "POST", "/notes", {"body": BIG, "headers": NAMED}),
    (200, "GET", "/health/live", {}),
    (200, "GET", "/health/ready", {}),
    (200, "GET", "/openapi.json", {}),
    (404, "GET", "/docs", {}),
]


def transport_of(app: PageApp, way: Way, url: str) -> Transport | Any:
    """What asks the app in this way."""

    async def over_asgi(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    if way == "over a socket":
        return open_upstream("pages", url, Directory())
    mounted: App = app if way == "direct" else over_asgi
    return AsgiTransport(mounted)


def comparable(reply: Reply) -> dict[bytes, bytes]:
    """The headers, but those that tell of the time and the connection."""
    apart = {b"date", b"connection", b"server-timing"}
    return {name: value for name, value in reply.headers if name not in apart}


@pytest.mark.parametrize(
    ("status", "method", "target", "also"), REQUESTS, ids=[f"{a[0]} {a[1]} {a[2]}" for a in REQUESTS]
)
async def test_the_answer_is_the_same_to_the_byte(
    app_of: AppOf, status: int, method: str, target: str, also: dict[str, Any]
) -> None:
    app = app_of(book_page(), note_page(), rest_page())
    replies = []
    async with asyncio.timeout(30), servers() as serve:
        url = await serve(app)
        for way in ("direct", "over ASGI", "over a socket"):
            for streamed in (False, True) if "body" in also else (False,):
                request = Request(method=method, target=target, **also)
                if streamed:
                    request.body = pieces(also["body"])
                async with transport_of(app, way, url) as transport, await transport.send(request) as reply:
                    content = b"" if method == "HEAD" else await reply.read(10**6)
                    replies.append((reply.status, comparable(reply), content))

    assert [each for each in replies if each != replies[0]] == []
    assert replies[0][0] == status
    assert b"secret" not in replies[0][2]
    if status >= 400:
        assert replies[0][1][b"content-type"] == b"application/problem+json"
    if method != "HEAD" and NAMED[0] in also.get("headers", ()) and status != 304:
        assert msgspec.json.decode(replies[0][2])["request_id"] == "r-1"


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """The content, in pieces of any size."""
    for at in range(0, len(content), 7_001):
        yield content[at : at + 7_001]


async def test_bytes_that_no_client_should_send_mean_the_same_everywhere(app_of: AppOf) -> None:
    replies = []
    for way in ("direct", "over ASGI"):
        request = Request(method="GET", target="/books/1?of=\xe4")
        async with (
            transport_of(app_of(book_page()), way, "") as transport,
            await transport.send(request) as reply,
        ):
            replies.append(await reply.read(1_000))

    assert replies[0] == replies[1]
    assert msgspec.json.decode(replies[0])["of"] == ["\xe4"]


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_body_that_is_too_long_is_not_read_to_its_end(app_of: AppOf, streamed: bool) -> None:  # noqa: FBT001 (pytest names it)
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 10_000
            yield b" " * 10_000

    body = endless() if streamed else b" " * (MAX_BODY + 1)
    reply = await reply_of(app_of(note_page()), Request(method="POST", target="/notes", body=body))

    assert reply.status == 413
    assert taken < MAX_BODY + 20_000


async def stalling() -> AsyncIterator[bytes]:
    """A body that never comes to its end."""
    yield b'{"stars":'
    await asyncio.Event().wait()


async def leaving() -> AsyncIterator[bytes]:
    """A body whose sender goes away."""
    yield b'{"stars":'
    raise ClientDisconnected


@pytest.mark.parametrize("way", ["direct", "over ASGI"])
async def test_a_body_that_does_not_come_in_time_is_not_waited_for(app_of: AppOf, way: Way) -> None:
    request = Request(method="POST", target="/notes", headers=NAMED, body=stalling())
    app = app_of(note_page(deadline=0.05))
    async with transport_of(app, way, "") as transport, await transport.send(request) as reply:
        problem = msgspec.json.decode(await reply.read(1_000))

    assert reply.status == 408
    assert problem["type"] == "urn:frontispiece:problem:body-too-slow"


@pytest.mark.parametrize("way", ["direct", "over ASGI"])
async def test_a_body_that_breaks_off_gets_no_response(app_of: AppOf, way: Way) -> None:
    request = Request(method="POST", target="/notes", body=leaving())
    async with transport_of(app_of(note_page()), way, "") as transport:
        with pytest.raises(ClientDisconnected):
            await transport.send(request)
