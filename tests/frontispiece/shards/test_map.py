"""The map of buckets to shards."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.shards import BUCKETS, ShardMap, bucket_for
from frontispiece.shards.map import format_buckets, parse_buckets


def test_keys_spread_evenly_and_stay_in_their_buckets() -> None:
    buckets = [bucket_for(f"customer-{number}") for number in range(100 * BUCKETS)]

    assert min(map(buckets.count, range(0, BUCKETS, 50))) > 50
    assert (bucket_for("ada"), bucket_for("bert")) == (295, 274)  # stored data depends on it


def test_the_first_map_deals_all_buckets_evenly() -> None:
    shares = ShardMap.even(["0", "1", "2"])

    assert [len(shares.buckets_of(name)) for name in ("0", "1", "2")] == [342, 341, 341]


@given(st.sets(st.integers(0, BUCKETS - 1), min_size=1), st.integers(2, 2**40))
def test_a_map_with_moved_buckets_is_the_same_after_its_way_through_the_broker(
    moved: set[int], epoch: int
) -> None:
    before = ShardMap.even(["0", "1"])

    after = before.with_moved(moved, "2", epoch)

    assert ShardMap.decode(after.encode()) == after
    assert after.buckets_of("2") == moved
    assert parse_buckets(format_buckets(moved)) == moved


@pytest.mark.parametrize("text", ["", "1024", "5-3", "a", "-1", "1,,2"])
def test_what_names_no_bucket_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a bucket, from 0 to 1023, nor a range"):
        parse_buckets(text)
