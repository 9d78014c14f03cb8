"""RFC 5861: answers that are used though they are stale, while a newer one comes or when none does."""

import asyncio
from typing import Any

import pytest

from gateway.call import Call
from gateway.upstream import Reply, TimedOut, Unreachable
from kit.problems import Problem
from tests.support.cached import World, reply
from tests.support.waiting import until

GRACE = "max-age=60, stale-while-revalidate=100, stale-if-error=1000"


async def stale(control: str = GRACE, after: float = 70, **policy: Any) -> World:
    """A world whose kept answer `old` is no longer fresh."""
    world = World(**policy)
    world.origin.says(200, b"old", cache_control=control, etag='"v1"')
    await world.get()
    world.clock.now += after
    world.origin.says(200, b"new", cache_control=control, etag='"v2"')
    return world


async def test_3_a_stale_answer_is_given_at_once_and_a_newer_one_is_fetched_once_meanwhile() -> None:
    world = await stale()
    go = asyncio.Event()
    answer = world.origin.answer

    async def slow(call: Call) -> Reply:
        await go.wait()
        return await answer(call)

    world.origin.answer = slow
    for _ in range(3):
        told = await world.get()
        assert (told.body, told.cache) == (b"old", "gateway; hit; ttl=-10; detail=stale")
    await until(lambda: world.asked > 1)
    go.set()
    async with asyncio.timeout(10):
        while (told := await world.get()).body == b"old":  # noqa: ASYNC110 (nobody tells when it is there)
            await asyncio.sleep(0)

    assert (told.body, told.is_hit, world.asked) == (b"new", True, 2)


async def test_3_a_refresh_asks_for_all_clients_and_not_for_the_one_that_set_it_off() -> None:
    world = await stale()
    await world.ask("HEAD", if_none_match='"mine"', cache_control="max-age=1000", accept="a/b")
    await until(lambda: world.asked == 2)

    asked = world.origin.asked[-1]
    assert (
        asked.method,
        asked.header(b"if-none-match"),
        asked.header(b"cache-control"),
        asked.header(b"accept"),
    ) == ("GET", b'"v1"', None, b"a/b")


@pytest.mark.parametrize("wish", ["no-store", "only-if-cached"])
async def test_3_a_refresh_serves_those_who_come_later_whatever_its_first_client_wants(wish: str) -> None:
    world = await stale()
    assert (await world.get(cache_control=wish)).body == b"old"
    await until(lambda: world.asked == 2)

    told = await world.get()
    assert (told.body, told.is_hit, world.asked) == (b"new", True, 2)


async def test_3_a_refresh_that_fails_leaves_what_there_was() -> None:
    world = await stale()
    failed = asyncio.Event()

    async def failing(_call: Call) -> Reply:
        failed.set()
        raise Unreachable("nobody there")

    world.origin.answer = failing
    assert (await world.get()).is_hit
    await failed.wait()

    assert (await world.get()).body == b"old"


async def test_3_beyond_its_time_a_stale_answer_is_validated_first() -> None:
    world = await stale(after=160)

    assert (await world.get()).body == b"new"


@pytest.mark.parametrize("wish", ["no-cache", "max-age=60", "min-fresh=1"])
async def test_3_a_client_that_takes_no_stale_answer_gets_none(wish: str) -> None:
    world = await stale()

    assert (await world.get(cache_control=wish)).body == b"new"


@pytest.mark.parametrize(
    "failure", [Unreachable("-"), TimedOut("-"), Problem(502, "upstream-failed"), 500, 502, 503, 504]
)
async def test_4_when_its_service_fails_a_stale_answer_is_given(failure: Exception | int) -> None:
    world = await stale("max-age=60, stale-if-error=1000")

    async def failing(_call: Call) -> Reply:
        if isinstance(failure, int):
            return reply(failure, b"failed")
        raise failure

    world.origin.answer = failing
    told = await world.get()
    assert (told.status, told.body, told.headers["age"]) == (200, b"old", "70")
    assert told.cache.endswith("detail=stale-if-error")
    world.clock.now += 990
    if isinstance(failure, int):
        assert (await world.get()).status == failure
    else:
        with pytest.raises(type(failure)):
            await world.get()


async def test_4_the_failure_in_whose_place_it_is_given_lets_go_of_its_connection() -> None:
    world = await stale("max-age=60, stale-if-error=1000")
    released = asyncio.Event()

    async def failing(_call: Call) -> Reply:
        async def release() -> None:
            released.set()

        failed = reply(503)
        failed.release = release
        return failed

    world.origin.answer = failing

    assert (await world.get()).body == b"old"
    assert released.is_set()


@pytest.mark.parametrize("status", [400, 404, 410, 501])
async def test_4_what_is_no_failure_is_passed_on(status: int) -> None:
    world = await stale("max-age=60, stale-if-error=1000")
    world.origin.says(status)

    assert (await world.get()).status == status


async def test_4_a_client_may_ask_for_it_too() -> None:
    world = await stale("max-age=60")
    world.origin.says(503)

    assert (await world.get()).status == 503
    assert (await world.get(cache_control="stale-if-error=100")).status == 200
    assert (await world.get(cache_control="stale-if-error=5")).status == 503


@pytest.mark.parametrize(
    "control", ["max-age=60, must-revalidate", "no-cache", "proxy-revalidate, max-age=60"]
)
async def test_4_what_must_be_validated_is_given_to_nobody_when_its_service_fails(control: str) -> None:
    world = await stale(f"{control}, stale-if-error=1000, stale-while-revalidate=1000")
    world.origin.says(503)

    assert (await world.get()).status == 503
    assert (await world.get(cache_control="stale-if-error=1000")).status == 503


async def test_a_routes_times_are_for_answers_that_say_none() -> None:
    world = await stale("max-age=60", stale="100s", stale_if_error="1000s")
    assert (await world.get()).body == b"old"

    world = await stale("max-age=60, stale-while-revalidate=0", stale="100s")
    assert (await world.get()).body == b"new"

    world = await stale("max-age=60", after=200, stale="100s", stale_if_error="1000s")
    world.origin.says(503)
    assert (await world.get()).body == b"old"


async def test_an_answer_for_shared_caches_is_stale_only_as_it_says_itself() -> None:
    world = await stale("s-maxage=60", stale="100s")
    assert (await world.get()).body == b"new"

    world = await stale("s-maxage=60, stale-while-revalidate=100")
    assert (await world.get()).body == b"old"
