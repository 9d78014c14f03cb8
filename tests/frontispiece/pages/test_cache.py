"""What a cached source may count on, wherever its results are: in its process, or in Valkey as well."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from msgspec import Raw

from frontispiece.pages.result_cache import MISSING, Cache, CacheState, ResultCache
from frontispiece.upstream import (
    InvalidResponse,
    TimedOut,
    Unreachable,
    UpstreamClientError,
    UpstreamServerError,
)
from tests.support.caching import KEY, CacheOf, Process, Titles
from tests.support.clock import Clock
from tests.support.waiting import until

Step = tuple[float, Any, Any]
"""Seconds that pass, what a load brings then, and what a caller gets: result and state, or a failure."""

Get = Callable[[Cache, Titles], Awaitable[Any]]


def status(number: int) -> UpstreamClientError:
    return UpstreamClientError(
        number, kind="urn:x", detail="No such book.", members={"isbn": Raw(b"[1]")}, retry_after="9"
    )


AWAY = Unreachable("away")
FAILURES = [AWAY, TimedOut("slow"), UpstreamServerError("it answered 500"), InvalidResponse("no JSON")]
BUG = ZeroDivisionError()
FIRST, HIT, STALE = ("1", CacheState.MISS), ("1", CacheState.HIT), ("1", CacheState.STALE)
SECOND = ("2", CacheState.MISS)
OLDER = ("1", CacheState.STALE_IF_ERROR)
IF_ERROR = Cache(ttl=10, stale_if_error=60)
EVERYTHING = Cache(ttl=60, stale=60, stale_if_error=60, negative=60)

HISTORIES: dict[str, tuple[Cache, list[Step]]] = {
    "fresh until ttl": (Cache(ttl=10), [(0, "1", FIRST), (9, "2", HIT), (1, "2", SECOND)]),
    "stale after ttl": (Cache(ttl=10, stale=60), [(0, "1", FIRST), (9, "2", HIT), (60, "2", STALE)]),
    "not at all after that": (Cache(ttl=10, stale=60), [(0, "1", FIRST), (70, "2", SECOND)]),
    "None too": (Cache(ttl=10), [(0, None, (None, CacheState.MISS)), (0, "2", (None, CacheState.HIT))]),
    "never with a ttl of 0": (Cache(ttl=0), [(0, "1", FIRST), (0, "2", SECOND)]),
    **{
        f"in place of {failure!r}": (IF_ERROR, [(0, "1", FIRST), (69, failure, OLDER), (1, failure, failure)])
        for failure in FAILURES
    },
    **{
        f"not in place of {error!r}": (IF_ERROR, [(0, "1", FIRST), (10, error, error)])
        for error in (status(404), status(403), status(429), BUG)
    },
    **{
        f"never again after {number}": (
            IF_ERROR,
            [(0, "1", FIRST), (10, status(number), status(number)), (0, AWAY, AWAY)],
        )
        for number in (401, 403, 404, 410)
    },
    "again after 429": (IF_ERROR, [(0, "1", FIRST), (10, status(429), status(429)), (0, AWAY, OLDER)]),
    **{
        f"{number} until its own time is over": (
            Cache(ttl=60, negative=5),
            [(0, status(number), status(number)), (4, "1", status(number)), (1, "1", FIRST)],
        )
        for number in (404, 410)
    },
    "no 404 unless it is asked for": (Cache(ttl=60), [(0, status(404), status(404)), (0, "1", FIRST)]),
    **{
        f"never {failure!r}": (EVERYTHING, [(0, failure, failure), (0, "1", FIRST)])
        for failure in (*FAILURES, *map(status, (400, 401, 403, 409, 429)), BUG)
    },
}


@pytest.fixture(params=["in process", "shared", "restarted"])
async def get(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Get]:
    """`await get(policy, titles)`: what a caller gets; the process may restart before each call."""
    url = None if request.param == "in process" else request.getfixturevalue("valkey_url")
    process, running = Process(url, clock), AsyncExitStack()
    source: ResultCache | None = None

    async def get(policy: Cache, titles: Titles) -> Any:
        nonlocal source
        if source is None or request.param == "restarted":
            await running.aclose()
            opened = process.source(replace(policy, shared=True), shape=str | None)
            source = await running.enter_async_context(opened)
        try:
            return await source.get(KEY, titles.load)
        except Exception as failure:  # noqa: BLE001 (it is what the caller gets)
            return failure

    async with running:
        yield get


@pytest.mark.parametrize("history", HISTORIES)
async def test_a_result_is_used(get: Get, clock: Clock, titles: Titles, history: str) -> None:
    policy, steps = HISTORIES[history]
    for seconds, answer, expected in steps:
        clock.advance(seconds)
        titles.answer = answer
        got = await get(policy, titles)
        if isinstance(expected, Exception):
            assert type(got) is type(expected)
            assert vars(got) == vars(expected)
        else:
            assert got == expected


async def test_a_stale_result_is_served_at_once_while_one_refresh_runs(
    cache_of: CacheOf, clock: Clock, titles: Titles
) -> None:
    cache = cache_of(Cache(ttl=10, stale=60))
    await cache.get(KEY, titles.load)
    clock.advance(10)
    titles.answer = "second"
    titles.gate.clear()

    for _ in range(3):
        assert await cache.get(KEY, titles.load) == ("first", CacheState.STALE)
    titles.gate.set()
    await until(lambda: cache.peek(KEY) == "second")

    assert titles.calls == 2
    assert await cache.get(KEY, titles.load) == ("second", CacheState.HIT)


async def test_a_refresh_survives_the_request_that_began_it(
    cache_of: CacheOf, clock: Clock, titles: Titles
) -> None:
    cache = cache_of(Cache(ttl=10, stale=60))
    await cache.get(KEY, titles.load)
    clock.advance(10)
    titles.answer = "second"
    titles.gate.clear()
    titles.begun.clear()

    async def request() -> None:
        await cache.get(KEY, titles.load)
        await asyncio.Event().wait()

    waiting = asyncio.create_task(request())
    await titles.begun.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    titles.gate.set()

    await until(lambda: cache.peek(KEY) == "second")


async def test_a_failing_refresh_is_logged_and_leaves_the_stale_result_until_its_end(
    cache_of: CacheOf, clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    cache = cache_of(Cache(ttl=10, stale=60))
    await cache.get(KEY, titles.load)
    titles.answer = UpstreamServerError("it answered 500")
    clock.advance(69)

    assert await cache.get(KEY, titles.load) == ("first", CacheState.STALE)
    await until(lambda: "books title: a refresh failed: it answered 500" in caplog.messages)
    assert await cache.get(KEY, titles.load) == ("first", CacheState.STALE)
    await until(lambda: len(caplog.messages) == 2)
    clock.advance(1)
    with pytest.raises(UpstreamServerError):
        await cache.get(KEY, titles.load)


async def test_a_caller_after_the_stale_time_joins_the_refresh(
    cache_of: CacheOf, clock: Clock, titles: Titles
) -> None:
    cache = cache_of(Cache(ttl=10, stale=60))
    await cache.get(KEY, titles.load)
    clock.advance(69)
    titles.answer = "second"
    titles.gate.clear()
    titles.begun.clear()
    await cache.get(KEY, titles.load)
    await titles.begun.wait()
    clock.advance(1)
    late = asyncio.create_task(cache.get(KEY, titles.load))
    await asyncio.sleep(0)
    titles.gate.set()

    assert await late == ("second", CacheState.COLLAPSED)
    assert titles.calls == 2


async def test_the_least_recently_used_result_is_evicted(cache_of: CacheOf, titles: Titles) -> None:
    cache = cache_of(Cache(ttl=60, size=2))
    for key in (b"one", b"two", b"one", b"three"):
        await cache.get(key, titles.load)

    assert [cache.peek(key) for key in (b"one", b"two", b"three")] == ["first", MISSING, "first"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl": -1},
        {"ttl": float("inf")},
        {"ttl": float("nan")},
        {"ttl": 1, "stale": -1},
        {"ttl": 1, "size": 0},
    ],
    ids=str,
)
def test_an_invalid_policy_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^Cache: \w+ is "):
        Cache(**wrong)


async def test_a_cached_404_does_not_reference_the_request_that_got_it(cache_of: CacheOf) -> None:
    class Request:
        """What a load has at hand."""

    async def load() -> str:
        request = Request()
        seen.append(weakref.ref(request))
        raise UpstreamClientError(404)

    seen: list[weakref.ref[Request]] = []
    cache = cache_of(Cache(ttl=60, negative=60))
    with pytest.raises(UpstreamClientError):
        await cache.get(KEY, load)
    await asyncio.sleep(0)  # the event loop lets go of the load's task
    gc.collect()

    assert seen[0]() is None
    with pytest.raises(UpstreamClientError):
        await cache.get(KEY, load)
    assert len(seen) == 1
