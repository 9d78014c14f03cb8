"""A client that has a page's view already is told no more than that."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from msgspec import Struct

from gateway.page import Page
from gateway.upstream import Failed
from tests.gateway.page.conftest import AppOf, Serve
from tests.support.pages import WAYS, url_of

STRONG = re.compile(r'"[!#-~]+"')


class Heading(Struct):
    """A view."""

    title: str
    stars: int | None = None


def heading_page(method: str = "GET") -> Page:
    """A page whose view is what the query says, and without its stars: they fail."""
    page = Page("/heading", deadline=5.0, method=method, vary=("accept-language",))

    @page.source()
    async def title(of: str = "one") -> str:
        return of

    @page.source(fallback=lambda: None)
    async def stars() -> int | None:
        raise Failed("it answered 500")

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


async def test_apps_in_other_processes_give_the_same_view_the_same_tag(serve: Serve) -> None:
    async with serve(heading_page()) as one, serve(heading_page()) as other:
        assert (await one.get("/heading")).headers["etag"] == (await other.get("/heading")).headers["etag"]


HELD = ["{tag}", "W/{tag}", '"other", {tag}', '{tag},"other"', ' "other" ,\tW/{tag} ', "*", ', ,"",{tag},']
NOT_HELD = [
    '"other"',
    "W/",
    "",
    ",",
    "{bare}",
    "w/{tag}",
    '"{bare}',
    '"x{bare}"',
    "W/ {tag}",
    "\xff\xfe",
    "'*'",
]


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_who_has_the_view_is_told_so_without_a_body(serve: Serve, held: str, method: str) -> None:
    async with serve(heading_page()) as http:
        whole = await http.get("/heading")
        tag = whole.headers["etag"]
        answer = await http.request(method, "/heading", headers={"If-None-Match": held.format(tag=tag)})

    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == tag
    assert answer.headers["vary"] == "accept-language"
    assert answer.headers["page-degraded"] == "stars;reason=failed"
    assert answer.headers["server-timing"].startswith("title;dur=")
    assert not {"content-type", "content-length", "transfer-encoding"} & answer.headers.keys()


@pytest.mark.parametrize("held", NOT_HELD)
async def test_who_has_something_else_or_talks_rubbish_gets_the_view(serve: Serve, held: str) -> None:
    async with serve(heading_page()) as http:
        tag = (await http.get("/heading")).headers["etag"]
        said = held.format(tag=tag, bare=tag.strip('"')).encode("latin-1")
        answer = await http.get("/heading", headers={b"If-None-Match": said})

    assert (answer.status_code, answer.headers["etag"]) == (200, tag)
    assert answer.json() == {"title": "one", "stars": None}


async def test_the_tag_of_an_older_view_does_not_hold_any_more(serve: Serve) -> None:
    async with serve(heading_page()) as http:
        old = (await http.get("/heading", params={"of": "old"})).headers["etag"]
        answer = await http.get("/heading", params={"of": "new"}, headers={"If-None-Match": old})

    assert (answer.status_code, answer.json()["title"]) == (200, "new")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_changes_something_has_no_tag_and_is_never_left_out(serve: Serve, method: str) -> None:
    async with serve(heading_page(method)) as http:
        answer = await http.request(method, "/heading", headers={"If-None-Match": "*"})

    assert (answer.status_code, answer.json()["title"]) == (200, "one")
    assert "etag" not in answer.headers


async def test_a_page_that_fails_has_no_tag(serve: Serve) -> None:
    page = Page("/heading", deadline=5.0)

    @page.source()
    async def title() -> str:
        raise Failed("it answered 500")

    @page.view
    def view(title: str) -> Heading:
        return Heading(title)

    async with serve(page) as http:
        answer = await http.get("/heading", headers={"If-None-Match": "*"})

    assert answer.status_code == 502
    assert "etag" not in answer.headers


Answer = tuple[int, dict[str, str], bytes]


@asynccontextmanager
async def conversation(url: str) -> AsyncIterator[Callable[[str], Awaitable[Answer]]]:
    """`status, headers, body = await said(headers)`: questions on one connection, one after the other."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def said(headers: str) -> Answer:
        writer.write(f"GET /heading HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode())
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        version, status, *_ = first.split(" ")
        assert version == "HTTP/1.1"
        return int(status), told, await reader.readexactly(int(told.get("content-length", 0)))

    try:
        yield said
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("way", WAYS)
async def test_over_a_connection_the_answers_after_a_304_are_read_where_they_begin(
    app_of: AppOf, way: str
) -> None:
    async with (
        asyncio.timeout(10),
        url_of(app_of(heading_page()), way) as url,
        conversation(url) as said,
    ):
        _, headers, content = await said("")
        assert json.loads(content) == {"title": "one", "stars": None}

        for _ in range(2):
            status, again, nothing = await said(f"If-None-Match: {headers['etag']}\r\n")
            assert (status, nothing) == (304, b"")
            assert not {"content-type", "content-length", "transfer-encoding"} & again.keys()
            for name in ("etag", "vary", "page-degraded"):
                assert again[name] == headers[name]
            assert again["server-timing"].startswith("title;dur=")

        assert (await said(""))[::2] == (200, content)
