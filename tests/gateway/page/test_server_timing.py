"""What `Server-Timing` says of a page (W3C, Server Timing)."""

import asyncio
import re
from time import perf_counter

import pytest
from msgspec import Struct

from gateway.page import Cache, Page
from gateway.upstream import Failed, Unreachable
from tests.gateway.page.conftest import Serve
from tests.support.caching import Titles

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
METRIC = re.compile(rf'({TOKEN});dur=([0-9]+(?:\.[0-9]+)?)(?:;desc="([a-z]+)")?')


class Heading(Struct):
    """A view."""

    title: str
    extra: str = ""


def metrics(header: str) -> dict[str, tuple[float, str | None]]:
    """The milliseconds and the description of each entry; all that there is has to be one."""
    found = {}
    for entry in header.split(", "):
        match = METRIC.fullmatch(entry)
        assert match is not None, entry
        assert match[1] not in found
        found[match[1]] = float(match[2]), match[3]
    return found


def cached_page(titles: Titles, policy: Cache) -> Page:
    """A page of one source that is kept."""
    page = Page("/heading", deadline=5.0)

    @page.source(cache=policy)
    async def title() -> str:
        text: str = await titles.load()
        return text

    @page.view
    def view(title: str) -> Heading:
        return Heading(title)

    return page


def extended_page(extra: BaseException | str) -> Page:
    """A page of three sources, one after the other, of which the last is optional."""
    page = Page("/heading", deadline=5.0)

    @page.source()
    async def first() -> str:
        return "first"

    @page.source()
    async def title(first: str) -> str:
        await asyncio.sleep(0)
        return first

    @page.source(fallback=lambda: "fallback", timeout=0.01)
    async def extra_of_it(title: str) -> str:
        if isinstance(extra, BaseException):
            raise extra
        if extra == "late":
            await asyncio.Event().wait()
        return extra

    @page.view
    def view(title: str, extra_of_it: str) -> Heading:
        return Heading(title, extra_of_it)

    return page


@pytest.mark.parametrize("extra", ["there", "late", Failed("it answered 500"), Unreachable("away")])
async def test_there_is_one_entry_a_source_whatever_came_of_it(
    serve: Serve, extra: BaseException | str
) -> None:
    async with serve(extended_page(extra)) as http:
        answer = await http.get("/heading")

    assert ("page-degraded" in answer.headers) == (extra != "there")
    told = metrics(answer.headers["server-timing"])
    assert list(told) == ["first", "title", "extra_of_it"]
    assert [description for _, description in told.values()] == [None] * 3


async def test_a_source_that_ended_late_took_all_of_its_time(serve: Serve) -> None:
    page = Page("/heading", deadline=5.0)
    took = 0.0

    @page.source(fallback=lambda: "fallback", timeout=0.01)
    async def title() -> str:
        nonlocal took
        began = perf_counter()
        try:
            await asyncio.Event().wait()
        finally:
            took = (perf_counter() - began) * 1000
        return "never"

    @page.view
    def view(title: str) -> Heading:
        return Heading(title)

    async with serve(page) as http:
        told = metrics((await http.get("/heading")).headers["server-timing"])

    rounding = 0.1
    assert told["title"][0] >= took - rounding > 0


async def test_a_kept_source_says_how_its_cache_answered(serve: Serve, titles: Titles) -> None:
    async with serve(cached_page(titles, Cache(ttl=1_000))) as http:
        said = [metrics((await http.get("/heading")).headers["server-timing"]) for _ in range(3)]

    assert [told["title"][1] for told in said] == ["miss", "hit", "hit"]


async def test_an_older_result_is_told_as_one(serve: Serve, titles: Titles) -> None:
    async with serve(cached_page(titles, Cache(ttl=0, stale=1_000))) as http:
        said = [metrics((await http.get("/heading")).headers["server-timing"]) for _ in range(2)]

    assert [told["title"][1] for told in said] == ["miss", "stale"]


async def test_an_older_result_in_place_of_a_failure_is_told_as_one(serve: Serve, titles: Titles) -> None:
    async with serve(cached_page(titles, Cache(ttl=0, stale_if_error=1_000))) as http:
        await http.get("/heading")
        titles.answer = Unreachable("away")
        answer = await http.get("/heading")

    assert answer.json()["title"] == "first"
    assert metrics(answer.headers["server-timing"])["title"][1] == "revived"


async def test_who_shared_a_load_is_told_so(serve: Serve, titles: Titles) -> None:
    titles.gate.clear()
    async with serve(cached_page(titles, Cache(ttl=0))) as http, asyncio.TaskGroup() as both:
        asked = [both.create_task(http.get("/heading")) for _ in range(2)]
        await titles.begun.wait()
        for _ in range(50):  # until the second has come as far as it can
            await asyncio.sleep(0)
        titles.gate.set()

    said = [metrics((await answer).headers["server-timing"])["title"][1] for answer in asked]
    assert said == ["miss", "joined"]
    assert titles.calls == 1


async def test_a_page_without_sources_has_nothing_to_tell(serve: Serve) -> None:
    page = Page("/heading", deadline=5.0)

    @page.view
    def view() -> Heading:
        return Heading("fixed")

    async with serve(page) as http:
        answer = await http.get("/heading")

    assert answer.json()["title"] == "fixed"
    assert "server-timing" not in answer.headers
