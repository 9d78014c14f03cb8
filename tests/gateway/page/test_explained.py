"""What somebody is told who looks on while a page is made."""

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import Struct

from gateway.page import Cache, Hedge, Page, Retry, gather, loader
from gateway.page.timeline import MEDIA_TYPE, Explained, Outcome, SourceSeen
from gateway.upstream import Failed, Refused, UpstreamError
from tests.gateway.page.conftest import Serve
from tests.support.pages import Things, things_of
from tests.support.stub import Exchange, Stub, answering


class Screen(Struct):
    """A view."""

    title: str
    extra: Any = None


def view_of_title(title: str) -> Screen:
    return Screen(title)


def view_of_both(title: str, extra: Any) -> Screen:
    return Screen(title, extra)


async def explained(http: httpx.AsyncClient, path: str = "/screen") -> Explained:
    """The timeline, with what came of the page."""
    answer = await http.get(path, headers={"Accept": MEDIA_TYPE, "X-Request-Id": "r-9"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA_TYPE)
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    return msgspec.json.decode(answer.content, type=Explained)


async def seen(http: httpx.AsyncClient) -> dict[str, SourceSeen]:
    """What is told of each source."""
    return {source.name: source for source in (await explained(http)).timeline.sources}


async def test_a_page_that_explains_nothing_gives_its_view(serve: Serve) -> None:
    page = Page("/screen", deadline=5.0)

    @page.source()
    async def title() -> str:
        return "fine"

    page.view(view_of_title)
    async with serve(page) as http:
        answer = await http.get("/screen", headers={"Accept": MEDIA_TYPE})

    assert answer.content == b'{"title":"fine","extra":null}'
    assert answer.headers["content-type"] == "application/json"
    assert "etag" in answer.headers


async def pause() -> float:
    """Take a while; returns the milliseconds that it took."""
    began = perf_counter()
    await asyncio.sleep(0.01)
    return (perf_counter() - began) * 1000


async def test_waiting_for_inputs_is_told_apart_from_working(serve: Serve) -> None:
    page = Page("/screen", deadline=5.0)
    worked = {}

    @page.source()
    async def title() -> str:
        worked["title"] = await pause()
        return "fine"

    @page.source(fallback=str)
    async def extra(title: str) -> str:
        worked["extra"] = await pause()
        return title

    page.view(view_of_both)
    async with serve(page, explains=True) as http:
        told = await explained(http)

    timeline = told.timeline
    assert told.view == {"title": "fine", "extra": "fine"}
    assert told.problem is None
    assert (timeline.page, timeline.method, timeline.status) == ("/screen", "GET", 200)
    assert timeline.deadline == 5_000
    first, second = timeline.sources
    assert (first.name, first.optional, first.needs) == ("title", False, [])
    assert (second.name, second.optional, second.needs) == ("extra", True, ["title"])
    assert [first.outcome, second.outcome] == [Outcome.DONE] * 2
    moments = [0, first.began, first.ended, second.began, second.ended, timeline.total]
    assert all(isinstance(moment, (int, float)) for moment in moments)
    assert moments == sorted(moments, key=lambda moment: moment or 0)
    rounding = 0.002
    assert (first.ended or 0) - (first.began or 0) >= worked["title"] - rounding
    assert (second.ended or 0) - (second.began or 0) >= worked["extra"] - rounding


async def test_every_call_is_told_with_what_was_asked_and_what_came_of_it(serve: Serve) -> None:
    page = Page("/screen", deadline=5.0)

    @page.source()
    async def title(things: Things) -> str:
        await things.thing("a?of=b")
        return str(await things.thing("c"))

    @page.source(fallback=str)
    async def extra(things: Things) -> str:
        return str(await things.thing("gone"))

    async def answer(exchange: Exchange) -> None:
        status = 404 if exchange.path.endswith(b"gone") else 200
        await answering(status, b"1")(exchange)

    page.view(view_of_both)
    async with things_of(Stub(answer)) as providers, serve(page, providers=providers, explains=True) as http:
        told = await seen(http)

    calls = [(c.upstream, c.method, c.target, c.answer) for c in told["title"].calls]
    assert calls == [
        ("things", "GET", "/things/a?of=b", "200"),
        ("things", "GET", "/things/c", "200"),
    ]
    first, second = told["title"].calls
    assert (told["title"].began or 0) <= first.began <= first.ended <= second.began <= second.ended
    assert [call.answer for call in told["extra"].calls] == ["404"]
    assert (told["extra"].outcome, told["extra"].reason) == (Outcome.FALLBACK, "refused")


class Shelf:
    """Loads books, one call a batch, and remembers how many keys each had."""

    def __init__(self, things: Things) -> None:
        self._things = things

    @loader(max_size=3)
    async def book(self, keys: Sequence[int]) -> Mapping[int, int | UpstreamError]:
        """A book."""
        await self._things.thing("-".join(map(str, keys)))
        return {key: key for key in keys}


async def test_batches_are_told_with_their_sizes_and_by_the_sources_that_waited_for_them(
    serve: Serve,
) -> None:
    page = Page("/screen", deadline=5.0)

    @page.source()
    async def title(shelf: Shelf) -> str:
        return str(await gather(shelf.book(number) for number in (1, 2)))

    @page.source(fallback=str)
    async def extra(shelf: Shelf) -> str:
        return str(await gather(shelf.book(number) for number in (2, 3, 4)))

    page.view(view_of_both)
    async with things_of(Stub(answering(200, b"1"))) as providers:
        shelves = {Shelf: lambda inbound: Shelf(providers[Things](inbound))}
        async with serve(page, providers=shelves, explains=True) as http:
            told = await explained(http)

    assert told.view == {"title": "[1, 2]", "extra": "[2, 3, 4]"}
    timeline = told.timeline
    assert [(batch.loader, batch.keys, batch.outcome) for batch in timeline.batches] == [
        ("Shelf.book", 3, Outcome.DONE),
        ("Shelf.book", 1, Outcome.DONE),
    ]
    assert [[call.target for call in batch.calls] for batch in timeline.batches] == [
        ["/things/1-2-3"],
        ["/things/4"],
    ]
    assert [source.batches for source in timeline.sources] == [[0], [0, 1]]
    assert [source.calls for source in timeline.sources] == [[], []]


@pytest.mark.parametrize("policy", [{"retry": Retry(pause=0.001)}, {"hedge": Hedge(after=0.001)}])
async def test_further_tries_are_counted_and_their_calls_told(serve: Serve, policy: dict[str, Any]) -> None:
    page = Page("/screen", deadline=5.0)
    outage = False

    @page.source(**policy)
    async def title(things: Things) -> str:
        return str(await things.thing("a"))

    async def answer(exchange: Exchange) -> None:
        nonlocal outage
        if not outage:
            await answering(200, b"1")(exchange)
        else:
            outage = False
            await (exchange.until_left() if "hedge" in policy else answering(500, b"")(exchange))

    page.view(view_of_title)
    async with things_of(Stub(answer)) as providers, serve(page, providers=providers, explains=True) as http:
        for _ in range(40):  # the budget for another try grows with those that are the first
            assert (await http.get("/screen")).status_code == 200
        outage = True
        told = (await seen(http))["title"]

    assert (told.attempts, told.outcome) == (2, Outcome.DONE)
    other = "cancelled" if "hedge" in policy else "500"
    assert [call.answer for call in told.calls] == [other, "200"]


async def test_a_result_that_was_kept_is_told_as_one_and_has_no_calls(serve: Serve) -> None:
    page = Page("/screen", deadline=5.0)

    @page.source(cache=Cache(ttl=1_000))
    async def title(things: Things) -> str:
        return str(await things.thing("a"))

    @page.source()
    async def extra() -> str:
        return ""

    page.view(view_of_both)
    service = Stub(answering(200, b"1"))
    async with things_of(service) as providers, serve(page, providers=providers, explains=True) as http:
        told = [await seen(http), await seen(http)]

    assert [each["title"].cache for each in told] == ["miss", "hit"]
    assert [len(each["title"].calls) for each in told] == [1, 0]
    assert [each["extra"].cache for each in told] == [None, None]
    assert len(service.asked) == 1


async def test_a_page_that_fails_is_told_with_its_problem_and_what_was_cancelled_with_it(
    serve: Serve,
) -> None:
    page = Page("/screen", deadline=5.0)
    service = Stub(Exchange.until_left)

    @page.source()
    async def title() -> str:
        await service.begun.wait()
        raise Refused(404, kind="urn:press:gone", detail="Gone.")

    @page.source()
    async def extra(things: Things) -> str:
        return str(await things.thing("slow"))

    @page.source(fallback=str)
    async def never(extra: str) -> str:
        return extra

    @page.view
    def view(title: str, never: str) -> Screen:
        return Screen(title, never)

    async with things_of(service) as providers, serve(page, providers=providers, explains=True) as http:
        plain = await http.get("/screen")
        service.begun.clear()
        told = await explained(http)

    assert told.view is None
    assert told.timeline.status == plain.status_code == 404
    assert told.problem == plain.json()
    by_name = {source.name: source for source in told.timeline.sources}
    assert (by_name["title"].outcome, by_name["title"].reason) == (Outcome.FAILED, "refused")
    assert (by_name["extra"].outcome, by_name["extra"].reason) == (Outcome.CANCELLED, None)
    assert [call.answer for call in by_name["extra"].calls] == ["cancelled"]
    assert (by_name["never"].began, by_name["never"].ended) == (None, None)
    assert by_name["never"].outcome is Outcome.CANCELLED


@pytest.mark.parametrize(("failure", "reason"), [(Failed("it answered 500"), "failed"), (None, "timeout")])
async def test_a_part_that_was_replaced_says_why(
    serve: Serve, failure: UpstreamError | None, reason: str
) -> None:
    page = Page("/screen", deadline=5.0)

    @page.source()
    async def title() -> str:
        return "fine"

    @page.source(fallback=str, timeout=0.01)
    async def extra() -> str:
        if failure is None:
            await asyncio.Event().wait()
        raise failure or AssertionError

    page.view(view_of_both)
    async with serve(page, explains=True) as http:
        told = (await seen(http))["extra"]

    assert (told.outcome, told.reason) == (Outcome.FALLBACK, reason)
