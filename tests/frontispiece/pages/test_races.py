"""What happens in one and the same moment while a page is made, and what a source does with being ended."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from frontispiece.pages import Cache, Page
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.executor import Run
from frontispiece.pages.plan import plans
from frontispiece.upstream import UpstreamServerError
from tests.frontispiece.pages.conftest import Serve
from tests.support import pages
from tests.support.pages import ware_page


class Ware:
    """What a source does: it waits at its gate."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.ended = False

    async def __call__(self) -> str:
        self.begun.set()
        try:
            return await self.gate
        finally:
            self.ended = True


@pytest.fixture
async def first() -> Ware:
    return Ware()


@pytest.fixture
async def second() -> Ware:
    return Ware()


@pytest.fixture
def page(first: Ware, second: Ware) -> Page:
    """A page of an optional source and one that depends on it."""
    page = Page("/ware", deadline=60.0)

    @page.source(name="first", fallback=lambda: "none", timeout=50)
    async def take_first() -> str:
        return await first()

    @page.source(name="second", fallback=lambda: "none")
    async def take_second(first: str) -> str:
        return await second()

    @page.view
    def view(first: str, second: str) -> str:
        return f"{first}, {second}"

    return page


@pytest.fixture
async def run(page: Page) -> Run:
    """The page's, that has not begun."""
    return run_of(page)


def run_of(page: Page) -> Run:
    return Run(CompiledPage(plans([page], [])[0]), {}, asyncio.get_running_loop().time() + page.deadline)


@pytest.mark.parametrize("late_first", [True, False])
async def test_a_source_that_is_late_in_the_moment_of_its_result_has_one_or_the_other(
    run: Run,
    first: Ware,
    second: Ware,
    late_first: bool,  # noqa: FBT001 (a case)
) -> None:
    task = asyncio.create_task(run.finish())
    await first.begun.wait()
    second.gate.set_result("ink")
    if late_first:
        run.source_runs["first"].expire()
    if not first.gate.done():
        first.gate.set_result("pen")
    run.source_runs["first"].expire()
    await asyncio.wait_for(task, 30)

    assert run.view() == "none, ink"
    assert run.degraded == {"first": "timeout"}


# What sources do with being ended.


def page_of(function: Callable[[], Awaitable[str]]) -> Page:
    """A page of one optional source, that has less time than the page."""
    return ware_page(function, deadline=0.2, timeout=0.05, fallback=lambda: "none")


async def hang() -> str:
    return await asyncio.Future[str]()


async def requested(serve: Serve, page: Page) -> httpx.Response:
    async with asyncio.timeout(30), serve(page) as http:
        return await http.get("/ware")


@pytest.mark.parametrize("seconds", [0, 60])
async def test_a_timeout_of_its_own_changes_nothing_be_it_over_or_not(serve: Serve, seconds: float) -> None:
    async def ware() -> str:
        try:
            async with asyncio.timeout(seconds):
                return await hang()
        except TimeoutError:
            return await hang()

    answer = await requested(serve, page_of(ware))
    assert (answer.json(), answer.headers["page-degraded"]) == ("none", "ware;reason=timeout")


async def test_a_timeout_of_its_own_in_the_moment_in_which_its_time_is_over_is_no_bug(
    first: Ware,
) -> None:
    inner = asyncio.timeout(None)

    async def ware() -> str:
        async with inner:
            return await first()

    run = run_of(ware_page(ware, deadline=60.0, fallback=lambda: "none"))
    task = asyncio.create_task(run.finish())
    await first.begun.wait()
    inner.reschedule(0)
    asyncio.get_running_loop().call_soon(run.source_runs["ware"].expire)
    await asyncio.wait_for(task, 30)

    assert (run.view(), run.degraded) == ("none", {"ware": "timeout"})


async def test_tasks_of_its_own_end_with_it(serve: Serve) -> None:
    ended = []

    async def part() -> None:
        try:
            await hang()
        finally:
            ended.append("part")

    async def ware() -> str:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(part())
            tasks.create_task(part())
        return "pen"

    answer = await requested(serve, page_of(ware))
    assert (answer.json(), ended) == ("none", ["part", "part"])


async def test_a_source_that_goes_on_when_it_is_ended_is_ended_with_the_page(serve: Serve) -> None:
    async def ware() -> str:
        try:
            return await hang()
        except asyncio.CancelledError:
            return await hang()

    answer = await requested(serve, page_of(ware))
    assert (answer.json(), answer.headers["page-degraded"]) == ("none", "ware;reason=timeout")


async def test_a_source_can_clean_up_while_others_fail_after_the_first(serve: Serve) -> None:
    cleaned_up = []

    async def first() -> str:
        await asyncio.sleep(0)
        raise UpstreamServerError("it answered 500")

    async def second() -> str:
        try:
            return await hang()
        except asyncio.CancelledError:
            raise UpstreamServerError("it answered 500, too") from None

    async def third() -> str:
        try:
            return await hang()
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            cleaned_up.append("third")

    async with asyncio.timeout(30), serve(pages.page_of(first, second, third)) as http:
        answer = await http.get("/page")
    assert (answer.status_code, cleaned_up) == (502, ["third"])


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_awaiting_a_cancelled_future_is_a_bug(
    serve: Serve, caplog: pytest.LogCaptureFixture, accept: str
) -> None:
    async def ware() -> str:
        shared: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(shared.cancel)
        return await shared

    async with asyncio.timeout(30), serve(ware_page(ware, deadline=60.0)) as http:
        answer = await http.get("/ware", headers={"Accept": accept})

    assert answer.status_code == 500
    assert "ware awaited something that was cancelled" in caplog.text


async def test_a_bug_at_the_start_of_a_source_is_a_500_and_cancels_the_others(
    serve: Serve, caplog: pytest.LogCaptureFixture, first: Ware
) -> None:
    page = Page("/ware", deadline=60.0)

    @page.source()
    async def beside() -> str:
        return await first()

    @page.source()
    async def odd() -> object:
        await first.begun.wait()
        return object()

    @page.source(name="ware", cache=Cache(ttl=1))
    async def take(odd: object) -> str:
        return "never: an object cannot be part of a cache key"

    @page.view
    def view(ware: str, beside: str) -> str:
        return ware

    async with asyncio.timeout(30), serve(page) as http:
        answer = await http.get("/ware")

    assert answer.status_code == 500
    assert "a object cannot be part of a cache key" in caplog.text
    assert first.ended
