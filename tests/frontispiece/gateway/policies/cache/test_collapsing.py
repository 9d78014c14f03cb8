"""Concurrent calls for the same response, which may also be a failure or a 304."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from frontispiece.http.problems import Problem
from frontispiece.upstream import InvalidResponse, Reply, Unreachable, UpstreamClientError
from tests.support.cached import USER, Received, World, begun, call, read, reply, slow, streamed
from tests.support.calls import headers_of, watch_release
from tests.support.waiting import until

FRESH: dict[str, Any] = {"cache_control": "max-age=60"}


@pytest.fixture
def world() -> World:
    return World().collapsing()


async def concurrent(
    world: World, make: Callable[[], Reply] | None = None, times: int = 3, **fields: Any
) -> list[Received | BaseException]:
    """What so many calls get that all wait before the service answers."""
    answer = slow(world, make)
    tasks = await begun(world, times, **fields)
    answer.go.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def bodies(results: list[Received | BaseException]) -> set[bytes]:
    return {result.body for result in results if isinstance(result, Received)}


async def stale(world: World, cache_control: str = "max-age=60") -> None:
    """Store a response that is stale now."""
    await world.store(cache_control=cache_control, etag='"v1"')
    world.clock.now += 61
    world.origin.requests.clear()


@pytest.mark.parametrize("length", [{}, {"content_length": "4"}])
async def test_a_streamed_response_is_shared_too(world: World, length: dict[str, Any]) -> None:
    results = await concurrent(world, lambda: streamed(b"ab", b"cd", **FRESH, **length))

    assert bodies(results) == {b"abcd"}
    assert world.requests == 1
    assert (await world.get()).body == b"abcd"


@pytest.mark.parametrize(
    ("control", "fields", "requests"),
    [
        *((control, {}, 3) for control in ("no-store", "private, max-age=60", "max-age=0")),
        ("no-cache, max-age=60", {}, 3),
        ("max-age=60", {"identity": USER}, 3),
        ("public, max-age=60", {"identity": USER}, 1),
        ("max-age=60", {"cache_control": "no-cache"}, 3),
        ("max-age=60", {"cache_control": "no-store"}, 3),
        ("max-age=60", {"range": "bytes=0-"}, 3),
    ],
)
async def test_a_response_is_shared_only_if_it_is_for_all_and_no_caller_wants_its_own(
    world: World, control: str, fields: dict[str, Any], requests: int
) -> None:
    numbers = iter(range(100))
    results = await concurrent(
        world, lambda: reply(200, b"%d" % next(numbers), cache_control=control, etag='"v1"'), **fields
    )

    assert (world.requests, len(bodies(results))) == (requests, requests)
    collapsed = sum("collapsed" in result.cache for result in results if isinstance(result, Received))
    assert collapsed == 3 - requests


@pytest.mark.parametrize(
    ("others", "fields"), [({}, {"identity": USER}), ({"accept": "a/b"}, {"accept": "c/d"})]
)
async def test_calls_with_other_credentials_or_another_variant_are_not_collapsed(
    world: World, others: dict[str, Any], fields: dict[str, Any]
) -> None:
    answer = slow(world, lambda: reply(200, b"a", **FRESH, vary="accept"))
    tasks = await begun(world, 3, **others)
    other = asyncio.create_task(world.get(**fields))
    await asyncio.sleep(0)
    answer.go.set()
    await asyncio.gather(other, *tasks)

    assert world.requests == 2
    assert world.origin.requests[1].identity is fields.get("identity")


async def test_no_call_waits_for_a_response_of_a_kind_that_was_private(world: World) -> None:
    await world.store(cache_control="no-store")
    await concurrent(world)

    assert world.requests == 4


async def test_the_first_caller_may_leave_without_failing_the_others(world: World) -> None:
    answer = slow(world, lambda: streamed(b"a", b"b", **FRESH))
    first, *others = await begun(world, 3)
    first.cancel()
    await asyncio.wait([first])
    answer.go.set()

    assert [one.body for one in await asyncio.gather(*others)] == [b"ab", b"ab"]
    assert (world.requests, answer.left) == (1, 0)
    assert (await world.get()).is_hit


async def test_a_request_is_cancelled_when_all_have_left(world: World) -> None:
    answer = slow(world)
    tasks = await begun(world, 3)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    assert answer.left == 1
    answer.go.set()
    assert (await world.get()).body == b"a"
    assert world.requests == 2


async def test_no_call_joins_a_request_that_is_being_cancelled(world: World) -> None:
    stuck = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        await stuck.wait()

    stuck_reply = Reply(status=200, headers=headers_of(**FRESH, content_length="2"), body=body())
    released = watch_release(stuck_reply)
    world.origin.answer = world.origin.always(lambda: stuck_reply)
    first = await world.handler(call())
    leaving = asyncio.ensure_future(first.release())
    await asyncio.sleep(0)
    world.origin.says(200, b"b", **FRESH)

    assert (await world.get()).body == b"b"
    await leaving
    assert released.is_set()


async def test_a_response_for_one_that_has_left_is_released(world: World) -> None:
    released: list[asyncio.Event] = []

    def private() -> Reply:
        response = reply(200, b"a", cache_control="no-store")
        released.append(watch_release(response))
        return response

    answer = slow(world, private)
    first, second = await begun(world, 2)
    first.cancel()
    await asyncio.wait([first])
    answer.go.set()

    assert (await second).body == b"a"
    assert all(event.is_set() for event in released)
    assert world.requests == 2


@pytest.mark.parametrize("slow_one", ["first", "other"])
async def test_a_slow_reader_delays_no_other(world: World, slow_one: str) -> None:
    answer = slow(world, lambda: streamed(b"a", b"b", b"c", **FRESH, content_length="3"))
    tasks = [] if slow_one == "first" else await begun(world, 1)
    slow_reader = asyncio.ensure_future(world.handler(call()))
    tasks += await begun(world, 2)
    answer.go.set()

    assert {one.body for one in await asyncio.gather(*tasks)} == {b"abc"}
    assert (await world.get()).is_hit
    assert (await read(await slow_reader)).body == b"abc"
    assert world.requests == 1


async def test_an_endless_response_goes_to_its_first_caller_and_the_others_make_their_own_request() -> None:
    world = World(max_body_size="10B").collapsing()
    released: list[asyncio.Event] = []

    async def body() -> AsyncIterator[bytes]:
        while True:
            yield b"xxxx"
            await asyncio.sleep(0)

    def endless() -> Reply:
        response = Reply(status=200, headers=headers_of(**FRESH), body=body())
        released.append(watch_release(response))
        return response

    answer = slow(world, endless)
    tasks = [asyncio.ensure_future(world.handler(call())) for _ in range(3)]
    await until(lambda: world.requests > 0)
    answer.go.set()
    for one in await asyncio.gather(*tasks):
        got = b""
        async for chunk in one.chunks():
            got += chunk
            if len(got) > 100:
                break
        assert got == b"x" * len(got)
        await one.release()

    assert world.requests == 3
    assert all(event.is_set() for event in released)


@pytest.mark.parametrize(
    ("failure", "requests"),
    [
        (Unreachable("nobody there"), 1),
        (InvalidResponse("no HTTP"), 1),
        (UpstreamClientError(403), 3),
        (Problem(403, "forbidden"), 3),
        (ZeroDivisionError(), 3),
    ],
)
async def test_a_failing_service_is_called_once_and_a_refusal_is_for_its_caller_alone(
    world: World, failure: Exception, requests: int
) -> None:
    def failing() -> Reply:
        raise failure

    results = await concurrent(world, failing)

    assert [type(result) for result in results] == [type(failure)] * 3
    assert world.requests == requests
    if requests == 1:
        assert len({id(result) for result in results}) == 3, "each has its own copy"


async def test_a_response_that_breaks_off_breaks_off_for_all_its_readers_and_is_not_stored(
    world: World,
) -> None:
    results = await concurrent(
        world, lambda: streamed(b"a", failure=InvalidResponse("-"), **FRESH, content_length="2"), times=2
    )

    assert [type(result) for result in results] == [InvalidResponse, InvalidResponse]
    world.origin.says(200, b"b", **FRESH)
    assert (await world.get()).body == b"b"


async def test_no_call_waits_longer_for_another_than_the_routes_timeout() -> None:
    world = World()
    world.route = World.route_of({}, timeout="50ms", collapse=True)
    world.collapsing()
    answer = slow(world)
    tasks = await begun(world, 2)
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    assert [type(task.exception()).__name__ for task in done] == ["TimedOut"]
    answer.go.set()  # the first has a deadline of its own, further inside
    assert [(await task).body for task in waiting] == [b"a"]


async def test_a_stale_response_is_revalidated_once_for_all(world: World) -> None:
    await stale(world)
    results = await concurrent(world, lambda: reply(304, **FRESH, etag='"v1"'))

    assert bodies(results) == {b"a"}
    assert world.requests == 1
    assert (await world.get()).is_hit


@pytest.mark.parametrize(
    ("fields", "request_fields"),
    [
        ({"cache_control": "no-cache"}, {}),
        ({"cache_control": "max-age=60", "set_cookie": "a=1"}, {}),
        ({}, {}),
        ({"cache_control": "public, max-age=60", "x_user": "1"}, {"identity": USER}),
    ],
)
async def test_a_304_that_is_not_for_all_is_not_shared(
    world: World, fields: dict[str, Any], request_fields: dict[str, Any]
) -> None:
    await stale(world, "public, max-age=60" if request_fields else "max-age=60")
    await concurrent(world, lambda: reply(304, etag='"v1"', **fields), **request_fields)

    assert world.requests == 3
