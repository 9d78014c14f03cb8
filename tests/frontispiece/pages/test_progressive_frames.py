"""Frames, put together, are the page: for any view, in whatever order its sources come."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontispiece.pages import Page
from frontispiece.pages.streaming import difference
from frontispiece.upstream import Request
from tests.frontispiece.pages.conftest import AppOf
from tests.support.frames import EVENTS, LINES, Frame, frames, shown
from tests.support.pages import reply_of

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, -0.0, 1.0, 0.5, 2**70, 1e300])
    | st.text(st.sampled_from("ab/~0\r\n\u2028\x00\ud7ff😀"), max_size=4)
)
keys = st.text(st.sampled_from("ab/~01 "), max_size=3)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def written(document: Any) -> bytes:
    return msgspec.json.encode(document)


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """The document with something else in a few places."""
    for _ in range(draw(st.integers(0, 3))):
        document = _changed_once(draw, document)
    return document


def _changed_once(draw: st.DrawFn, document: Any) -> Any:
    if document and isinstance(document, (list, dict)) and draw(st.integers(0, 3)):
        inside = list(document) if isinstance(document, dict) else range(len(document))
        at = draw(st.sampled_from(inside))
        copy = document.copy()
        copy[at] = _changed_once(draw, document[at])
        return copy
    return draw(documents)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ({"a": 1, "b": {"c": [1, 2]}}, {"a": 1, "b": {"c": [1, 3]}}, ("/b/c/1", 3)),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 2, "c": 3}}, ("/a", {"b": 2, "c": 3})),
        ({"a": [1]}, {"a": [1, 2]}, ("/a", [1, 2])),
        ({"a": 1}, {"b": 1}, ("", {"b": 1})),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, ("/a~1b/~0", 2)),
        ({"": {"": 1}}, {"": {"": 2}}, ("//", 2)),
        ({"a": 1}, {"a": True}, ("/a", True)),
        ({"a": [0, 1]}, {"a": [False, 1]}, ("/a/0", False)),
        ({"a": 1}, {"a": 1.0}, ("/a", 1.0)),
        ({"a": None}, {"a": 0}, ("/a", 0)),
        (1, 2, ("", 2)),
        ({"a": 1}, {"a": 1}, None),
        ([], {}, ("", {})),
    ],
)
def test_a_difference_is_as_small_as_one_place_can_be(
    before: Any, after: Any, change: tuple[str, Any] | None
) -> None:
    assert written(difference(before, after)) == written(change)


Parts = Sequence[tuple[Any, Any]]


def random_page(parts: Parts, order: Sequence[int]) -> Page:
    """A page with an optional source for each part, of which each comes once the one before has been sent."""
    page = Page("/random", deadline=60.0)
    turns = [asyncio.Event() for _ in parts]
    after = dict(pairwise(order))
    if order:
        turns[order[0]].set()

    def declare(number: int, fallback: Any, value: Any) -> None:
        async def source() -> Any:
            await turns[number].wait()
            if number in after:
                asyncio.get_running_loop().call_later(0, turns[after[number]].set)
            return value

        page.source(name=f"s{number}", fallback=lambda: fallback)(source)

    for number, (fallback, value) in enumerate(parts):
        declare(number, fallback, value)

    @page.source()
    async def fixed() -> Any:
        return {"a": 1}

    def view(fixed: Any, s0: Any, s1: Any, s2: Any) -> Any:
        return {"fixed": fixed, "s/0": s0, "nested": {"~": s1, "list": [s2, s1]}}

    page.view(view)
    return page


async def requested(app_of: AppOf, parts: Parts, order: Sequence[int], accept: str) -> list[Any]:
    """The frames of the page, or its view alone."""
    headers = [(b"accept", accept.encode())]
    app = app_of(random_page(parts, order))
    async with asyncio.timeout(30):
        reply = await reply_of(app, Request(method="GET", target="/random", headers=headers))
        async with reply:
            if isinstance(reply.body, bytes):
                return [reply.body]
            return [frame async for frame in frames(reply.body, accept)]


@given(
    parts=st.lists(
        documents.flatmap(lambda fallback: st.tuples(st.just(fallback), changed(fallback))),
        min_size=3,
        max_size=3,
    ),
    order=st.permutations(range(3)),
    accept=st.sampled_from([LINES, EVENTS]),
)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_in_whatever_order_makes_the_plain_page(
    app_of: AppOf, parts: Parts, order: Sequence[int], accept: str
) -> None:
    sent: list[Frame] = asyncio.run(requested(app_of, parts, order, accept))
    (plain,) = asyncio.run(requested(app_of, parts, order, "application/json"))

    document, end = shown(sent)
    assert written(document) == plain
    assert end == {"degraded": {}}
    sources = [frame["source"] for frame in sent[1:-1]]
    assert sources == [f"s{number}" for number in order if f"s{number}" in sources]
