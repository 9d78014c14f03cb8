"""What processes give each other by way of Valkey."""

import asyncio
from functools import partial

import valkey
from msgspec import Struct

from frontispiece.pages.result_cache import Cache, CacheState
from frontispiece.upstream import Unreachable
from tests.support.caching import KEY, Process, Titles
from tests.support.clock import Clock
from tests.support.waiting import until


class Book(Struct, frozen=True):
    """A result."""

    title: str
    pages: int = 0


async def test_a_stale_result_of_another_process_is_served_at_once_and_refreshed(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as cache:
        await cache.get(KEY, titles.load)
    titles.answer = "second"
    titles.begun.clear()
    clock.advance(69)
    async with process.source() as cache:
        assert await cache.get(KEY, titles.load) == ("first", CacheState.STALE)
        await titles.begun.wait()
    async with process.source() as cache:
        assert await cache.get(KEY, titles.load) == ("second", CacheState.HIT)
    assert titles.calls == 2


async def test_a_refresh_takes_what_another_process_has_refreshed(
    process: Process, clock: Clock, titles: Titles
) -> None:
    async with process.source() as cache:
        await cache.get(KEY, titles.load)
        clock.advance(30)
        async with process.source(Cache(ttl=10, shared=True)) as other:
            titles.answer = "second"
            await other.get(KEY, titles.load)

        assert await cache.get(KEY, titles.load) == ("first", CacheState.STALE)
        await until(lambda: cache.peek(KEY) == "second")
    assert titles.calls == 2


async def test_a_newer_result_is_not_given_up_for_an_older_one(
    process: Process, clock: Clock, titles: Titles, valkey_url: str
) -> None:
    async with process.source(Cache(ttl=10, stale_if_error=60, shared=True)) as cache:
        await cache.get(KEY, titles.load)
    with valkey.Valkey.from_url(valkey_url) as client:
        (place,) = client.keys()
        older = client.get(place)
        clock.advance(30)
        async with process.source(Cache(ttl=10, stale_if_error=60, shared=True)) as cache:
            titles.answer = "second"
            await cache.get(KEY, titles.load)
            await until(lambda: client.get(place) != older)
            client.set(place, older)
            titles.answer = Unreachable("away")
            clock.advance(20)

            assert await cache.get(KEY, titles.load) == ("second", CacheState.STALE_IF_ERROR)


async def test_processes_with_other_types_do_not_read_each_others_results(process: Process) -> None:
    class Newer(Struct):
        title: str
        pages: int = 0
        author: str = ""

    async with process.source(shape=Book) as cache:
        await cache.get(KEY, Titles(Book("Dune")).load)
    async with process.source(shape=Newer) as cache:
        assert (await cache.get(KEY, Titles(Newer("New")).load))[1] is CacheState.MISS
    async with process.source(shape=Book) as cache:
        assert await cache.get(KEY, Titles().load) == (Book("Dune"), CacheState.HIT)


async def test_a_long_key_takes_little_room_and_is_found(
    process: Process, titles: Titles, valkey_url: str
) -> None:
    keys = [b"k" * 10_000, b"k" * 10_000 + b"2"]
    async with process.source() as cache:
        for key in keys:
            await cache.get(key, titles.load)
    async with process.source() as cache:
        assert [(await cache.get(key, titles.load))[1] for key in keys] == [CacheState.HIT] * 2
    with valkey.Valkey.from_url(valkey_url) as client:
        assert max(map(len, client.keys())) < 100


async def test_cancelled_reads_leave_no_response_to_others(process: Process) -> None:
    async def load_of(key: bytes) -> str:
        return key.decode()

    keys = [b"key %d" % number for number in range(60)]
    async with process.source() as cache:
        for key in keys:
            await cache.get(key, partial(load_of, key))

    async with process.source() as cache:
        for steps, key in enumerate(keys):
            reader = asyncio.create_task(cache.get(key, partial(load_of, b"loaded")))
            for _ in range(steps % 20):
                await asyncio.sleep(0)
            reader.cancel()
        answers = [await cache.get(key, partial(load_of, key)) for key in keys]

    assert answers == [(key.decode(), CacheState.HIT) for key in keys]
