"""What `Server-Timing` says of a page (W3C, Server Timing)."""

import asyncio
import re
from typing import Any

import pytest

from frontispiece.pages import Cache, Page
from frontispiece.upstream import Unreachable, UpstreamServerError
from tests.frontispiece.pages.conftest import Serve
from tests.support.caching import Titles
from tests.support.pages import page_of

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
METRIC = re.compile(rf'({TOKEN});dur=([0-9]+(?:\.[0-9]+)?)(?:;desc="([a-z-]+)")?')


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
    """A page of one source that is cached."""

    async def title() -> str:
        text: str = await titles.load()
        return text

    return page_of((title, {"cache": policy}), path="/heading")


def extended_page(extra: BaseException | str) -> Page:
    """A page of three sources, one after the other, of which the last is optional."""

    async def first() -> str:
        return "first"

    async def title(first: str) -> str:
        await asyncio.sleep(0)
        return first

    async def extra_of_it(title: str) -> str:
        if isinstance(extra, BaseException):
            raise extra
        if extra == "late":
            await asyncio.Event().wait()
        return extra

    return page_of(first, title, (extra_of_it, {"fallback": str, "timeout": 0.01}), path="/heading")


@pytest.mark.parametrize(
    "extra", ["there", "late", UpstreamServerError("it answered 500"), Unreachable("away")]
)
async def test_there_is_one_entry_a_source_whatever_came_of_it(
    serve: Serve, extra: BaseException | str
) -> None:
    async with serve(extended_page(extra)) as http:
        answer = await http.get("/heading")

    assert ("page-degraded" in answer.headers) == (extra != "there")
    entries = metrics(answer.headers["server-timing"])
    assert list(entries) == ["first", "title", "extra_of_it"]
    assert [description for _, description in entries.values()] == [None] * 3


@pytest.mark.parametrize(
    ("policy", "answer", "state"),
    [
        (Cache(ttl=1_000), "second", "hit"),
        (Cache(ttl=0, stale=1_000), "second", "stale"),
        (Cache(ttl=0, stale_if_error=1_000), Unreachable("away"), "stale-if-error"),
    ],
)
async def test_a_cached_source_says_where_its_result_came_from(
    serve: Serve, titles: Titles, policy: Cache, answer: Any, state: str
) -> None:
    async with serve(cached_page(titles, policy)) as http:
        first = await http.get("/heading")
        titles.answer = answer
        second = await http.get("/heading")

    assert second.json()["title"] == "first"
    states = [metrics(each.headers["server-timing"])["title"][1] for each in (first, second)]
    assert states == ["miss", state]
