"""What a cached source may count on, wherever its results are kept: in its process, or in Valkey as well."""

import asyncio
from typing import Any

import pytest

from gateway.page.cache import MISSING, Cache, CacheState
from gateway.upstream import Failed, Refused
from tests.support.caching import KEY, Clock, KeptAs, Titles, until


async def test_a_result_is_used_again_until_its_time_is_over(
    kept_as: KeptAs, clock: Clock, titles: Titles
) -> None:
    kept = kept_as(Cache(ttl=10))

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


async def test_each_key_has_a_result_of_its_own(kept_as: KeptAs, titles: Titles) -> None:
    kept = kept_as(Cache(ttl=10))
    await kept.get(b"one", titles.load)
    titles.answer = "second"

    assert await kept.get(b"other", titles.load) == ("second", CacheState.MISS)
    assert await kept.get(b"one", titles.load) == ("first", CacheState.HIT)


async def test_a_fresh_result_is_there_without_any_waiting(kept_as: KeptAs, titles: Titles) -> None:
    kept = kept_as(Cache(ttl=10))
    await kept.get(KEY, titles.load)

    with pytest.raises(StopIteration) as returned:
        kept.get(KEY, titles.load).send(None)

    assert returned.value.value == ("first", CacheState.HIT)


async def test_peek_shows_a_fresh_result_and_nothing_else(
    kept_as: KeptAs, clock: Clock, titles: Titles
) -> None:
    kept = kept_as(Cache(ttl=10, stale=10, stale_if_error=10, negative=10))
    titles.answer = Refused(404)
    with pytest.raises(Refused):
        await kept.get(b"refused", titles.load)
    titles.answer = "first"
    await kept.get(KEY, titles.load)

    assert kept.peek(KEY) == "first"
    assert kept.peek(b"other") is kept.peek(b"refused") is MISSING
    clock.pass_by(10)
    assert kept.peek(KEY) is MISSING


async def test_nothing_is_a_result_too(kept_as: KeptAs, titles: Titles) -> None:
    kept = kept_as(Cache(ttl=10))
    titles.answer = None
    await kept.get(KEY, titles.load)

    assert await kept.get(KEY, titles.load) == (None, CacheState.HIT)
    assert kept.peek(KEY) is None


async def test_a_stale_result_is_served_at_once_while_one_refresh_runs(
    kept_as: KeptAs, clock: Clock, titles: Titles
) -> None:
    kept = kept_as(Cache(ttl=10, stale=60))
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


async def test_a_refresh_survives_the_request_that_began_it(
    kept_as: KeptAs, clock: Clock, titles: Titles
) -> None:
    kept = kept_as(Cache(ttl=10, stale=60))
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
    kept_as: KeptAs, clock: Clock, titles: Titles, caplog: pytest.LogCaptureFixture
) -> None:
    kept = kept_as(Cache(ttl=10, stale=60))
    await kept.get(KEY, titles.load)
    titles.answer = Failed("it answered 500")
    clock.pass_by(69)

    assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
    await until(lambda: "books title: a refresh failed: it answered 500" in caplog.messages)
    assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
    await until(lambda: len(caplog.messages) == 2)
    clock.pass_by(1)
    with pytest.raises(Failed):
        await kept.get(KEY, titles.load)


async def test_a_caller_who_comes_too_late_for_the_stale_result_joins_its_refresh(
    kept_as: KeptAs, clock: Clock, titles: Titles
) -> None:
    kept = kept_as(Cache(ttl=10, stale=60))
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


async def test_the_least_recently_used_result_makes_room(kept_as: KeptAs, titles: Titles) -> None:
    kept = kept_as(Cache(ttl=60, size=2))
    for key in (b"one", b"two", b"one", b"three"):
        await kept.get(key, titles.load)

    assert [kept.peek(key) for key in (b"one", b"two", b"three")] == ["first", MISSING, "first"]


async def test_without_a_time_nothing_is_kept(kept_as: KeptAs, titles: Titles) -> None:
    kept = kept_as(Cache(ttl=0))

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
