"""A page in pieces, over real connections: the view at once, and what is late as it comes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from msgspec import Struct

from frontispiece.pages import Page
from frontispiece.upstream import (
    Request,
    Unreachable,
    UpstreamClientError,
    UpstreamError,
    UpstreamServerError,
)
from tests.frontispiece.pages.conftest import AppOf
from tests.support.frames import EVENTS, LINES, Frame, frames, shown
from tests.support.pages import WAYS, Things, reached, reply_of, things_of
from tests.support.stub import Exchange, Stub, answering
from tests.support.waiting import until

Reached = Callable[..., Any]


class Screen(Struct):
    """A view."""

    title: str
    stock: Any
    ratings: Any


class Late:
    """What the optional sources of a page wait for: `set_result` and `set_exception` end them."""

    def __init__(self) -> None:
        self.stock, self.ratings = asyncio.Future[Any](), asyncio.Future[Any]()


def screen_page(late: Late, *, deadline: float = 30.0, failure: BaseException | None = None) -> Page:
    """A page with all kinds of sources, whose `title` may fail."""
    page = Page("/screen", deadline=deadline, vary=("accept-language",))

    @page.source()
    async def title() -> str:
        if failure is not None:
            raise failure
        return "fine"

    @page.source(fallback=lambda: {"level": "unknown", "since": None})
    async def stock(title: str) -> Any:
        return await late.stock

    @page.source(fallback=list)
    async def ratings() -> Any:
        return await late.ratings

    @page.view
    def view(title: str, stock: Any, ratings: Any) -> Screen:
        return Screen(title, stock, [5 // each for each in ratings])

    return page


@pytest.fixture(params=WAYS)
def reach(request: pytest.FixtureRequest, app_of: AppOf) -> Reached:
    """`async with reach(page, …) as http`: an app of the page on a real socket, in each of the ways."""

    @asynccontextmanager
    async def reach(page: Page, **also: Any) -> AsyncIterator[httpx.AsyncClient]:
        async with asyncio.timeout(30), reached(app_of(page, **also), request.param) as http:
            yield http

    return reach


@asynccontextmanager
async def requested(
    http: httpx.AsyncClient, accept: str = LINES, **headers: str
) -> AsyncIterator[AsyncIterator[Frame]]:
    """`async with requested(http) as received`: the page's frames."""
    async with http.stream("GET", "/screen", headers={"Accept": accept, **headers}) as reply:
        assert (reply.status_code, reply.headers["content-type"]) == (200, accept)
        yield frames(reply.aiter_raw(), accept)


@pytest.mark.parametrize("accept", [LINES, EVENTS])
async def test_each_part_comes_as_soon_as_it_is_there_and_all_of_them_are_the_plain_page(
    reach: Reached, accept: str
) -> None:
    late = Late()
    async with reach(screen_page(late)) as http:
        async with requested(http, accept) as received:
            first = await anext(received)
            assert first == {
                "view": {"title": "fine", "stock": {"level": "unknown", "since": None}, "ratings": []}
            }
            late.ratings.set_result([1, 5])
            second = await anext(received)
            assert second == {"path": "/ratings", "data": [5, 1], "source": "ratings"}
            late.stock.set_result({"level": "plenty", "since": None})
            third, last = [frame async for frame in received]
            assert third == {"path": "/stock/level", "data": "plenty", "source": "stock"}
            assert last == {"end": {"degraded": {}}}

        document, _ = shown([first, second, third, last])
        assert document == (await http.get("/screen")).json()


async def test_results_before_the_last_required_one_are_in_the_first_frame(reach: Reached) -> None:
    late = Late()
    title = asyncio.Event()
    page = screen_page(late)
    page.sources.clear()

    @page.source(name="title")
    async def _title() -> str:
        await title.wait()
        return "late"

    @page.source(fallback=dict)
    async def stock() -> Any:
        return {"level": "few"}

    @page.source(fallback=list)
    async def ratings(stock: Any) -> Any:
        title.set()
        return [1]

    async with reach(page) as http, requested(http) as received:
        document, end = shown([frame async for frame in received])

    assert document == {"title": "late", "stock": {"level": "few"}, "ratings": [5]}
    assert end == {"degraded": {}}


async def test_a_part_that_fails_changes_nothing_and_is_named_in_the_end(reach: Reached) -> None:
    late = Late()
    late.stock.set_exception(Unreachable("away"))
    late.ratings.set_exception(UpstreamServerError("it answered 500"))
    async with reach(screen_page(late)) as http, requested(http) as received:
        first, last = [frame async for frame in received]

    assert first["view"]["stock"] == {"level": "unknown", "since": None}
    assert last == {"end": {"degraded": {"stock": "unavailable", "ratings": "failed"}}}


