"""Calls that ask for the same at the same time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.upstream import Reply
from tests.support.cached import USER, World, begun, call, read, reply, slow, streamed
from tests.support.waiting import until

FRESH = "max-age=60"


async def test_calls_for_the_same_make_one_call_and_all_get_its_answer() -> None:
    world = World().coalescing()
    answer = slow(world)
    tasks = await begun(world, 20)
    answer.go.set()
    told = await asyncio.gather(*tasks)

    assert world.asked == 1
    assert {(one.status, one.body) for one in told} == {(200, b"a")}
    assert sorted(one.cache.endswith("; collapsed") for one in told) == [False] + [True] * 19
    assert (await world.get()).is_hit


@pytest.mark.parametrize("length", [{}, {"content_length": "4"}])
async def test_a_streamed_answer_is_shared_too(length: dict[str, Any]) -> None:
    world = World().coalescing()
    answer = slow(world, lambda: streamed(b"ab", b"cd", cache_control=FRESH, **length))
    tasks = await begun(world, 5)
    answer.go.set()

    assert {one.body for one in await asyncio.gather(*tasks)} == {b"abcd"}
    assert world.asked == 1
    assert (await world.get()).body == b"abcd"


@pytest.mark.parametrize("control", ["no-store", "private, max-age=60", "max-age=0", "no-cache, max-age=60"])
async def test_an_answer_that_is_not_for_others_is_given_to_nobody_else(control: str) -> None:
    world = World().coalescing()
    numbers = iter(range(100))
    answer = slow(world, lambda: reply(200, b"%d" % next(numbers), cache_control=control, etag='"v1"'))
    tasks = await begun(world, 5)
    answer.go.set()
    told = await asyncio.gather(*tasks)

    assert {one.body for one in told} == {b"0", b"1", b"2", b"3", b"4"}
    assert not any("collapsed" in one.cache for one in told)


async def test_no_answer_to_one_user_is_given_to_another_unless_it_is_public() -> None:
    for control, asked in (("max-age=60", 4), ("public, max-age=60", 1)):
        world = World().coalescing()
        answer = slow(world, lambda control=control: reply(200, b"a", cache_control=control))  # type: ignore[misc]
        tasks = await begun(world, 4, identity=USER)
        answer.go.set()
        await asyncio.gather(*tasks)

        assert world.asked == asked


async def test_a_user_does_not_get_what_is_for_anybody_without_credentials() -> None:
    world = World().coalescing()
    answer = slow(world)
    tasks = await begun(world, 2)
    user = asyncio.create_task(world.get(identity=USER))
    await asyncio.sleep(0)
    answer.go.set()
    await asyncio.gather(user, *tasks)

    assert world.asked == 2
    assert world.origin.asked[1].identity is USER


async def test_an_answer_is_shared_only_by_requests_that_say_the_same_in_what_it_varies_by() -> None:
    world = World().coalescing()
    answer = slow(world, lambda: reply(200, b"a", cache_control=FRESH, vary="accept"))
    same = await begun(world, 3, accept="a/b")
    other = asyncio.create_task(world.get(accept="c/d"))
    await asyncio.sleep(0)
    answer.go.set()
    await asyncio.gather(other, *same)

    assert world.asked == 2


async def test_what_was_for_one_caller_alone_is_not_waited_for_the_next_time() -> None:
    world = World().coalescing()
    world.origin.says(cache_control="no-store")
    await world.get()
    answer = slow(world)
    tasks = await begun(world, 3)

    assert world.asked == 4
    answer.go.set()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize(
    "fields", [{"cache_control": "no-cache"}, {"cache_control": "no-store"}, {"range": "bytes=0-"}]
)
async def test_a_call_that_wants_an_answer_of_its_own_gets_one(fields: dict[str, Any]) -> None:
    world = World().coalescing()
    answer = slow(world)
    tasks = await begun(world, 3, **fields)

    assert world.asked == 3
    answer.go.set()
    await asyncio.gather(*tasks)


async def test_the_first_caller_may_leave_without_failing_the_others() -> None:
    world = World().coalescing()
    answer = slow(world, lambda: streamed(b"a", b"b", cache_control=FRESH))
    first, *others = await begun(world, 3)
    first.cancel()
    await asyncio.wait([first])
    answer.go.set()

    assert [one.body for one in await asyncio.gather(*others)] == [b"ab", b"ab"]
    assert (world.asked, answer.left) == (1, 0)
    assert (await world.get()).is_hit


async def test_when_all_have_left_the_call_is_given_up() -> None:
    world = World().coalescing()
    answer = slow(world)
    tasks = await begun(world, 3)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    assert answer.left == 1
    answer.go.set()
    assert (await world.get()).body == b"a"
    assert world.asked == 2


async def test_nobody_joins_a_call_that_is_being_given_up() -> None:
    world = World().coalescing()
    stuck, released = asyncio.Event(), asyncio.Event()

    def stalling() -> Reply:
        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            await stuck.wait()

        async def release() -> None:
            released.set()

        headers = [(b"cache-control", FRESH.encode()), (b"content-length", b"2")]
        return Reply(status=200, headers=headers, body=body(), release=release)

    world.origin.answer = world.origin.always(stalling)
    first = await world.handler(call())
    leaving = asyncio.ensure_future(first.release())
    await asyncio.sleep(0)
    world.origin.says(200, b"b", cache_control=FRESH)

    assert (await world.get()).body == b"b"
    await leaving
    assert released.is_set()


@pytest.mark.parametrize("length", ["1", "3"])
async def test_a_shared_answer_of_another_length_than_it_says_is_not_kept(length: str) -> None:
    world = World().coalescing()
    answer = slow(world, lambda: streamed(b"a", b"b", cache_control=FRESH, content_length=length))
    answer.go.set()
    assert (await world.get()).body == b"ab"

    assert not (await world.get()).is_hit


async def test_an_answer_for_one_that_has_left_lets_go_of_its_connection() -> None:
    world = World().coalescing()
    released = asyncio.Event()

    async def release() -> None:
        released.set()

    def private() -> Reply:
        answer = reply(200, b"a", cache_control="no-store")
        answer.release = release
        return answer

    answer = slow(world, private)
    first, second = await begun(world, 2)
    first.cancel()
    await asyncio.wait([first])
    answer.go.set()

    assert (await second).body == b"a"
    assert released.is_set()
    assert world.asked == 2


@pytest.mark.parametrize("slow_one", ["first", "other"])
async def test_a_slow_reader_holds_up_nobody_else(slow_one: str) -> None:
    world = World().coalescing()
    answer = slow(world, lambda: streamed(b"a", b"b", b"c", cache_control=FRESH, content_length="3"))
    tasks = [] if slow_one == "first" else await begun(world, 1)
    slow_reader = asyncio.ensure_future(world.handler(call()))
    tasks += await begun(world, 2)
    answer.go.set()

    assert {one.body for one in await asyncio.gather(*tasks)} == {b"abc"}
    assert (await world.get()).is_hit
    assert (await read(await slow_reader)).body == b"abc"
    assert world.asked == 1


async def test_an_endless_answer_goes_to_its_first_caller_and_the_others_ask_themselves() -> None:
    world = World(largest=10).coalescing()
    ended = asyncio.Event()

    def endless() -> Reply:
        async def body() -> AsyncIterator[bytes]:
            while True:
                yield b"xxxx"
                await asyncio.sleep(0)

        async def release() -> None:
            ended.set()

        headers = [(b"cache-control", FRESH.encode())]
        return Reply(status=200, headers=headers, body=body(), release=release)

    answer = slow(world, endless)
    tasks = [asyncio.ensure_future(world.handler(call())) for _ in range(3)]
    await until(lambda: world.asked > 0)
    answer.go.set()
    for one in await asyncio.gather(*tasks):
        got = b""
        async for chunk in one.chunks():
            got += chunk
            if len(got) > 100:
                break
        assert got == b"x" * len(got)
        await one.release()

    assert world.asked == 3
    assert ended.is_set()
