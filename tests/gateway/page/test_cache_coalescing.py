"""Callers who want the same at the same time: one load for all, for as long as one of them waits."""

import asyncio
import gc
import traceback
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from gateway.page.cache import Cache, CacheState, KeptResults
from gateway.upstream import Failed, TimedOut
from tests.support.caching import KEY, Clock, Titles, until


@pytest.fixture
def titles() -> Titles:
    """A load that waits until its gate is opened."""
    titles = Titles()
    titles.gate.clear()
    return titles


@pytest.fixture(params=[0, 60], ids=["coalescing only", "kept"])
async def kept(
    request: pytest.FixtureRequest, clock: Clock, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[KeptResults]:
    """Results after whose use asyncio has nothing to complain about, such as failures that nobody took."""
    kept = KeptResults("books title", Cache(ttl=request.param), str, None, clock)
    yield kept
    await kept.close()
    gc.collect()
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]


async def callers(kept: KeptResults, titles: Titles, count: int) -> list["asyncio.Task[Any]"]:
    """So many callers, all of whom wait."""
    tasks = [asyncio.create_task(kept.get(KEY, titles.load)) for _ in range(count)]
    await titles.begun.wait()
    return tasks


async def test_concurrent_callers_share_one_load(kept: KeptResults, titles: Titles) -> None:
    waiting = await callers(kept, titles, 50)
    titles.gate.set()

    answers = await asyncio.gather(*waiting)

    assert titles.calls == 1
    assert answers == [("first", CacheState.MISS), *[("first", CacheState.JOINED)] * 49]


async def test_callers_with_other_keys_do_not_share(kept: KeptResults) -> None:
    async def load_of(key: bytes) -> str:
        await asyncio.sleep(0)
        return key.decode()

    keys = [b"one", b"two", b"three"]
    answers = await asyncio.gather(*(kept.get(key, lambda key=key: load_of(key)) for key in keys))  # type: ignore[misc]

    assert answers == [(key.decode(), CacheState.MISS) for key in keys]


async def test_a_first_caller_who_leaves_takes_nobody_along(kept: KeptResults, titles: Titles) -> None:
    first, *others = await callers(kept, titles, 3)
    first.cancel()
    await asyncio.wait([first])
    titles.gate.set()

    assert [await other for other in others] == [("first", CacheState.JOINED)] * 2
    assert first.cancelled()
    assert titles.calls == 1


async def test_a_load_that_everybody_left_is_cancelled_and_the_next_caller_begins_anew(
    kept: KeptResults, titles: Titles
) -> None:
    waiting = await callers(kept, titles, 3)
    for caller in waiting:
        caller.cancel()
    await asyncio.wait(waiting)
    titles.answer = "second"
    titles.gate.set()

    assert await kept.get(KEY, titles.load) == ("second", CacheState.MISS)
    assert titles.cancelled.is_set()
    assert titles.calls == 2


async def test_a_load_that_is_slow_to_end_is_nobodys_any_more(kept: KeptResults) -> None:
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

    leaving = asyncio.create_task(kept.get(KEY, slow_to_end))
    await begun.wait()
    leaving.cancel()
    await asyncio.wait([leaving])

    assert await kept.get(KEY, prompt) == ("new", CacheState.MISS)
    ending.set()


async def test_a_load_that_turns_its_cancellation_into_a_failure_fails_nobody(
    kept: KeptResults, titles: Titles
) -> None:
    async def stubborn() -> str:
        try:
            return await titles.load()  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            raise Failed("the connection was closed") from None

    leaving = asyncio.create_task(kept.get(KEY, stubborn))
    await titles.begun.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    titles.gate.set()

    assert await kept.get(KEY, titles.load) == ("first", CacheState.MISS)


async def test_a_failure_reaches_all_who_wait_and_nobody_later(kept: KeptResults, titles: Titles) -> None:
    waiting = await callers(kept, titles, 10)
    titles.answer = Failed("it answered 500")
    titles.gate.set()

    failures = await asyncio.gather(*waiting, return_exceptions=True)
    titles.answer = "second"

    assert [str(failure) for failure in failures] == ["it answered 500"] * 10
    assert len(set(map(id, failures))) == 10  # each may be given a traceback and a cause of its own
    assert await kept.get(KEY, titles.load) == ("second", CacheState.MISS)


