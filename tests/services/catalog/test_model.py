from typing import Any

import pytest

from services.catalog.model import PriceRange, Search, Sort, depth, merge, price_ranges


@pytest.mark.parametrize(
    ("document", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": "text"}, {"a": {"b": 1, "c": None}}, {"a": {"b": 1}}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_changes_what_rfc_7396_says(
    document: dict[str, Any], patch: dict[str, Any], merged: dict[str, Any]
) -> None:
    before = repr(document)

    assert merge(document, patch) == merged
    assert repr(document) == before


@pytest.mark.parametrize(
    ("value", "levels"), [(1, 0), ({}, 0), ({"a": 1}, 1), ({"a": [{"b": 1}], "c": 2}, 3)]
)
def test_depth_counts_the_levels_that_hold_something(value: object, levels: int) -> None:
    assert depth(value) == levels


def test_price_ranges_follow_each_other_without_gap_and_empty_ones_are_left_out() -> None:
    ranges = price_ranges({0: 2, 10_00: 0, 250_00: 1})

    assert ranges == (PriceRange(first=0, last=9_99, count=2), PriceRange(first=250_00, last=None, count=1))


def test_searches_share_a_fingerprint_only_when_they_ask_the_same() -> None:
    asked = Search(words="ink", brands=frozenset({"a", "b"}), sort=Sort.PRICE)
    others = [
        Search(words="ink", brands=frozenset({"a"}), sort=Sort.PRICE),
        Search(words="ink", types=frozenset({"a", "b"}), sort=Sort.PRICE),
        Search(words="ink", brands=frozenset({"a", "b"}), sort=Sort.PRICE_FALLING),
        Search(words="ink", brands=frozenset({"a", "b"}), sort=Sort.PRICE, min_price=0),
    ]

    assert asked.fingerprint == Search(words="ink", brands=frozenset({"b", "a"}), sort=Sort.PRICE).fingerprint
    assert asked.fingerprint not in {other.fingerprint for other in others}
