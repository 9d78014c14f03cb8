"""How sources depend on each other while a page runs."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from frontispiece.http.asgi import Receive, Scope, Send
from frontispiece.http.problems import Problem
from frontispiece.pages import Body, Page
from frontispiece.upstream import UpstreamServerError
from tests.frontispiece.pages.conftest import AppOf, Serve
from tests.support.pages import page_of
from tests.support.serving import client_of, servers


async def title() -> str:
    return "fine"


async def for_ever() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_the_pages_deadline_ends_an_optional_source_too_and_leaves_the_page_answered(
    serve: Serve,
) -> None:
    ended = asyncio.Event()

    async def extra() -> str:
        try:
            return await for_ever()
        finally:
            ended.set()

    page = page_of(title, (extra, {"timeout": 60, "fallback": lambda: "stand-in"}), deadline=0.1)
    async with asyncio.timeout(30), serve(page) as http:
        answer = await http.get("/page")

    assert (answer.status_code, answer.json()["extra"]) == (200, "stand-in")
    assert answer.headers["page-degraded"] == "extra;reason=timeout"
    assert ended.is_set()


async def test_the_deadline_counts_what_came_before(serve: Serve) -> None:
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, passed.set)

    async def title() -> str:
        await passed.wait()
        return "title"

    async def extra(title: str) -> str:
        return await for_ever()

    page = page_of((title, {"timeout": 10}), (extra, {"timeout": 120}), deadline=0.6)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(100), serve(page) as http:
        begun = loop.time()
        answer = await http.get("/page")
        took = loop.time() - begun

    assert (answer.status_code, answer.json()["source"]) == (504, "extra")
    assert took < 60  # and not as long as its own timeout allows


@pytest.mark.parametrize("where", ["fallback", "view"])
async def test_a_bug_in_a_fallback_or_the_view_is_a_500(serve: Serve, where: str) -> None:
    def bug() -> str:
        raise ZeroDivisionError("secret")

    page = Page("/page", deadline=60.0)

    @page.source(fallback=bug if where == "fallback" else str)
    async def extra() -> str:
        raise UpstreamServerError("it answered 500")

    @page.view
    def view(extra: str) -> str:
        return extra or bug()

    async with serve(page) as http:
        answer = await http.get("/page")

    assert answer.status_code == 500
    assert "secret" not in answer.text


async def test_a_problem_that_a_source_finds_is_the_pages_answer(serve: Serve) -> None:
    async def extra() -> str:
        raise Problem(409, "basket-empty", "There is nothing to order.")

    async with serve(page_of(title, (extra, {"fallback": str}))) as http:
        answer = await http.get("/page")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:frontispiece:problem:basket-empty")


async def test_a_client_that_disconnects_while_it_sends_its_body_logs_no_error(
    app_of: AppOf, caplog: pytest.LogCaptureFixture
) -> None:
    async def words(sent: Body[list[str]]) -> list[str]:
        return sent

    app, sending, ended = app_of(page_of(words, deadline=60, method="POST")), asyncio.Event(), asyncio.Event()

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

    async with servers() as serve, client_of(await serve(watched)) as http, asyncio.timeout(30):
        upload = asyncio.create_task(http.post("/page", content=endless()))
        await sending.wait()
        upload.cancel()
        await ended.wait()
    assert not [record for record in caplog.records if record.exc_info]
