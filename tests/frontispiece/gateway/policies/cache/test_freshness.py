"""RFC 9111, sections 4.2 and 5: how long a stored response is fresh. The number in a name is the section."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.gateway.call import Call
from frontispiece.http.cache_control import (
    cache_control,
    explicit_lifetime,
    initial_age,
)
from frontispiece.upstream import Reply
from tests.support.cached import World, reply
from tests.support.clock import START


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("max-age=60", 60),
        ('max-age="60"', 60),
        ("s-maxage=60, max-age=600", 60),
        ("max-age=600, s-maxage=60", 60),
        ("max-age=60, max-age=600", 60),
        ("max-age=600, max-age=60", 60),
        ('x="a, max-age=1000", max-age=60', 60),
        ("x=max-age=1000, max-age=60", 60),
    ],
)
async def test_4_2_1_a_shared_cache_goes_by_s_maxage_then_max_age(control: str, seconds: int) -> None:
    world = World()
    assert await world.is_stored(cache_control=control)
    world.clock.now += seconds - 1
    assert (await world.get()).is_hit

    world.clock.now += 1
    assert not (await world.get()).is_hit


@pytest.mark.parametrize(
    "control", ["max-age=-1", "max-age=1.5", "max-age=x", "max-age", "max-age =60", "max-age=60x"]
)
async def test_4_2_1_a_lifetime_that_is_no_number_is_none(control: str) -> None:
    assert not await World(ttl="1m").is_stored(cache_control=control)


async def test_5_3_expires_counts_from_the_date_and_only_without_max_age() -> None:
    world = World()
    date, later = world.clock.date(-100), world.clock.date(-40)
    assert not await world.is_stored(date=date, expires=later)

    world = World()
    assert await world.is_stored(date=world.clock.date(), expires=world.clock.date(60))
    world.clock.now += 60
    assert not (await world.get()).is_hit

    world = World()
    assert await world.is_stored(cache_control="max-age=60", expires="0")
    assert not await World().is_stored(cache_control="max-age=0", expires=world.clock.date(60))


@pytest.mark.parametrize(
    "expires",
    [
        "0",
        "tomorrow",
        "Thu, 18 Aug 2050 02:01:18 AEST",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Sat Jan  1 00:00:00 0000",
    ],
)
async def test_5_3_an_expires_that_is_no_date_is_in_the_past(expires: str) -> None:
    assert not await World(ttl="1m").is_stored(expires=expires)


async def test_4_2_3_a_response_is_as_old_as_its_age_and_its_date_say() -> None:
    for fields in ({"age": "50"}, {"date": World().clock.date(-50)}):
        world = World()
        assert await world.is_stored(cache_control="max-age=60", **fields)
        assert (await world.get()).headers["age"] == "50"
        world.clock.now += 10
        assert not (await world.get()).is_hit


async def test_4_2_3_the_time_that_the_request_took_counts_too_and_no_clock_makes_it_less() -> None:
    world = World()

    async def slow(_call: Call) -> Reply:
        world.clock.now += 5
        return reply(cache_control="max-age=60", age="10", date=world.clock.date(-2))

    world.origin.answer = slow
    await world.get()
    for later, age in ((0, "15"), (-100, "15"), (103, "18")):
        world.clock.now += later
        assert (await world.get()).headers["age"] == age


@pytest.mark.parametrize(
    "age", ["-5", "x", "1.5", "", "0, 0", "0, 70", "70, 0", "0;a=1", "+1", "1e1", "\u00b2", "9" * 400]
)
async def test_an_age_that_is_not_one_number_of_seconds_counts_as_old(age: str) -> None:
    assert not await World().is_stored(cache_control="max-age=60", age=age)
    assert not await World(stale_if_error="1h").is_stored(cache_control="max-age=60", age=age, etag='"1"')


IMPOSSIBLE = [
    "Sat, 01 Jan 0000 00:00:00 GMT",
    "Sat Jan  1 00:00:00 0000",
    "Thu, 31 Feb 2050 00:00:00 GMT",
    "Thu, 00 Jan 2050 00:00:00 GMT",
    "Thu, 01 Jan 2050 24:00:00 GMT",
    "Thu, 01 Jan 10000 00:00:00 GMT",
    "9" * 400,
    "",
]


@pytest.mark.parametrize("date", IMPOSSIBLE)
async def test_a_date_that_is_none_is_passed_over_wherever_it_stands(date: str) -> None:
    assert not await World(ttl="1m").is_stored(expires=date)
    assert await World().is_stored(cache_control="max-age=60", date=date, last_modified=date)
    world = World()
    await world.store(cache_control="max-age=60")
    assert (await world.get(if_modified_since=date)).status == 200


async def test_4_2_letters_of_a_date_are_compared_without_their_case() -> None:
    for form in (str.lower, str.upper):
        world = World()
        assert await world.is_stored(expires=form(world.clock.date(60)))


async def test_rfc_9211_cache_status_says_where_a_response_came_from_and_how_long_it_is_fresh() -> None:
    world = World()
    world.origin.says(cache_control="max-age=60", cache_status="service; hit")
    assert (await world.get()).cache == "gateway; fwd=uri-miss; fwd-status=200; stored"
    world.clock.now += 10
    assert (await world.get()).cache == "gateway; hit; ttl=50"
    world.clock.now += 60
    assert (await world.get(cache_control="max-stale")).cache == "gateway; hit; ttl=-10; detail=stale"
    assert (await world.get()).cache == "gateway; fwd=stale; fwd-status=200; stored"
    assert (await world.get(cache_control="no-cache")).cache == "gateway; fwd=request; fwd-status=200; stored"


@given(st.binary(max_size=300))
def test_any_bytes_are_a_cache_control_and_a_date_to_read(value: bytes) -> None:
    headers = [(b"cache-control", value), (b"expires", value), (b"age", value), (b"date", value)]
    lifetime = explicit_lifetime(cache_control(headers), headers, START)
    assert lifetime is not None
    assert lifetime >= 0
    assert initial_age(headers, START, START) >= 0


@pytest.mark.parametrize(
    ("age", "factor", "lifetime"),
    [(600, 0.1, 60), (600, 1, 600), (10**9, 0.1, 86_400), (0, 0.5, 0), (-600, 0.5, 0)],
)
async def test_4_2_2_a_route_may_have_a_heuristic_from_last_modified(
    age: int, factor: float, lifetime: int
) -> None:
    world = World(last_modified_factor=factor)
    fields = {"last_modified": world.clock.date(-age), "date": world.clock.date()}
    assert await world.is_stored(**fields) is (lifetime > 0)
    world.clock.now += lifetime - 1
    assert (await world.get()).is_hit is (lifetime > 0)
    world.clock.now += 1
    assert not (await world.get()).is_hit


async def test_4_2_2_the_heuristic_is_only_for_what_does_not_say_and_goes_before_the_ttl() -> None:
    modified = World().clock.date(-600)
    for fields in ({"cache_control": "max-age=0"}, {"cache_control": "no-cache"}, {"expires": "0"}):
        assert not await World(last_modified_factor=0.1, ttl="1h").is_stored(last_modified=modified, **fields)
    for status, control, stored in ((404, "x", True), (403, "x", False), (403, "public", True)):
        world = World(last_modified_factor=0.1)
        await world.store(status, last_modified=modified, cache_control=control)
        assert (await world.get()).is_hit is stored

    world = World(last_modified_factor=0.1, ttl="1h")
    await world.store(last_modified=modified)
    await world.store(last_modified="0")
    world.clock.now += 61
    world.origin.says(last_modified="0")
    assert not (await world.get()).is_hit
    world.clock.now += 3599
    assert (await world.get()).is_hit