async def test_the_deadline_ends_late_parts(reach: Reached) -> None:
    late = Late()
    late.ratings.set_result([5])
    async with reach(screen_page(late, deadline=0.3)) as http, requested(http) as received:
        document, end = shown([frame async for frame in received])

    assert document == {"title": "fine", "stock": {"level": "unknown", "since": None}, "ratings": [1]}
    assert end == {"degraded": {"stock": "timeout"}}
    assert late.stock.cancelled()


@pytest.mark.parametrize("accept", [LINES, EVENTS])
@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (UpstreamClientError(404, kind="urn:press:gone"), 404),
        (UpstreamClientError(429, retry_after="7"), 429),
        (Unreachable("away"), 503),
        (KeyError("secret"), 500),
    ],
)
async def test_a_required_source_that_fails_is_the_same_problem_as_of_the_plain_page(
    app_of: AppOf, accept: str, failure: UpstreamError, status: int
) -> None:
    answers = []
    for media_type in ("application/json", accept):
        late = Late()
        app = app_of(screen_page(late, failure=failure))
        async with asyncio.timeout(30), reached(app, "behind a gateway") as http:
            headers = {"X-Request-Id": "r-1", "Accept": media_type}
            answers.append(await http.get("/screen", headers=headers))
        assert late.ratings.cancelled()

    for answer in answers:
        del answer.headers["date"]
    plain, answer = answers
    assert (plain.status_code, plain.headers["content-type"]) == (status, "application/problem+json")
    assert (answer.status_code, answer.headers, answer.content) == (status, plain.headers, plain.content)


@pytest.mark.parametrize("where", ["in a source", "in the view"])
async def test_a_bug_after_the_first_frame_is_logged_and_in_the_end_frame(
    reach: Reached, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    late = Late()
    async with reach(screen_page(late)) as http, requested(http, **{"X-Request-Id": "r-7"}) as received:
        await anext(received)
        if where == "in a source":
            late.ratings.set_exception(ValueError("secret"))
        else:
            late.ratings.set_result([0])
        (last,) = [frame async for frame in received]

    problem = last["end"]["problem"]
    assert (problem["type"], problem["status"]) == ("urn:frontispiece:problem:internal-error", 500)
    assert problem["request_id"] == "r-7"
    assert "secret" not in str(last)
    assert late.stock.cancelled()
    logged = [record for record in caplog.records if "/screen failed after its view" in record.message]
    assert [record.exc_info is not None for record in logged] == [True]


async def test_when_the_client_disconnects_its_sources_are_cancelled(reach: Reached) -> None:
    page = Page("/screen", deadline=30.0)

    @page.source(fallback=dict)
    async def thing(things: Things) -> Any:
        return await things.thing("slow")

    @page.view
    def view(thing: Any) -> Screen:
        return Screen("fine", thing, None)

    service = Stub(Exchange.until_left)
    async with things_of(service) as providers, reach(page, providers=providers) as http:
        async with requested(http) as received:
            await anext(received)
            await service.begun.wait()
        await service.last.ended.wait()

        service.answer = answering(200, b'{"there": true}')
        async with requested(http) as received:
            document, _ = shown([frame async for frame in received])
    assert document["stock"] == {"there": True}


async def test_a_bug_is_logged_even_when_the_client_has_disconnected(
    app_of: AppOf, caplog: pytest.LogCaptureFixture
) -> None:
    late = Late()
    asks = Request(method="GET", target="/screen", headers=[(b"accept", LINES.encode())])
    reply = await reply_of(app_of(screen_page(late)), asks)
    async with reply:
        await anext(reply.chunks())
        late.ratings.set_exception(ValueError("a bug"))
        await until(late.stock.cancelled)
        for _ in range(20):  # until the run has seen it
            await asyncio.sleep(0)

    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.message == "/screen failed after its client had disconnected"
    assert "a bug" in str(logged.exc_info)


async def test_a_head_is_answered_without_any_frame(reach: Reached) -> None:
    late = Late()
    late.stock.set_result({})
    late.ratings.set_result([])
    async with reach(screen_page(late)) as http:
        head = await http.head("/screen", headers={"Accept": LINES})
        again = await http.get("/screen")

    assert (head.status_code, head.headers["content-type"], head.content) == (200, LINES, b"")
    assert again.json()["stock"] == {}
