"""RFC 5861: stale responses are served while a newer one is fetched, or when none can be had."""

import asyncio
from typing import Any

import pytest

from frontispiece.gateway.call import Call
from frontispiece.http.problems import Problem
from frontispiece.upstream import Reply, TimedOut, Unreachable
from tests.support.cached import World, reply
from tests.support.calls import watch_release
from tests.support.waiting import until

GRACE = "max-age=60, stale-while-revalidate=100, stale-if-error=1000"


async def stale(control: str = GRACE, after: float = 70, **policy: Any) -> World:
    """A world whose stored response `old` is no longer fresh."""
    world = World(**policy)
    await world.store(200, b"old", cache_control=control, etag='"v1"')
    world.clock.now += after
    world.origin.says(200, b"new", cache_control=control, etag='"v2"')
    return world


async def test_3_a_stale_response_is_served_at_once_and_a_newer_one_is_fetched_once() -> None:
    world = await stale()
    go = asyncio.Event()
    answer = world.origin.answer

    async def slow(call: Call) -> Reply:
        await go.wait()
        return await answer(call)

    world.origin.answer = slow
    for _ in range(3):
        served = await world.get()
        assert (served.body, served.cache) == (b"old", "gateway; hit; ttl=-10; detail=stale")
    await until(lambda: world.requests > 1)
    go.set()
    async with asyncio.timeout(60):
        while (served := await world.get()).body == b"old":  # noqa: ASYNC110 (nobody tells when it is there)
            await asyncio.sleep(0)

    assert (served.body, served.is_hit, world.requests) == (b"new", True, 2)


async def test_3_a_refresh_is_for_all_clients_not_for_the_one_that_caused_it() -> None:
    world = await stale()
    await world.ask("HEAD", if_none_match='"mine"', cache_control="max-age=1000", accept="a/b")
    await until(lambda: world.requests == 2)

    request = world.origin.requests[-1]
    assert (
        request.method,
        request.header(b"if-none-match"),
        request.header(b"cache-control"),
        request.header(b"accept"),
    ) == ("GET", b'"v1"', None, b"a/b")


async def test_3_a_refresh_that_fails_leaves_the_stored_response() -> None:
    world = await stale()
    failed = asyncio.Event()

    async def failing(_call: Call) -> Reply:
        failed.set()
        raise Unreachable("nobody there")

    world.origin.answer = failing
    assert (await world.get()).is_hit
    await failed.wait()

    assert (await world.get()).body == b"old"


@pytest.mark.parametrize(
    ("after", "fields"),
    [(160, {}), *((70, {"cache_control": control}) for control in ("no-cache", "max-age=60", "min-fresh=1"))],
)
async def test_3_a_stale_response_is_revalidated_first_beyond_its_time_or_where_the_client_wants_it(
    after: float, fields: dict[str, Any]
) -> None:
    world = await stale(after=after)

    assert (await world.get(**fields)).body == b"new"


@pytest.mark.parametrize(
    "failure", [Unreachable("-"), TimedOut("-"), Problem(502, "upstream-failed"), 500, 502, 503, 504]
)
async def test_4_when_the_service_fails_a_stale_response_is_served(failure: Exception | int) -> None:
    world = await stale("max-age=60, stale-if-error=1000")

    released: list[asyncio.Event] = []

    async def failing(_call: Call) -> Reply:
        if isinstance(failure, Exception):
            raise failure
        failed = reply(failure, b"failed")
        released.append(watch_release(failed))
        return failed

    world.origin.answer = failing
    served = await world.get()
    assert all(event.is_set() for event in released)
    assert (served.status, served.body, served.headers["age"]) == (200, b"old", "70")
    assert served.cache.endswith("detail=stale-if-error")
    world.clock.now += 990
    if isinstance(failure, int):
        assert (await world.get()).status == failure
    else:
        with pytest.raises(type(failure)):
            await world.get()


GRACES: dict[str, Any] = {"stale_while_revalidate": "100s", "stale_if_error": "1000s"}
ON_ERROR = "max-age=60, stale-if-error=1000"
STRICT = ("max-age=60, must-revalidate", "no-cache", "proxy-revalidate, max-age=60")


@pytest.mark.parametrize(
    ("control", "policy", "after", "request_control", "status", "served"),
    [
        *((ON_ERROR, {}, 70, "", status, status) for status in (400, 404, 410, 501)),
        ("max-age=60", {}, 70, "", 503, 503),
        ("max-age=60", {}, 70, "stale-if-error=100", 503, b"old"),
        ("max-age=60", {}, 70, "stale-if-error=5", 503, 503),
        *(
            (f"{strict}, stale-if-error=1000, stale-while-revalidate=1000", {}, 70, request_control, 503, 503)
            for strict in STRICT
            for request_control in ("", "stale-if-error=1000")
        ),
        ("max-age=60", GRACES, 70, "", 200, b"old"),
        ("max-age=60, stale-while-revalidate=0", GRACES, 70, "", 200, b"new"),
        ("max-age=60", GRACES, 200, "", 503, b"old"),
        ("s-maxage=60", GRACES, 70, "", 200, b"new"),
        ("s-maxage=60, stale-while-revalidate=100", {}, 70, "", 200, b"old"),
    ],
)
async def test_a_stale_response_is_served_as_it_says_itself_then_as_the_route_says(
    control: str, policy: dict[str, Any], after: float, request_control: str, status: int, served: bytes | int
) -> None:
    world = await stale(control, after, **policy)
    world.origin.says(status, b"new", cache_control=control, etag='"v2"')

    response = await world.get(**({"cache_control": request_control} if request_control else {}))
    assert (response.status if isinstance(served, int) else response.body) == served
