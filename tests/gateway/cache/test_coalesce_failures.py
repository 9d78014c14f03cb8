"""Calls that ask for the same at the same time, of a service that fails or only says what still holds."""

import asyncio
from typing import Any

import pytest

from gateway.upstream import Nonsense, Refused, Reply, Unreachable, UpstreamError
from kit.problems import Problem
from tests.support.cached import USER, World, begun, reply, slow, streamed

FRESH = "max-age=60"


@pytest.mark.parametrize("failure", [Unreachable("nobody there"), Nonsense("no HTTP")])
async def test_a_service_that_fails_is_asked_once_and_all_are_told(failure: UpstreamError) -> None:
    world = World().coalescing()

    def failing() -> Reply:
        raise failure

    answer = slow(world, failing)
    tasks = await begun(world, 4)
    answer.go.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(one) for one in told] == [type(failure)] * 4
    assert len({id(one) for one in told}) == 4
    assert world.asked == 1


@pytest.mark.parametrize("failure", [Refused(403), Problem(403, "forbidden"), ZeroDivisionError()])
async def test_a_refusal_is_for_its_caller_alone(failure: Exception) -> None:
    world = World().coalescing()

    def failing() -> Reply:
        raise failure

    answer = slow(world, failing)
    tasks = await begun(world, 3)
    answer.go.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(one) for one in told] == [type(failure)] * 3
    assert world.asked == 3


async def test_an_answer_that_breaks_off_breaks_off_for_those_who_read_it_and_is_not_kept() -> None:
    world = World().coalescing()
    answer = slow(
        world, lambda: streamed(b"a", failure=Nonsense("-"), cache_control=FRESH, content_length="2")
    )
    tasks = await begun(world, 2)
    answer.go.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(one) for one in told] == [Nonsense, Nonsense]
    world.origin.says(200, b"b", cache_control=FRESH)
    assert (await world.get()).body == b"b"


async def test_nobody_waits_longer_for_another_than_the_routes_time() -> None:
    world = World()
    world.route = World.route_of({}, timeout="50ms", coalesce=True)
    world.coalescing()
    answer = slow(world)
    tasks = await begun(world, 2)
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    assert [type(task.exception()).__name__ for task in done] == ["TimedOut"]
    answer.go.set()  # the first has a deadline of its own, further inside
    assert [(await task).body for task in waiting] == [b"a"]


async def test_a_stale_answer_is_validated_once_for_all() -> None:
    world = World().coalescing()
    world.origin.says(cache_control=FRESH, etag='"v1"')
    await world.get()
    world.clock.now += 61
    world.origin.asked.clear()
    answer = slow(world, lambda: reply(304, cache_control=FRESH, etag='"v1"'))
    tasks = await begun(world, 5)
    answer.go.set()

    assert {(one.status, one.body) for one in await asyncio.gather(*tasks)} == {(200, b"a")}
    assert world.asked == 1
    assert (await world.get()).is_hit


@pytest.mark.parametrize(
    "fields", [{"cache_control": "no-cache"}, {"cache_control": FRESH, "set_cookie": "a=1"}, {}]
)
async def test_a_304_that_is_not_for_everybody_is_given_to_nobody_else(fields: dict[str, Any]) -> None:
    world = World().coalescing()
    world.origin.says(cache_control=FRESH, etag='"v1"')
    await world.get()
    world.clock.now += 61
    world.origin.asked.clear()
    answer = slow(world, lambda: reply(304, etag='"v1"', **fields))
    tasks = await begun(world, 3)
    answer.go.set()
    await asyncio.gather(*tasks)

    assert world.asked == 3


async def test_a_304_for_a_user_is_given_to_no_other_user() -> None:
    world = World().coalescing()
    world.origin.says(cache_control="public, max-age=60", etag='"v1"')
    await world.get()
    world.clock.now += 61
    world.origin.asked.clear()
    answer = slow(world, lambda: reply(304, etag='"v1"', cache_control="public, max-age=60", x_user="1"))
    tasks = await begun(world, 3, identity=USER)
    answer.go.set()
    await asyncio.gather(*tasks)

    assert world.asked == 3