async def test_a_bug_reaches_all_who_wait_and_shows_each_where_it_is(
    kept: KeptResults, titles: Titles
) -> None:
    async def told(caller: "asyncio.Task[Any]") -> list[str]:
        try:
            await caller
        except ZeroDivisionError as bug:
            return [frame.name for frame in traceback.extract_tb(bug.__traceback__)]
        return []

    waiting = await callers(kept, titles, 10)
    titles.answer = ZeroDivisionError()
    titles.gate.set()
    tracebacks = await asyncio.gather(*map(told, waiting))
    titles.answer = "second"

    assert {names[-1] for names in tracebacks} == {"load"}
    assert len(set(map(len, tracebacks))) == 1
    assert await kept.get(KEY, titles.load) == ("second", CacheState.MISS)


async def test_who_joined_a_load_whose_time_was_up_starts_over_once(
    kept: KeptResults, titles: Titles
) -> None:
    waiting = await callers(kept, titles, 4)
    titles.answer = TimedOut("no time left")
    titles.gate.set()

    failures = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(failure) for failure in failures] == [TimedOut] * 4
    assert titles.calls == 2


async def test_who_joined_a_load_whose_time_was_up_gets_what_the_next_one_brings(
    kept: KeptResults, titles: Titles
) -> None:
    async def hasty() -> str:
        await titles.load()
        raise TimedOut("no time left")

    async def patient() -> str:
        return "in time"

    own = asyncio.create_task(kept.get(KEY, hasty))
    await titles.begun.wait()
    joined = [asyncio.create_task(kept.get(KEY, patient)) for _ in range(2)]
    await asyncio.sleep(0)
    titles.gate.set()

    assert await asyncio.gather(*joined) == [("in time", CacheState.MISS), ("in time", CacheState.JOINED)]
    with pytest.raises(TimedOut):
        await own


@pytest.mark.parametrize("begun", [True, False], ids=["under way", "not begun"])
async def test_a_load_whose_task_is_ended_from_outside_ends_only_who_made_it(
    kept: KeptResults, titles: Titles, *, begun: bool
) -> None:
    spawned: list[asyncio.Task[Any]] = []

    def spawn(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        spawned.append(asyncio.create_task(work))
        return spawned[-1]

    own = asyncio.create_task(kept.get(KEY, titles.load, spawn))
    await until(lambda: bool(spawned))
    if begun:
        await titles.begun.wait()
    joined = asyncio.create_task(kept.get(KEY, titles.load))
    if begun:
        await asyncio.sleep(0)
    spawned[0].cancel()
    titles.gate.set()

    assert (await joined)[0] == "first"
    await asyncio.wait([own])
    assert own.cancelled()


async def test_a_refresh_goes_on_when_those_who_joined_it_have_left(clock: Clock, titles: Titles) -> None:
    kept = KeptResults("books title", Cache(ttl=10, stale=60), str, None, clock)
    titles.gate.set()
    await kept.get(KEY, titles.load)
    titles.gate.clear()
    titles.begun.clear()
    titles.answer = "second"
    clock.pass_by(69)
    await kept.get(KEY, titles.load)
    clock.pass_by(1)
    (late,) = await callers(kept, titles, 1)
    late.cancel()
    await asyncio.wait([late])
    titles.gate.set()

    await until(lambda: kept.peek(KEY) == "second")
    await kept.close()


async def test_a_refresh_with_a_bug_is_logged_with_its_traceback(
    clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    kept = KeptResults("books title", Cache(ttl=10, stale=60), str, None, clock)
    titles.gate.set()
    await kept.get(KEY, titles.load)
    titles.answer = ZeroDivisionError()
    clock.pass_by(10)

    await kept.get(KEY, titles.load)
    await until(lambda: bool(caplog.records))

    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)
    assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
    await kept.close()


async def test_closing_ends_refreshes_before_it_returns(clock: Clock, titles: Titles) -> None:
    kept = KeptResults("books title", Cache(ttl=10, stale=60), str, None, clock)
    titles.gate.set()
    await kept.get(KEY, titles.load)
    titles.gate.clear()
    titles.begun.clear()
    clock.pass_by(10)
    await kept.get(KEY, titles.load)
    await titles.begun.wait()

    await kept.close()

    assert titles.cancelled.is_set()
    assert len(asyncio.all_tasks()) == 1
