import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.http.json_nesting import is_nested_too_deeply

values = st.recursive(
    st.none() | st.text('[]{}"\\\\a', max_size=6) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("[{]}a", max_size=3), inner, max_size=4)
    ),
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = [*value.values()]
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(values, st.integers(0, 6))
def test_the_depth_is_that_of_objects_and_lists_whatever_stands_in_strings(value: Any, limit: int) -> None:
    assert is_nested_too_deeply(msgspec.json.encode(value), limit) == (depth(value) > limit)


@given(
    st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b","])).map(b"".join), st.integers(0, 6)
)
def test_a_depth_is_found_in_whatever_is_no_json(content: bytes, limit: int) -> None:
    is_nested_too_deeply(content, limit)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 2_000_000,
        b"[[]" * 1_000_000,
        b"[" * 2_000_000 + b"]" * 2_000_000,
        b'["]",' * 1_000_000,
        b'"[' * 2_000_000,
    ],
    ids=range(5),
)
def test_a_long_document_takes_no_longer_than_its_length_warrants(content: bytes) -> None:
    begun = time.thread_time()
    is_nested_too_deeply(content)

    assert time.thread_time() - begun < 5  # and not hours
