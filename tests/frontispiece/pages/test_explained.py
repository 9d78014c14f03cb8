"""The timeline of a page."""

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Annotated, Any

import httpx
import msgspec
import pytest
from msgspec import Meta, Struct

from frontispiece.pages import Page, gather, loader
from frontispiece.pages.timeline import MEDIA_TYPE, PageTrace, SourceTrace, TraceOutcome
from frontispiece.upstream import UpstreamClientError, UpstreamError
from tests.frontispiece.pages.conftest import Serve
from tests.support.pages import Things, page_of, things_of
from tests.support.stub import Exchange, Stub, answering

ACCEPT_TIMELINE = {"Accept": MEDIA_TYPE, "X-Request-Id": "r-9"}


async def explained(http: httpx.AsyncClient, path: str = "/page") -> PageTrace:
    """The timeline, with what came of the page."""
    answer = await http.get(path, headers=ACCEPT_TIMELINE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    return msgspec.json.decode(answer.content, type=PageTrace)


async def seen(http: httpx.AsyncClient) -> dict[str, SourceTrace]:
    """The trace of each source."""
    return {source.name: source for source in (await explained(http)).timeline.sources}


async def pause() -> float:
    """Take a while; returns the milliseconds that it took."""
    began = perf_counter()
    await asyncio.sleep(0.01)
    return (perf_counter() - began) * 1000


async def test_the_timeline_separates_waiting_for_inputs_from_running(serve: Serve) -> None:
    worked = {}

    async def title() -> str:
        worked["title"] = await pause()
        return "fine"

    async def extra(title: str) -> str:
        worked["extra"] = await pause()
        return title

    page = page_of(title, (extra, {"fallback": str}))
    async with serve(page, expose_timeline=True) as http:
        trace = await explained(http)

    timeline = trace.timeline
    assert trace.view == {"title": "fine", "extra": "fine"}
    assert trace.problem is None
    assert (timeline.page, timeline.method, timeline.status) == ("/page", "GET", 200)
    assert timeline.deadline == 60_000
    first, second = timeline.sources
    assert (first.name, first.optional, first.needs) == ("title", False, [])
    assert (second.name, second.optional, second.needs) == ("extra", True, ["title"])
    assert [first.outcome, second.outcome] == [TraceOutcome.DONE] * 2
    moments = [0, first.began, first.ended, second.began, second.ended, timeline.total]
    assert all(isinstance(moment, (int, float)) for moment in moments)
    assert moments == sorted(moments, key=lambda moment: moment or 0)
    rounding = 0.002
    assert (first.ended or 0) - (first.began or 0) >= worked["title"] - rounding
    assert (second.ended or 0) - (second.began or 0) >= worked["extra"] - rounding


async def test_the_timeline_has_every_call_with_its_target_and_status(serve: Serve) -> None:
    async def title(things: Things) -> str:
        await things.thing("a?of=b")
        return str(await things.thing("c"))

    async def extra(things: Things) -> str:
        return str(await things.thing("gone"))

    async def answer(exchange: Exchange) -> None:
        status = 404 if exchange.path.endswith(b"gone") else 200
        await answering(status, b"1")(exchange)

    page = page_of(title, (extra, {"fallback": str}))
    async with (
        things_of(Stub(answer)) as providers,
        serve(page, providers=providers, expose_timeline=True) as http,
    ):
        trace = await seen(http)

    calls = [(c.upstream, c.method, c.target, c.answer) for c in trace["title"].calls]
    assert calls == [
        ("things", "GET", "/things/a?of=b", "200"),
        ("things", "GET", "/things/c", "200"),
    ]
    first, second = trace["title"].calls
    assert (trace["title"].began or 0) <= first.began <= first.ended <= second.began <= second.ended
    assert [call.answer for call in trace["extra"].calls] == ["404"]
    assert (trace["extra"].outcome, trace["extra"].reason) == (TraceOutcome.FALLBACK, "refused")


class Shelf:
    """Loads books, one call a batch, and remembers how many keys each had."""

    def __init__(self, things: Things) -> None:
        self._things = things

    @loader(max_size=3)
    async def book(self, keys: Sequence[int]) -> Mapping[int, int | UpstreamError]:
        """A book."""
        await self._things.thing("-".join(map(str, keys)))
        return {key: key for key in keys}

    @loader(max_size=1, max_concurrency=1)
    async def magazine(self, keys: Sequence[int]) -> Mapping[int, int | UpstreamError]:
        """A magazine; one at a time."""
        return await self._things.thing(f"magazine-{keys[0]}") and {}


async def test_the_timeline_has_batches_with_their_sizes_and_sources(
    serve: Serve,
) -> None:
    async def title(shelf: Shelf) -> str:
        return str(await gather(shelf.book(number) for number in (1, 2)))

    async def extra(shelf: Shelf) -> str:
        return str(await gather(shelf.book(number) for number in (2, 3, 4)))

    page = page_of(title, (extra, {"fallback": str}))
    async with things_of(Stub(answering(200, b"1"))) as providers:
        shelves = {Shelf: lambda inbound: Shelf(providers[Things](inbound))}
        async with serve(page, providers=shelves, expose_timeline=True) as http:
            trace = await explained(http)

    assert trace.view == {"title": "[1, 2]", "extra": "[2, 3, 4]"}
    timeline = trace.timeline
    assert [(batch.loader, batch.keys, batch.outcome) for batch in timeline.batches] == [
        ("Shelf.book", 3, TraceOutcome.DONE),
        ("Shelf.book", 1, TraceOutcome.DONE),
    ]
    assert [[call.target for call in batch.calls] for batch in timeline.batches] == [
        ["/things/1-2-3"],
        ["/things/4"],
    ]
    assert [source.batches for source in timeline.sources] == [[0], [0, 1]]
    assert [source.calls for source in timeline.sources] == [[], []]


async def test_the_timeline_names_the_service_that_a_source_with_loads_waited_for_in_vain(
    serve: Serve,
) -> None:
    async def title(shelf: Shelf) -> str:
        books = [shelf.book(number) for number in (1, 2, 3, 4)]
        return str(await gather([*books, shelf.magazine(5), shelf.magazine(6)]))

    async def extra(shelf: Shelf) -> str:
        return str(await shelf.book(4))

    page = page_of((title, {"timeout": 0.5}), (extra, {"timeout": 0.4, "fallback": str}))
    async with things_of(Stub(Exchange.until_left)) as providers:
        shelves = {Shelf: lambda inbound: Shelf(providers[Things](inbound))}
        async with serve(page, providers=shelves, expose_timeline=True) as http:
            timeline = (await explained(http)).timeline

    assert timeline.status == 504
    calls = [
        [(call.upstream, call.target, call.answer) for call in batch.calls] for batch in timeline.batches
    ]
    assert calls == [
        [("things", "/things/1-2-3", "timeout")],
        [("things", "/things/magazine-5", "timeout")],
        [("things", "/things/4", "timeout")],
    ]
    assert [batch.outcome for batch in timeline.batches] == [TraceOutcome.FAILED] * 3
    assert [source.batches for source in timeline.sources] == [[0, 2, 1], [2]]


async def test_the_timeline_of_a_page_that_fails_has_its_problem_and_the_cancelled_sources(
    serve: Serve,
) -> None:
    service = Stub(Exchange.until_left)

    async def title() -> str:
        await service.begun.wait()
        raise UpstreamClientError(404, kind="urn:press:gone", detail="Gone.")

    async def extra(things: Things) -> str:
        return str(await things.thing("slow"))

    async def never(extra: str) -> str:
        return extra

    page = page_of(title, extra, (never, {"fallback": str}))
    async with (
        things_of(service) as providers,
        serve(page, providers=providers, expose_timeline=True) as http,
    ):
        plain = await http.get("/page")
        service.begun.clear()
        trace = await explained(http)

    assert trace.view is None
    assert trace.timeline.status == plain.status_code == 404
    assert trace.problem == plain.json()
    by_name = {source.name: source for source in trace.timeline.sources}
    assert (by_name["title"].outcome, by_name["title"].reason) == (TraceOutcome.FAILED, "refused")
    assert (by_name["extra"].outcome, by_name["extra"].reason) == (TraceOutcome.CANCELLED, None)
    assert [call.answer for call in by_name["extra"].calls] == ["cancelled"]
    assert (by_name["never"].began, by_name["never"].ended) == (None, None)
    assert by_name["never"].outcome is TraceOutcome.CANCELLED


class Screen(Struct):
    """A view."""

    title: Any


def screen_page(bug: str) -> Page:
    page = Page("/screen", deadline=60.0)

    @page.source()
    async def title(number: Annotated[int, Meta(le=5)] = 1) -> Any:
        if bug == "source":
            raise KeyError("secret")
        return object() if bug == "writing" else number

    @page.view
    def view(title: Any) -> Screen:
        if bug == "view":
            raise KeyError("secret")
        return Screen(title)

    return page


@pytest.mark.parametrize("where", ["source", "view", "writing"])
async def test_the_timeline_of_a_page_with_a_bug_has_its_problem_and_the_bug_is_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    async with serve(screen_page(where), expose_timeline=True) as http:
        answer = await http.get("/screen", headers=ACCEPT_TIMELINE)

    trace = msgspec.json.decode(answer.content, type=PageTrace)
    assert (answer.status_code, trace.timeline.status, trace.view) == (200, 500, None)
    assert trace.problem["type"] == "urn:frontispiece:problem:internal-error"
    assert "r-9" in trace.problem["detail"]
    assert "secret" not in answer.text
    (source,) = trace.timeline.sources
    assert source.outcome is (TraceOutcome.FAILED if where == "source" else TraceOutcome.DONE)
    assert [record.message for record in caplog.records if record.exc_info] == ["/screen failed"]
