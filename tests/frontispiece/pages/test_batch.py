"""What is loaded for one key leaves as one call for all that a page waits for."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from frontispiece.pages import Page, gather, loader
from tests.frontispiece.pages.conftest import Shown
from tests.support.loads import (
    Books,
    Shelf,
    add,
    in_asyncio_gather,
    in_task_group,
    load,
    page_of,
    show_all,
    soon,
    ticks,
)


@pytest.mark.parametrize("skew", range(11))
async def test_what_sources_load_that_begin_later_leaves_together(
    shown: Shown, shelf: Shelf, skew: int
) -> None:
    page = Page("/page", deadline=60.0)
    add(page, "first", lambda _: ticks(skew))
    add(page, "second", load("a"), "first")
    add(page, "other", load("b"))
    show_all(page)

    await shown(page)
    assert [sorted(call) for call in shelf.calls] == [["a", "b"]]


MANY = [gather, in_asyncio_gather, in_task_group]


async def test_a_batch_does_not_wait_for_a_source_that_waits_for_io(shown: Shown, shelf: Shelf) -> None:
    async def slow(books: Books) -> str:
        await soon(shelf.begun)  # which is set by the call that `a` leaves with
        return await books.title("b")

    await shown(page_of(slow, load("a"), deadline=10.0))
    assert shelf.calls == [["a"], ["b"]]


async def test_a_batch_leaves_when_it_is_full_with_its_keys_in_order(shown: Shown, shelf: Shelf) -> None:
    async def busy(books: Books) -> list[str]:
        loads = [books.page(str(number)) for number in range(7)]
        await ticks(3)  # full batches are not held back by a source that could go on
        assert shelf.calls == [["0", "1", "2"], ["3", "4", "5"]]
        return await gather(loads)

    found = await shown(page_of(busy))
    assert found["s0"] == [f"title of {number}" for number in range(7)]
    assert shelf.calls == [["0", "1", "2"], ["3", "4", "5"], ["6"]]


async def test_no_more_calls_are_made_at_once_than_were_declared(shown: Shown, shelf: Shelf) -> None:
    async def many(books: Books) -> list[str]:
        return await gather(books.page(str(number)) for number in range(20))

    found = await shown(page_of(many))
    assert found["s0"] == [f"title of {number}" for number in range(20)]
    assert [len(call) for call in shelf.calls] == [3, 3, 3, 3, 3, 3, 2]
    assert shelf.most_away == 2


@pytest.mark.parametrize(("items", "calls"), [(0, 0), (1, 1), (20, 1), (100, 1), (101, 2), (250, 3)])
@pytest.mark.parametrize("many", MANY)
async def test_the_length_of_a_list_does_not_count(
    shown: Shown, shelf: Shelf, items: int, calls: int, many: Callable[[Any], Awaitable[Any]]
) -> None:
    async def listed(books: Books) -> list[str]:
        found: list[str] = await many(books.title(str(number)) for number in range(items))
        return found

    found = await shown(page_of(listed, listed))
    assert found["s0"] == found["s1"] == [f"title of {number}" for number in range(items)]
    assert len(shelf.calls) == calls


@pytest.mark.parametrize("bounds", [{"max_size": 0}, {"max_concurrency": 0}])
def test_a_loader_without_room_for_a_call_is_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        loader(**bounds)
