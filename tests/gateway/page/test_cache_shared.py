"""What processes give each other by way of Valkey."""

import asyncio
from functools import partial

import pytest
import valkey
from msgspec import Struct

from gateway.page.cache import Cache, CacheState
from gateway.upstream import Failed, Refused, Unreachable
from tests.support.caching import KEY, POLICY, Clock, Process, Titles, until


class Book(Struct, frozen=True):
    """A result."""

    title: str
    pages: int = 0


async def test_another_process_finds_a_result(process: Process) -> None:
    first, second = Titles(Book("Dune", 412)), Titles(Book("never"))
    async with process.source(shape=Book) as kept:
        await kept.get(KEY, first.load)
    async with process.source(shape=Book) as kept:
        assert await kept.get(KEY, second.load) == (Book("Dune", 412), CacheState.HIT)
        assert kept.peek(KEY) == Book("Dune", 412)

    assert second.calls == 0


async def test_a_result_ages_while_no_process_has_it(process: Process, clock: Clock, titles: Titles) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    titles.answer = "second"
    clock.pass_by(7)
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("first", CacheState.HIT)
        clock.pass_by(3)
        assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)


async def test_a_stale_result_of_another_process_is_served_at_once_and_refreshed(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    titles.answer = "second"
    titles.begun.clear()
    clock.pass_by(69)
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
        await titles.begun.wait()
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("second", CacheState.HIT)
    assert titles.calls == 2


async def test_a_refresh_takes_what_another_process_has_refreshed(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
        clock.pass_by(30)
        async with process.source(Cache(ttl=10, shared=True)) as other:
            titles.answer = "second"
            await other.get(KEY, titles.load)

        assert await kept.get(KEY, titles.load) == ("first", CacheState.STALE)
        await until(lambda: kept.peek(KEY) == "second")
    assert titles.calls == 2


async def test_another_processs_result_stands_in_for_a_failure(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    titles.answer = Unreachable("away")
    clock.pass_by(300)
    async with process.source() as kept:
        assert await kept.get(KEY, titles.load) == ("first", CacheState.REVIVED)


async def test_a_newer_result_is_not_given_up_for_an_older_one(
    process: Process, clock: Clock, titles: Titles, valkey_url: str
) -> None:
    async with process.source(Cache(ttl=10, stale_if_error=60, shared=True)) as kept:
        await kept.get(KEY, titles.load)
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys()
        older = client.get(place)
        clock.pass_by(30)
        async with process.source(Cache(ttl=10, stale_if_error=60, shared=True)) as kept:
            titles.answer = "second"
            await kept.get(KEY, titles.load)
            await until(lambda: client.get(place) != older)
            client.set(place, older)
            titles.answer = Unreachable("away")
            clock.pass_by(20)

            assert await kept.get(KEY, titles.load) == ("second", CacheState.REVIVED)


async def test_another_process_knows_that_there_is_no_such_thing(process: Process, titles: Titles) -> None:
    titles.answer = Refused(404, kind="urn:x", detail="No.", members={"isbn": [1]}, retry_after="9")
    for _ in range(2):
        async with process.source() as kept:
            with pytest.raises(Refused, match=r"^No\.$") as told:
                await kept.get(KEY, titles.load)
        refusal = told.value
        assert (refusal.answered, refusal.type, refusal.detail) == (404, "urn:x", "No.")
        assert (refusal.members, refusal.retry_after) == ({"isbn": [1]}, "9")
    assert titles.calls == 1


@pytest.mark.parametrize(
    "failure", [Refused(403), Refused(429), Failed("500"), ZeroDivisionError()], ids=repr
)
async def test_no_other_failure_is_shared(process: Process, titles: Titles, failure: Exception) -> None:
    titles.answer = failure
    for _ in range(2):
        async with process.source() as kept:
            with pytest.raises(type(failure)):
                await kept.get(KEY, titles.load)

    assert titles.calls == 2


async def test_what_is_gone_or_forbidden_comes_back_in_no_process(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
        clock.pass_by(100)
        titles.answer = Refused(403)
        with pytest.raises(Refused):
            await kept.get(KEY, titles.load)
    titles.answer = Unreachable("away")
    async with process.source() as kept:
        with pytest.raises(Unreachable):
            await kept.get(KEY, titles.load)


async def test_processes_with_other_types_do_not_read_each_others_results(process: Process) -> None:
    class Newer(Struct):
        title: str
        pages: int = 0
        author: str = ""

    async with process.source(shape=Book) as kept:
        await kept.get(KEY, Titles(Book("Dune")).load)
    async with process.source(shape=Newer) as kept:
        assert (await kept.get(KEY, Titles(Newer("New")).load))[1] is CacheState.MISS
    async with process.source(shape=Book) as kept:
        assert await kept.get(KEY, Titles().load) == (Book("Dune"), CacheState.HIT)


@pytest.mark.parametrize(
    ("name", "key", "policy"),
    [("books author", KEY, POLICY), ("books title", b"other", POLICY), ("books title", KEY, Cache(ttl=10))],
    ids=["source", "key", "not shared"],
)
async def test_only_the_same_key_of_the_same_shared_source_is_found(
    process: Process, titles: Titles, name: str, key: bytes, policy: Cache
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    async with process.source(policy, name=name) as kept:
        assert (await kept.get(key, titles.load))[1] is CacheState.MISS


async def test_a_long_key_takes_little_room_and_is_found(
    process: Process, titles: Titles, valkey_url: str
) -> None:
    keys = [b"k" * 10_000, b"k" * 10_000 + b"2"]
    async with process.source() as kept:
        for key in keys:
            await kept.get(key, titles.load)
    async with process.source() as kept:
        assert [(await kept.get(key, titles.load))[1] for key in keys] == [CacheState.HIT] * 2
    with valkey.Valkey.from_url(valkey_url) as client:
        assert max(map(len, client.keys())) < 100


async def test_valkey_forgets_a_result_when_it_is_of_no_use_any_more(
    process: Process, titles: Titles, valkey_url: str
) -> None:
    async with process.source() as kept:
        await kept.get(KEY, titles.load)
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys()
        assert 0 < client.pttl(place) <= 610_000


async def test_readers_who_leave_midway_leave_no_answer_to_others(process: Process) -> None:
    async def load_of(key: bytes) -> str:
        return key.decode()

    keys = [b"key %d" % number for number in range(60)]
    async with process.source() as kept:
        for key in keys:
            await kept.get(key, partial(load_of, key))

    async with process.source() as kept:
        for steps, key in enumerate(keys):
            reader = asyncio.create_task(kept.get(key, partial(load_of, b"loaded")))
            for _ in range(steps % 20):
                await asyncio.sleep(0)
            reader.cancel()
        answers = [await kept.get(key, partial(load_of, key)) for key in keys]

    assert answers == [(key.decode(), CacheState.HIT) for key in keys]
