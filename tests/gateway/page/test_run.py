"""How sources depend on each other while a page runs."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from msgspec import Struct

from gateway.page import Body, Page
from gateway.upstream import Failed, Nonsense, Unreachable
from kit.asgi import Receive, Scope, Send
from kit.problems import Problem
from tests.gateway.page.conftest import AppOf, Serve
from tests.support.serving import client_of, servers


class Book(Struct):
    """A view."""

    title: str
    extra: str


def page_of(*, title: Callable[[], str], deadline: float = 5.0) -> Page:
    """A page with a required `title`; `extra` is for the test to add."""
    page = Page("/book", deadline=deadline)

    async def source() -> str:
        return title()

    page.source(name="title")(source)

    @page.view
    def view(title: str, extra: str) -> Book:
        return Book(title, extra)

    return page


def fine() -> str:
    return "fine"


def away() -> str:
    raise Unreachable("away")


async def test_the_source_that_failed_is_named_and_not_those_that_waited_for_it(serve: Serve) -> None:
    page = page_of(title=away)

    @page.source(fallback=lambda: "never used")
    async def extra(title: str) -> str:
        return title

    async with serve(page) as http:
        answer = await http.get("/book")

    assert (answer.status_code, answer.json()["source"]) == (503, "title")
    assert answer.json()["detail"] == "title: away."


async def test_a_fallback_is_what_later_sources_and_the_view_are_given(serve: Serve) -> None:
    page = page_of(title=fine)

    @page.source(fallback=lambda: "stand-in")
    async def summary() -> str:
        raise Failed("it answered 500")

    @page.source(fallback=lambda: "unused")
    async def extra(summary: str) -> str:
        return f"of the {summary}"

    async with serve(page) as http:
        answer = await http.get("/book")

    assert answer.json()["extra"] == "of the stand-in"
    assert answer.headers["page-degraded"] == "summary;reason=failed"


async def test_every_source_that_was_replaced_is_named(serve: Serve) -> None:
    page = page_of(title=fine)

    @page.source(fallback=str)
    async def first() -> str:
        raise Nonsense("no JSON")

    @page.source(fallback=str)
    async def extra(first: str) -> str:
        raise Unreachable("away")

    async with serve(page) as http:
        answer = await http.get("/book")

    assert answer.headers["page-degraded"] == "first;reason=nonsense, extra;reason=unavailable"


async def test_the_pages_deadline_ends_an_optional_source_too_and_leaves_the_page_answered(
    serve: Serve,
) -> None:
    page = page_of(title=fine, deadline=0.1)
    ended = asyncio.Event()

    @page.source(timeout=60, fallback=lambda: "stand-in")
    async def extra() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    async with asyncio.timeout(5), serve(page) as http:
        answer = await http.get("/book")

    assert (answer.status_code, answer.json()["extra"]) == (200, "stand-in")
    assert answer.headers["page-degraded"] == "extra;reason=timeout"
    assert ended.is_set()


async def test_the_deadline_counts_what_came_before(serve: Serve) -> None:
    page = Page("/book", deadline=0.3)
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, passed.set)

    @page.source(timeout=10)
    async def title() -> str:
        await passed.wait()
        return "title"

    @page.source(timeout=10)
    async def extra(title: str) -> str:
        await asyncio.Event().wait()
        return title

    @page.view
    def view(title: str, extra: str) -> Book:
        return Book(title, extra)

    loop = asyncio.get_running_loop()
    async with asyncio.timeout(8), serve(page) as http:
        begun = loop.time()
        answer = await http.get("/book")
        took = loop.time() - begun

    assert (answer.status_code, answer.json()["source"]) == (504, "extra")
    assert took < 5  # and not as long as its own timeout allows


@pytest.mark.parametrize("where", ["fallback", "view"])
async def test_a_bug_in_a_fallback_or_the_view_is_a_500(serve: Serve, where: str) -> None:
    def bug() -> str:
        raise ZeroDivisionError("secret")

    page = Page("/book", deadline=5.0)

    @page.source(fallback=bug if where == "fallback" else str)
    async def extra() -> str:
        raise Failed("it answered 500")

    @page.view
    def view(extra: str) -> str:
        return extra or bug()

    async with serve(page) as http:
        answer = await http.get("/book")

    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_a_problem_that_a_source_finds_is_the_pages_answer(serve: Serve) -> None:
    page = page_of(title=fine)

    @page.source(fallback=str)
    async def extra() -> str:
        raise Problem(409, "basket-empty", "There is nothing to order.")

    async with serve(page) as http:
        answer = await http.get("/book")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:frontispiece:problem:basket-empty")


async def test_a_client_that_goes_away_ends_every_source(app_of: AppOf) -> None:
    page = page_of(title=fine, deadline=60)
    begun, ended = asyncio.Event(), asyncio.Event()

    @page.source(timeout=60, fallback=str)
    async def extra() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    async with servers() as serve, client_of(await serve(app_of(page))) as http, asyncio.timeout(5):
        waiting = asyncio.create_task(http.get("/book"))
        await begun.wait()
        waiting.cancel()
        await ended.wait()


async def test_a_client_that_goes_away_while_it_sends_is_nobodys_bug(
    app_of: AppOf, caplog: pytest.LogCaptureFixture
) -> None:
    page = Page("/book", deadline=60, method="POST")
    sending = asyncio.Event()
    app, ended = app_of(page_with_body(page)), asyncio.Event()

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            if scope["type"] == "http":
                ended.set()

    async def endless() -> AsyncIterator[bytes]:
        yield b"["
        sending.set()
        await asyncio.Event().wait()

    async with servers() as serve, client_of(await serve(watched)) as http, asyncio.timeout(5):
        upload = asyncio.create_task(http.post("/book", content=endless()))
        await sending.wait()
        upload.cancel()
        await ended.wait()
    assert not [record for record in caplog.records if record.exc_info]


def page_with_body(page: Page) -> Page:
    @page.view
    def view(words: Body[list[str]]) -> list[str]:
        return words

    return page


async def test_sources_of_two_requests_do_not_meet(serve: Serve) -> None:
    both = asyncio.Barrier(2)
    page = Page("/books/{isbn}", deadline=5.0)

    @page.source()
    async def title(isbn: str) -> str:
        await both.wait()
        return f"title of {isbn}"

    @page.view
    def view(isbn: str, title: str) -> Book:
        return Book(isbn, title)

    async with asyncio.timeout(5), serve(page) as http:
        answers = await asyncio.gather(http.get("/books/1"), http.get("/books/2"))

    assert [a.json() for a in answers] == [
        {"title": "1", "extra": "title of 1"},
        {"title": "2", "extra": "title of 2"},
    ]
