"""Ids that carry their time and their bucket."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.shards import BUCKETS, IdGenerator, bucket_of, time_of

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (UTC)
    st.integers(0, BUCKETS - 1),
)
def test_an_id_has_its_time_and_its_bucket_in_63_bits(when: datetime, bucket: int) -> None:
    new = IdGenerator(lambda: when).new(bucket)

    assert bucket_of(new) == bucket
    assert timedelta(0) <= when - time_of(new) < timedelta(milliseconds=1)
    assert int(new) < 2**63


def test_ids_of_a_bucket_rise_even_where_the_clock_stands_or_goes_back() -> None:
    clock = [NOON]
    ids = IdGenerator(lambda: clock[0])
    made = []

    for number in range(10_000):  # more than a millisecond has numbers
        clock[0] = NOON - timedelta(seconds=number % 3)
        made.append(int(ids.new(7)))

    assert all(before < after for before, after in pairwise(made))
    assert time_of(made[-1]) - NOON < timedelta(milliseconds=10)


@pytest.mark.parametrize("text", ["", "-1", "1x", "007", str(2**63), "0a6a9b2e-6a7c-4b62-9d53-b6c0c0a0f3a1"])
def test_another_text_is_no_id(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (the promise is no more)
        bucket_of(text)
