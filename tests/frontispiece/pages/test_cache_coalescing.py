"""Callers who want the same at the same time: one load for all, for as long as one of them waits."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from frontispiece.pages.result_cache import Cache, CacheState, ResultCache
from frontispiece.upstream import TimedOut, UpstreamServerError
from tests.support.caching import KEY, Titles
from tests.support.clock import Clock
from tests.support.waiting import until


@pytest.fixture
def titles() -> Titles:
    """A load that waits until its gate is opened."""
    titles = Titles()
    titles.gate.clear()
    return titles


@pytest.fixture(params=[0, 60], ids=["coalescing only", "cache"])
async def cache(
    request: pytest.FixtureRequest, clock: Clock, no_asyncio_errors: None
) -> AsyncIterator[ResultCache]:
    cache = ResultCache("books title", Cache(ttl=request.param), str, None, clock)
    yield cache
    await cache.close()


async def callers(cache: ResultCache, titles: Titles, count: int) -> list["asyncio.Task[Any]"]:
    """So many callers, all of whom wait."""
    tasks = [asyncio.create_task(cache.get(KEY, titles.load)) for _ in range(count)]
    await titles.begun.wait()
    return tasks


async def test_a_load_without_callers_is_cancelled_and_the_next_caller_starts_another(
    cache: ResultCache, titles: Titles
) -> None:
    waiting = await callers(cache, titles, 3)
    for caller in waiting:
        caller.cancel()
    await asyncio.wait(waiting)
    titles.answer = "second"
    titles.gate.set()

    assert await cache.get(KEY, titles.load) == ("second", CacheState.MISS)
    assert titles.cancelled.is_set()
    assert titles.calls == 2


async def test_a_cancelled_load_that_is_slow_to_end_is_not_joined(cache: ResultCache) -> None:
    ending = asyncio.Event()
    begun = asyncio.Event()

    async def slow_to_end() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await ending.wait()
        return "never"

    async def prompt() -> str:
        return "new"

    leaving = asyncio.create_task(cache.get(KEY, slow_to_end))
    await begun.wait()
    leaving.cancel()
    await asyncio.wait([leaving])

    assert await cache.get(KEY, prompt) == ("new", CacheState.MISS)
    ending.set()


async def test_a_cancelled_load_that_raises_another_error_fails_no_caller(
    cache: ResultCache, titles: Titles
) -> None:
    async def stubborn() -> str:
        try:
            return await titles.load()  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            raise UpstreamServerError("the connection was closed") from None

    leaving = asyncio.create_task(cache.get(KEY, stubborn))
    await titles.begun.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    titles.gate.set()

    assert await cache.get(KEY, titles.load) == ("first", CacheState.MISS)


async def test_a_caller_that_joined_a_load_that_timed_out_starts_over_once(
    cache: ResultCache, titles: Titles
) -> None:
    waiting = await callers(cache, titles, 4)
    titles.answer = TimedOut("no time left")
    titles.gate.set()

    failures = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(failure) for failure in failures] == [TimedOut] * 4
    assert titles.calls == 2


@pytest.mark.parametrize("begun", [True, False], ids=["under way", "not begun"])
async def test_a_load_whose_task_is_cancelled_cancels_only_the_caller_that_started_it(
    cache: ResultCache, titles: Titles, *, begun: bool
) -> None:
    spawned: list[asyncio.Task[Any]] = []

    def spawn(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        spawned.append(asyncio.create_task(work))
        return spawned[-1]

    own = asyncio.create_task(cache.get(KEY, titles.load, spawn))
    await until(lambda: bool(spawned))
    if begun:
        await titles.begun.wait()
    joined = asyncio.create_task(cache.get(KEY, titles.load))
    if begun:
        await asyncio.sleep(0)
    spawned[0].cancel()
    titles.gate.set()

    assert (await joined)[0] == "first"
    await asyncio.wait([own])
    assert own.cancelled()


async def test_a_refresh_goes_on_when_the_callers_that_joined_it_are_cancelled(
    clock: Clock, titles: Titles
) -> None:
    cache = ResultCache("books title", Cache(ttl=10, stale=60), str, None, clock)
    titles.gate.set()
    await cache.get(KEY, titles.load)
    titles.gate.clear()
    titles.begun.clear()
    titles.answer = "second"
    clock.advance(69)
    await cache.get(KEY, titles.load)
    clock.advance(1)
    (late,) = await callers(cache, titles, 1)
    late.cancel()
    await asyncio.wait([late])
    titles.gate.set()

    await until(lambda: cache.peek(KEY) == "second")
    await cache.close()


async def test_a_refresh_with_a_bug_is_logged_with_its_traceback(
    clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    cache = ResultCache("books title", Cache(ttl=10, stale=60), str, None, clock)
    titles.gate.set()
    await cache.get(KEY, titles.load)
    titles.answer = ZeroDivisionError()
    clock.advance(10)

    await cache.get(KEY, titles.load)
    await until(lambda: bool(caplog.records))

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert await cache.get(KEY, titles.load) == ("first", CacheState.STALE)
    await cache.close()
