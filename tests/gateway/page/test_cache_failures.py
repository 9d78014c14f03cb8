"""What is kept and what is served when a load fails, wherever results are kept."""

import asyncio
import gc
import weakref

import pytest

from gateway.page.cache import MISSING, Cache, CacheState
from gateway.upstream import Failed, Nonsense, Refused, TimedOut, Unreachable, UpstreamError
from tests.support.caching import KEY, Clock, KeptAs, Titles, until

FAILURES = [Unreachable("away"), TimedOut("slow"), Failed("it answered 500"), Nonsense("no JSON")]


def named(failure: Exception) -> str:
    return str(getattr(failure, "answered", type(failure).__name__))


@pytest.mark.parametrize("failure", FAILURES, ids=named)
async def test_an_older_result_stands_in_for_a_failure(
    kept_as: KeptAs, clock: Clock, titles: Titles, failure: UpstreamError
) -> None:
    kept = kept_as(Cache(ttl=10, stale_if_error=60))
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
    kept_as: KeptAs, clock: Clock, titles: Titles, failure: Exception
) -> None:
    kept = kept_as(Cache(ttl=10, stale_if_error=60))
    await kept.get(KEY, titles.load)
    clock.pass_by(10)
    titles.answer = failure

    with pytest.raises(type(failure)):
        await kept.get(KEY, titles.load)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_what_is_gone_or_forbidden_does_not_come_back(
    kept_as: KeptAs, clock: Clock, titles: Titles, status: int
) -> None:
    kept = kept_as(Cache(ttl=10, stale_if_error=60))
    await kept.get(KEY, titles.load)
    clock.pass_by(10)
    for answer in (Refused(status), Unreachable("away")):
        titles.answer = answer
        with pytest.raises(type(answer)):
            await kept.get(KEY, titles.load)


async def test_a_result_that_its_refresh_finds_gone_is_not_served_any_more(
    kept_as: KeptAs, clock: Clock, titles: Titles
) -> None:
    kept = kept_as(Cache(ttl=10, stale=60, negative=5))
    await kept.get(KEY, titles.load)
    clock.pass_by(10)
    titles.answer = Refused(404)
    await kept.get(KEY, titles.load)
    await until(lambda: titles.calls == 2)

    with pytest.raises(Refused):
        await kept.get(KEY, titles.load)


@pytest.mark.parametrize("status", [404, 410])
async def test_that_there_is_no_such_thing_is_remembered_shortly(
    kept_as: KeptAs, clock: Clock, titles: Titles, status: int
) -> None:
    kept = kept_as(Cache(ttl=60, negative=5))
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
async def test_no_other_failure_is_remembered(kept_as: KeptAs, titles: Titles, failure: Exception) -> None:
    kept = kept_as(Cache(ttl=60, stale=60, stale_if_error=60, negative=60))
    titles.answer = failure
    with pytest.raises(type(failure)):
        await kept.get(KEY, titles.load)
    titles.answer = "first"

    assert await kept.get(KEY, titles.load) == ("first", CacheState.MISS)


async def test_without_being_asked_to_nobody_remembers_a_refusal(kept_as: KeptAs, titles: Titles) -> None:
    kept = kept_as(Cache(ttl=60))
    titles.answer = Refused(404)
    with pytest.raises(Refused):
        await kept.get(KEY, titles.load)
    titles.answer = "first"

    assert await kept.get(KEY, titles.load) == ("first", CacheState.MISS)


async def test_a_remembered_refusal_does_not_grow_with_those_who_are_told(
    kept_as: KeptAs, titles: Titles
) -> None:
    kept = kept_as(Cache(ttl=60, negative=60))
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


async def test_a_remembered_refusal_keeps_nothing_of_the_request_that_met_it(kept_as: KeptAs) -> None:
    class Request:
        """What a load has at hand."""

    async def load() -> str:
        request = Request()
        seen.append(weakref.ref(request))
        raise Refused(404)

    seen: list[weakref.ref[Request]] = []
    kept = kept_as(Cache(ttl=60, negative=60))
    with pytest.raises(Refused):
        await kept.get(KEY, load)
    await asyncio.sleep(0)  # the event loop lets go of the load's task
    gc.collect()

    assert seen[0]() is None
    with pytest.raises(Refused):
        await kept.get(KEY, load)
    assert len(seen) == 1
