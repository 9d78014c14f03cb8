"""A client that has a page's view already gets no more than that."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from msgspec import Struct

from frontispiece.pages import Page
from frontispiece.upstream import UpstreamServerError
from tests.frontispiece.pages.conftest import AppOf, Serve
from tests.support.frames import LINES
from tests.support.pages import WAYS, url_of

STRONG = re.compile(r'"[!#-~]+"')


class Heading(Struct):
    """A view."""

    title: str
    stars: int | None = None


def heading_page(method: str = "GET") -> Page:
    """A page whose view is what the query says, and without its stars: they fail."""
    page = Page("/heading", deadline=60.0, method=method, vary=("accept-language",))

    @page.source()
    async def title(of: str = "one") -> str:
        return of

    @page.source(fallback=lambda: None)
    async def stars() -> int | None:
        raise UpstreamServerError("it answered 500")

    @page.view
    def view(title: str, stars: int | None) -> Heading:
        return Heading(title, stars)

    return page


async def test_the_tag_is_strong_the_same_for_the_same_view_and_another_for_another(serve: Serve) -> None:
    async with serve(heading_page()) as http:
        tags = [
            (await http.get("/heading", params={"of": of})).headers["etag"]
            for of in ("one", "two", "One", "one", "")
        ]

    assert all(STRONG.fullmatch(tag) for tag in tags)
    assert tags[0] == tags[3]
    assert len(set(tags)) == 4


MATCHING = [
    "{tag}",
    "W/{tag}",
    '"other", {tag}',
    "*",
]


async def test_the_lines_of_a_list_are_one_list(serve: Serve) -> None:
    async with serve(heading_page()) as http:
        tag = (await http.get("/heading")).headers["etag"]
        known = await http.get("/heading", headers=[("If-None-Match", '"x,y"'), ("If-None-Match", tag)])
        pieces = await http.get("/heading", headers=[("Accept", "text/html"), ("Accept", LINES)])

    assert known.status_code == 304
    assert pieces.headers["content-type"] == LINES


@pytest.mark.parametrize("if_none_match", MATCHING)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_matching_entity_tag_is_a_304_without_a_body(
    serve: Serve, if_none_match: str, method: str
) -> None:
    async with serve(heading_page()) as http:
        whole = await http.get("/heading")
        tag = whole.headers["etag"]
        answer = await http.request(
            method, "/heading", headers={"If-None-Match": if_none_match.format(tag=tag)}
        )

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == tag
    assert answer.headers["vary"] == "accept-language"
    assert answer.headers["page-degraded"] == "stars;reason=failed"
    assert answer.headers["server-timing"].startswith("title;dur=")
    assert not {"content-type", "content-length", "transfer-encoding"} & answer.headers.keys()


Answer = tuple[int, dict[str, str], bytes]


@asynccontextmanager
async def conversation(url: str) -> AsyncIterator[Callable[[str], Awaitable[Answer]]]:
    """`status, headers, body = await exchange(headers)`: questions on one connection, one after the other."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def exchange(headers: str) -> Answer:
        writer.write(f"GET /heading HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode())
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        version, status, *_ = first.split(" ")
        assert version == "HTTP/1.1"
        return int(status), fields, await reader.readexactly(int(fields.get("content-length", 0)))

    try:
        yield exchange
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("way", WAYS)
async def test_over_a_connection_the_answers_after_a_304_are_read_where_they_begin(
    app_of: AppOf, way: str
) -> None:
    async with (
        asyncio.timeout(30),
        url_of(app_of(heading_page()), way) as url,
        conversation(url) as exchange,
    ):
        _, headers, content = await exchange("")
        assert json.loads(content) == {"title": "one", "stars": None}

        for _ in range(2):
            status, again, nothing = await exchange(f"If-None-Match: {headers['etag']}\r\n")
            assert (status, nothing) == (304, b"")
            assert not {"content-type", "content-length", "transfer-encoding"} & again.keys()
            for name in ("etag", "vary", "page-degraded"):
                assert again[name] == headers[name]
            assert again["server-timing"].startswith("title;dur=")

        assert (await exchange(""))[::2] == (200, content)
