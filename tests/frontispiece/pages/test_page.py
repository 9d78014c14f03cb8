"""What a client gets of a page, over ASGI."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec import Struct

from frontispiece.pages import Page
from frontispiece.settings import Directory
from frontispiece.upstream import (
    InvalidResponse,
    Overloaded,
    TimedOut,
    Unreachable,
    UpstreamClientError,
    UpstreamError,
    UpstreamServerError,
    open_upstream,
)
from frontispiece.upstream.config import BreakerPolicy
from tests.frontispiece.pages.conftest import Serve
from tests.support.pages import Things, page_of, things_at
from tests.support.serving import nobody_there


class Book(Struct):
    """A view."""

    title: str
    extra: str | None = None


def book_page(
    required: Callable[[], Awaitable[str]], optional: Callable[[], Awaitable[str]] | None = None
) -> Page:
    """A page of a required source and perhaps an optional one."""
    page = Page("/book", deadline=60)

    @page.source()
    async def title() -> str:
        return await required()

    if optional is None:
        page.view(_titled)
        return page

    @page.source(timeout=60, fallback=lambda: "fallback")
    async def extra() -> str:
        return await optional()

    page.view(_extended)
    return page


def _titled(title: str) -> Book:
    """A book."""
    return Book(title)


def _extended(title: str, extra: str) -> Book:
    """A book with more to it."""
    return Book(title, extra)


async def fine() -> str:
    return "fine"


def failing(failure: Exception) -> Callable[[], Awaitable[str]]:
    async def fail() -> str:
        raise failure

    return fail


FAILURES = [
    (TimedOut("late"), "timeout"),
    (Overloaded("too many calls"), "overloaded"),
    (Unreachable("away"), "unavailable"),
    (UpstreamServerError("it answered 500"), "failed"),
    (InvalidResponse("no JSON"), "invalid-response"),
    (UpstreamClientError(404), "refused"),
]


@pytest.mark.parametrize(("failure", "reason"), FAILURES, ids=[reason for _, reason in FAILURES])
async def test_an_optional_source_that_fails_is_replaced_and_named(
    serve: Serve, failure: UpstreamError, reason: str
) -> None:
    async with serve(book_page(fine, failing(failure))) as http:
        answer = await http.get("/book")

    assert answer.status_code == 200
    assert answer.json() == {"title": "fine", "extra": "fallback"}
    assert answer.headers["page-degraded"] == f"extra;reason={reason}"


async def test_degraded_sources_are_named_in_the_order_of_their_declaration(serve: Serve) -> None:
    failed = asyncio.Event()

    async def first() -> str:
        await failed.wait()
        raise TimedOut("late")

    async def second() -> str:
        failed.set()
        raise Unreachable("away")

    async with serve(page_of((first, {"fallback": str}), (second, {"fallback": str}))) as http:
        answer = await http.get("/page")

    assert answer.headers["page-degraded"] == "first;reason=timeout, second;reason=unavailable"


async def test_what_a_required_source_refuses_for_the_clients_sake_is_passed_on(serve: Serve) -> None:
    refusal = UpstreamClientError(
        410, kind="urn:press:gone", detail="Gone.", members={"isbn": "1", "headers": 2}, retry_after="7"
    )
    async with serve(book_page(failing(refusal))) as http:
        answer = await http.get("/book")

    assert answer.status_code == 410
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "7"
    problem = answer.json()
    assert (problem["type"], problem["detail"], problem["isbn"]) == ("urn:press:gone", "Gone.", "1")
    assert problem["source"] == "title"


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (TimedOut("late"), 504),
        (Unreachable("away"), 503),
        (Overloaded("too many calls"), 503),
        (UpstreamServerError("it answered 500"), 502),
        (InvalidResponse("no JSON"), 502),
        (UpstreamClientError(400), 502),
        (UpstreamClientError(405), 502),
    ],
)
async def test_a_required_source_that_fails_names_itself(
    serve: Serve, failure: UpstreamError, status: int
) -> None:
    async with serve(book_page(failing(failure), fine)) as http:
        answer = await http.get("/book")

    assert answer.status_code == status
    assert answer.json()["source"] == "title"
    assert "etag" not in answer.headers
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_while_a_circuit_is_open_the_page_is_a_503_with_retry_after(serve: Serve) -> None:
    page = Page("/book", deadline=60.0)

    @page.source()
    async def title(things: Things) -> str:
        return str(await things.thing("a"))

    page.view(_titled)
    policy = BreakerPolicy.model_validate({"min_requests": 2, "open_duration": "10m"})
    upstream = open_upstream("things", nobody_there(), Directory(), breaker=policy)
    async with upstream, serve(page, providers=things_at(upstream)) as http:
        closed = [await http.get("/book") for _ in range(2)]
        answer = await http.get("/book")

    assert [each.headers["retry-after"] for each in closed] == ["1", "1"]
    assert answer.status_code == 503
    assert 590 <= int(answer.headers["retry-after"]) <= 600
    assert (answer.json()["source"], "circuit breaker" in answer.json()["detail"]) == ("title", True)


@pytest.mark.parametrize("bug", [KeyError("secret"), TimeoutError("secret"), ValueError("secret")])
async def test_a_bug_is_never_a_fallback(serve: Serve, bug: Exception) -> None:
    async with serve(book_page(fine, failing(bug))) as http:
        answer = await http.get("/book", headers={"X-Request-Id": "r-3"})

    assert answer.status_code == 500
    assert answer.json()["request_id"] == "r-3"
    assert "secret" not in answer.text


async def test_sources_run_at_the_same_time_and_each_starts_as_soon_as_its_inputs_are_there(
    serve: Serve,
) -> None:
    slow_may_end = asyncio.Event()

    async def first() -> str:
        return "first"

    async def slow() -> str:
        await slow_may_end.wait()
        return "slow"

    async def second(first: str) -> str:
        slow_may_end.set()  # were sources run level by level, nobody would ever come here
        return first + "-second"

    async with serve(page_of(first, slow, second)) as http:
        answer = await asyncio.wait_for(http.get("/page"), 30)
    assert answer.json() == {"first": "first", "slow": "slow", "second": "first-second"}


async def test_a_sources_timeout_does_not_count_the_waiting_for_its_inputs(serve: Serve) -> None:
    released = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, released.set)

    async def title() -> str:
        await released.wait()
        return "late"

    async def extra(title: str) -> str:
        return title

    async with serve(page_of(title, (extra, {"timeout": 0.2, "fallback": str}))) as http:
        answer = await http.get("/page")
    assert answer.json() == {"title": "late", "extra": "late"}
