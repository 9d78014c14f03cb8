"""RFC 9111, sections 4.2 and 5: how long a kept answer is fresh. The number in a name is the section."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.directives import MOST_SECONDS, control_of, http_date, moment
from gateway.cache.entry import Entry, initial_age, told_lifetime
from gateway.upstream import Headers
from tests.support.cached import START, World

SECONDS = st.integers(0, 10**7)


@pytest.mark.parametrize(
    ("control", "seconds"),
    [
        ("max-age=60", 60),
        ("MAX-AGE=60", 60),
        ('max-age="60"', 60),
        ("s-maxage=60, max-age=600", 60),
        ("max-age=600, s-maxage=60", 60),
        ("public,max-age=60", 60),
        ("max-age=60, max-age=600", 60),
        ("max-age=600, max-age=60", 60),
        ('x="a, max-age=1000", max-age=60', 60),
        ("x=max-age=1000, max-age=60", 60),
    ],
)
async def test_4_2_1_a_shared_cache_goes_by_s_maxage_then_max_age(control: str, seconds: int) -> None:
    world = World()
    assert await world.is_kept(cache_control=control)
    world.clock.now += seconds - 1
    assert (await world.get()).is_hit

    world.clock.now += 1
    assert not (await world.get()).is_hit


@pytest.mark.parametrize(
    "control", ["max-age=-1", "max-age=1.5", "max-age=x", "max-age", "max-age =60", "max-age=60x"]
)
async def test_4_2_1_a_lifetime_that_is_no_number_is_none(control: str) -> None:
    assert not await World(ttl="1m").is_kept(cache_control=control)


async def test_1_2_2_a_lifetime_beyond_all_numbers_is_a_long_one() -> None:
    world = World()
    assert await world.is_kept(cache_control=f"max-age={'9' * 60}")
    world.clock.now += MOST_SECONDS - 1
    assert (await world.get()).is_hit


async def test_5_3_expires_counts_from_the_date_and_only_without_max_age() -> None:
    world = World()
    date, later = world.clock.date(-100), world.clock.date(-40)
    assert not await world.is_kept(date=date, expires=later)

    world = World()
    assert await world.is_kept(date=world.clock.date(), expires=world.clock.date(60))
    world.clock.now += 60
    assert not (await world.get()).is_hit

    world = World()
    assert await world.is_kept(cache_control="max-age=60", expires="0")
    assert not await World().is_kept(cache_control="max-age=0", expires=world.clock.date(60))


@pytest.mark.parametrize("expires", ["0", "-1", "", "tomorrow", "Thu, 18 Aug 2050 02:01:18 AEST"])
async def test_5_3_an_expires_that_is_no_date_is_over(expires: str) -> None:
    assert not await World(ttl="1m").is_kept(expires=expires)


@pytest.mark.parametrize(
    "date", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_4_2_all_three_forms_of_a_date_are_the_same(date: str) -> None:
    assert moment(date.encode()) == 784_111_777


async def test_4_2_3_an_answer_is_as_old_as_it_says_and_as_its_date() -> None:
    for fields in ({"age": "50"}, {"date": World().clock.date(-50)}, {"age": "50, 3"}):
        world = World()
        assert await world.is_kept(cache_control="max-age=60", **fields)
        assert (await world.get()).headers["age"] == "50"
        world.clock.now += 10
        assert not (await world.get()).is_hit


@pytest.mark.parametrize("age", ["-5", "x", "1.5", ""])
async def test_5_1_an_age_that_is_no_number_is_ignored(age: str) -> None:
    assert await World().is_kept(cache_control="max-age=60", age=age)


async def test_5_1_a_kept_answer_tells_its_age_and_its_date_stays() -> None:
    world = World()
    date = world.clock.date()
    assert await world.is_kept(cache_control="max-age=60")
    world.clock.now += 7.9

    again = await world.get()
    assert (again.headers["age"], again.headers["date"]) == ("7", date)


async def test_rfc_9211_an_answer_tells_where_it_came_from_and_how_long_it_is_fresh() -> None:
    world = World()
    world.origin.says(cache_control="max-age=60", cache_status="service; hit")
    assert (await world.get()).cache == "gateway; fwd=uri-miss; fwd-status=200; stored"
    world.clock.now += 10
    assert (await world.get()).cache == "gateway; hit; ttl=50"
    world.clock.now += 60
    assert (await world.get(cache_control="max-stale")).cache == "gateway; hit; ttl=-10; detail=stale"
    assert (await world.get()).cache == "gateway; fwd=stale; fwd-status=200; stored"
    assert (await world.get(cache_control="no-cache")).cache == "gateway; fwd=request; fwd-status=200; stored"


@given(SECONDS, SECONDS, SECONDS, st.integers(0, 100), SECONDS)
def test_4_2_3_an_age_is_never_less_than_any_of_its_parts_and_grows_by_the_second(
    told: int, since_date: int, later: int, delay: int, lifetime: int
) -> None:
    headers: Headers = [(b"age", str(told).encode()), (b"date", http_date(START - since_date))]
    first = initial_age(headers, START - delay, START)
    assert first == max(since_date, told + delay)

    entry = Entry(
        status=200,
        headers=[],
        path="/",
        requested=START - delay,
        received=START,
        initial_age=first,
        lifetime=lifetime,
    )
    assert entry.age(START + later) == first + later
    assert entry.left(START + later) == lifetime - first - later
    assert entry.age(START - later) == first


@given(st.integers(0, 2**40), st.integers(0, 2**40), SECONDS, SECONDS)
def test_4_2_1_lifetimes_are_bounded_and_s_maxage_wins(shared: int, own: int, until: int, since: int) -> None:
    expires = [(b"expires", http_date(START + until)), (b"date", http_date(START - since))]
    both = [(b"cache-control", f"max-age={own}, s-maxage={shared}".encode()), *expires]
    alone = [(b"cache-control", f"max-age={own}".encode()), *expires]

    assert told_lifetime(control_of(both), both, START) == min(shared, MOST_SECONDS)
    assert told_lifetime(control_of(alone), alone, START) == min(own, MOST_SECONDS)
    assert told_lifetime(control_of([]), expires, START) == until + since
    assert told_lifetime(control_of([]), [], START) is None


@given(st.integers(0, 4_000_000_000))
def test_a_date_that_is_written_is_read_as_the_same(seconds: int) -> None:
    assert moment(http_date(seconds)) == seconds


@given(st.binary(max_size=300))
def test_any_bytes_are_a_cache_control_and_a_date_to_read(value: bytes) -> None:
    headers = [(b"cache-control", value), (b"expires", value), (b"age", value), (b"date", value)]
    lifetime = told_lifetime(control_of(headers), headers, START)
    assert lifetime is not None
    assert lifetime >= 0
    assert initial_age(headers, START, START) >= 0
