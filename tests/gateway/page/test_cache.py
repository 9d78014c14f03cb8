"""What a cached source may count on, wherever its results are kept: in its process, or in Valkey as well."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from gateway.page.cache import MISSING, Cache, CacheState, KeptResults
from gateway.page.shared_cache import SharedStore
from gateway.upstream import Failed, Nonsense, Refused, TimedOut, Unreachable, UpstreamError
from tests.support.caching import KEY, Clock, Make, Titles, until

FAILURES = [Unreachable("away"), TimedOut("slow"), Failed("it answered 500"), Nonsense("no JSON")]


def named(failure: Exception) -> str:
    return str(getattr(failure, "answered", type(failure).__name__))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def titles() -> Titles:
    return Titles()


@pytest.fixture(params=["in process", "shared"])
async def make(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Make]:
    """`make(policy)`: kept results, closed at the end."""
    async with AsyncExitStack() as stack:
        store: SharedStore | None = None
        if request.param == "shared":
            url = request.getfixturevalue("valkey_url")
            store = await stack.enter_async_context(SharedStore(url, clock=clock, now=clock))

        def make(policy: Cache) -> KeptResults:
            policy = replace(policy, shared=store is not None)
            kept = KeptResults("books titles", policy, str | None, store, clock)
            stack.push_async_callback(kept.close)
            return kept

        yield make


async def test_a_result_is_used_again_until_its_time_is_over(
    make: Make, clock: Clock, titles: Titles
) -> None:
    kept = make(Cache(ttl=10))

    answers = [await kept.get(KEY, titles.load)]
    titles.answer = "second"
    clock.pass_by(9)
    answers.append(await kept.get(KEY, titles.load))
    clock.pass_by(1)
    answers.append(await kept.get(KEY, titles.load))

    assert answers == [
        ("first", CacheState.MISS),
        ("first", CacheState.HIT),
        ("second", CacheState.MISS),
    ]
    assert titles.calls == 2


async def test_each_key_has_a_result_of_its_own(make: Make, titles: Titles) -> None:
    kept = make(Cache(ttl=10))
    await kept.get(b"one", titles.load)
    titles.answer = "second"

    assert await kept.get(b"other", titles.load) == ("second", CacheState.MISS)
    assert await kept.get(b"one", titles.load) == ("first", CacheState.HIT)


async def test_a_fresh_result_is_there_without_any_waiting(make: Make, titles: Titles) -> None:
    kept = make(Cache(ttl=10))
    await kept.get(KEY, titles.load)

    with pytest.raises(StopIteration) as returned:
        kept.get(KEY, titles.load).send(None)

    assert returned.value.value == ("first", CacheState.HIT)


async def test_peek_shows_a_fresh_result_and_nothing_else(make: Make, clock: Clock, titles: Titles) -> None:
    kept = make(Cache(ttl=10, stale=10, stale_if_error=10, negative=10))
    titles.answer = Refused(404)
    with pytest.raises(Refused):
        await kept.get(b"refused", titles.load)
    titles.answer = "first"
    await kept.get(KEY, titles.load)

    assert kept.peek(KEY) == "first"
    assert kept.peek(b"other") is kept.peek(b"refused") is MISSING
    clock.pass_by(10)
    assert kept.peek(KEY) is MISSING


async def test_nothing_is_a_result_too(make: Make, titles: Titles) -> None:
    kept = make(Cache(ttl=10))
    titles.answer = None
    await kept.get(KEY, titles.load)

    assert await kept.get(KEY, titles.load) == (None, CacheState.HIT)
    assert kept.peek(KEY) is None


async def test_a_stale_result_is_served_at_once_while_one_refresh_runs(
    make: Make, clock: Clock, titles: Titles
) -> None:
    kept = make(Cache(ttl=10, stale=60))
    await kept.get(KEY, titles.load)
    clock.pass_by(10)
    titles.answer = "second"
    titles.gate.clear()

    for _ in range(3):
        assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
    titles.gate.set()
    await until(lambda: kept.peek(KEY) == "second")

    assert titles.calls == 2
    assert await kept.get(KEY, titles.load) == ("second", CacheState.HIT)


async def test_a_refresh_survives_the_request_that_began_it(make: Make, clock: Clock, titles: Titles) -> None:
    kept = make(Cache(ttl=10, stale=60))
    await kept.get(KEY, titles.load)
    clock.pass_by(10)
    titles.answer = "second"
    titles.gate.clear()
    titles.begun.clear()

    async def request() -> None:
        await kept.get(KEY, titles.load)
        await asyncio.Event().wait()

    waiting = asyncio.create_task(request())
    await titles.begun.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    titles.gate.set()

    await until(lambda: kept.peek(KEY) == "second")


async def test_a_failing_refresh_is_logged_and_leaves_the_stale_result_until_its_end(
    make: Make, clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    kept = make(Cache(ttl=10, stale=60))
    await kept.get(KEY, titles.load)
    titles.answer = Failed("it answered 500")
    clock.pass_by(69)

    assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
    await until(lambda: "books titles: loading ahead failed: it answered 500" in caplog.messages)
    assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
    await until(lambda: len(caplog.messages) == 2)
    clock.pass_by(1)
    with pytest.raises(Failed):
        await kept.get(KEY, titles.load)


async def test_a_caller_who_comes_too_late_for_the_stale_result_joins_its_refresh(
    make: Make, clock: Clock, titles: Titles
) -> None:
    kept = make(Cache(ttl=10, stale=60))
    await kept.get(KEY, titles.load)
    clock.pass_by(69)
    titles.answer = "second"
    titles.gate.clear()
    titles.begun.clear()
    await kept.get(KEY, titles.load)
    await titles.begun.wait()
    clock.pass_by(1)
    late = asyncio.create_task(kept.get(KEY, titles.load))
    await asyncio.sleep(0)
    titles.gate.set()

    assert await late == ("second", CacheState.JOINED)
    assert titles.calls == 2


@pytest.mark.parametrize("failure", FAILURES, ids=named)
async def test_an_older_result_stands_in_for_a_failure(
    make: Make, clock: Clock, titles: Titles, failure: UpstreamError
) -> None:
    kept = make(Cache(ttl=10, stale_if_error=60))
    await kept.get(KEY, titles.load)
    titles.answer = failure

    clock.pass_by(69)
    assert await kept.get(KEY, titles.load) == ("first", CacheState.REVIVED)
    assert kept.revived(KEY) == "first"
    clock.pass_by(1)
    with pytest.raises(type(failure)):
        await kept.get(KEY, titles.load)
    assert kept.revived(KEY) is MISSING
    assert titles.calls == 3


@pytest.mark.parametrize(
    "failure", [Refused(404), Refused(403), Refused(429), ZeroDivisionError()], ids=named
)
async def test_an_older_result_hides_neither_a_refusal_nor_a_bug(
    make: Make, clock: Clock, titles: Titles, failure: Exception
) -> None:
    kept = make(Cache(ttl=10, stale_if_error=60))
    await kept.get(KEY, titles.load)
    clock.pass_by(10)
    titles.answer = failure

    with pytest.raises(type(failure)):
        await kept.get(KEY, titles.load)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_what_is_gone_or_forbidden_does_not_come_back(
    make: Make, clock: Clock, titles: Titles, status: int
) -> None:
    kept = make(Cache(ttl=10, stale_if_error=60))
    await kept.get(KEY, titles.load)
    clock.pass_by(10)
    for answer in (Refused(status), Unreachable("away")):
        titles.answer = answer
        with pytest.raises(type(answer)):
            await kept.get(KEY, titles.load)


async def test_a_result_that_its_refresh_finds_gone_is_not_served_any_more(
    make: Make, clock: Clock, titles: Titles
) -> None:
    kept = make(Cache(ttl=10, stale=60, negative=5))
    await kept.get(KEY, titles.load)
    clock.pass_by(10)
    titles.answer = Refused(404)
    await kept.get(KEY, titles.load)
    await until(lambda: titles.calls == 2)

    with pytest.raises(Refused):
        await kept.get(KEY, titles.load)


@pytest.mark.parametrize("status", [404, 410])
async def test_that_there_is_no_such_thing_is_remembered_shortly(
    make: Make, clock: Clock, titles: Titles, status: int
) -> None:
    kept = make(Cache(ttl=60, negative=5))
    titles.answer = Refused(
        status, kind="urn:x", detail="No such book.", members={"isbn": "1"}, retry_after="9"
    )
    for _ in range(3):
        with pytest.raises(Refused, match=r"^No such book\.$") as told:
            await kept.get(KEY, titles.load)
        refusal = told.value
        assert (refusal.answered, refusal.type, refusal.detail) == (status, "urn:x", "No such book.")
        assert (refusal.members, refusal.retry_after) == ({"isbn": "1"}, "9")
    assert titles.calls == 1
    titles.answer = "first"
    clock.pass_by(5)

    assert await kept.get(KEY, titles.load) == ("first", CacheState.MISS)


@pytest.mark.parametrize(
    "failure", [*FAILURES, *map(Refused, (400, 401, 403, 409, 429)), ZeroDivisionError()], ids=named
)
async def test_no_other_failure_is_remembered(make: Make, titles: Titles, failure: Exception) -> None:
    kept = make(Cache(ttl=60, stale=60, stale_if_error=60, negative=60))
    titles.answer = failure
    with pytest.raises(type(failure)):
        await kept.get(KEY, titles.load)
    titles.answer = "first"

    assert await kept.get(KEY, titles.load) == ("first", CacheState.MISS)


async def test_without_being_asked_to_nobody_remembers_a_refusal(make: Make, titles: Titles) -> None:
    kept = make(Cache(ttl=60))
    titles.answer = Refused(404)
    with pytest.raises(Refused):
        await kept.get(KEY, titles.load)
    titles.answer = "first"

    assert await kept.get(KEY, titles.load) == ("first", CacheState.MISS)


async def test_a_remembered_refusal_does_not_grow_with_those_who_are_told(make: Make, titles: Titles) -> None:
    kept = make(Cache(ttl=60, negative=60))
    titles.answer = Refused(404)
    with pytest.raises(Refused):
        await kept.get(KEY, titles.load)

    told = []
    for _ in range(3):
        with pytest.raises(Refused) as refusal:
            await kept.get(KEY, titles.load)
        told.append(refusal)

    assert len({id(refusal.value) for refusal in told}) == 3
    assert len({len(refusal.traceback) for refusal in told}) == 1
    assert [(refusal.value.__context__, refusal.value.__cause__) for refusal in told] == [(None, None)] * 3


async def test_a_remembered_refusal_keeps_nothing_of_the_request_that_met_it(make: Make) -> None:
    class Request:
        """What a load has at hand."""

    async def load() -> str:
        request = Request()
        seen.append(weakref.ref(request))
        raise Refused(404)

    seen: list[weakref.ref[Request]] = []
    kept = make(Cache(ttl=60, negative=60))
    with pytest.raises(Refused):
        await kept.get(KEY, load)
    await asyncio.sleep(0)  # the event loop lets go of the load's task
    gc.collect()

    assert seen[0]() is None
    with pytest.raises(Refused):
        await kept.get(KEY, load)
    assert len(seen) == 1


async def test_the_least_recently_used_result_makes_room(make: Make, titles: Titles) -> None:
    kept = make(Cache(ttl=60, size=2))
    for key in (b"one", b"two", b"one", b"three"):
        await kept.get(key, titles.load)

    assert [kept.peek(key) for key in (b"one", b"two", b"three")] == ["first", MISSING, "first"]


async def test_without_a_time_nothing_is_kept(make: Make, titles: Titles) -> None:
    kept = make(Cache(ttl=0))

    assert [await kept.get(KEY, titles.load) for _ in range(2)] == [("first", CacheState.MISS)] * 2
    assert titles.calls == 2


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
def test_a_policy_that_cannot_be_kept_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^Cache: \w+ is "):
        Cache(**wrong)
