"""What is loaded for one key leaves as one call for all that a page waits for."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from gateway.page import Page, gather, loader
from tests.gateway.page.conftest import Serve, Shown
from tests.support.loads import Books, Shelf, add, awaited, load, page_of, show_all, soon, ticks, titles


@pytest.mark.parametrize("skew", range(11))
async def test_loads_that_come_ticks_apart_leave_together(shown: Shown, shelf: Shelf, skew: int) -> None:
    assert await shown(page_of(load("a"), load("b", after=skew))) == {
        "s0": ["title of a"],
        "s1": ["title of b"],
    }
    assert shelf.calls == [["a", "b"]]


async def test_loads_of_sources_that_all_come_at_other_times_leave_together(
    shown: Shown, shelf: Shelf
) -> None:
    await shown(page_of(*(load(str(skew), after=skew) for skew in range(11))))
    assert shelf.calls == [[str(skew) for skew in range(11)]]


@pytest.mark.parametrize("skew", range(11))
async def test_what_sources_load_that_begin_later_leaves_together(
    shown: Shown, shelf: Shelf, skew: int
) -> None:
    page = Page("/page", deadline=5.0)
    add(page, "first", lambda _: ticks(skew))
    add(page, "second", load("a"), "first")
    add(page, "other", load("b"))
    show_all(page)

    await shown(page)
    assert [sorted(call) for call in shelf.calls] == [["a", "b"]]


@pytest.mark.parametrize("skew", range(11))
async def test_loads_that_need_loads_take_one_call_a_level(shown: Shown, shelf: Shelf, skew: int) -> None:
    await shown(page_of(load("a1", "a2", "a3"), load("b1", "b2", "b3", after=skew)))
    assert shelf.calls == [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]


async def test_the_levels_of_several_sources_are_the_same(shown: Shown, shelf: Shelf) -> None:
    page = Page("/page", deadline=5.0)
    add(page, "first", load("a1"))
    add(page, "second", load("a2", after=3), "first")
    add(page, "third", load("a3", after=1), "second")
    add(page, "alone", load("b1", "b2", "b3"))
    show_all(page)

    await shown(page)
    assert [sorted(call) for call in shelf.calls] == [["a1", "b1"], ["a2", "b2"], ["a3", "b3"]]


async def in_task_group(work: Iterator[Awaitable[Any]]) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(awaited(each)) for each in work]
    return [task.result() for task in tasks]


async def in_asyncio_gather(work: Iterator[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*work)


MANY = [gather, in_asyncio_gather, in_task_group]


@pytest.mark.parametrize("many", MANY)
@pytest.mark.parametrize("skew", range(4))
async def test_what_a_source_does_at_once_needs_one_call_a_level(
    shown: Shown, shelf: Shelf, skew: int, many: Callable[[Any], Awaitable[Any]]
) -> None:
    async def one(books: Books, name: str) -> list[str]:
        return [await books.title(f"{name}1"), await books.title(f"{name}2")]

    async def both(books: Books) -> list[Any]:
        found = await many(one(books, name) for name in ("a", "b"))
        return [*found, await books.title("ab3")]

    page = page_of(both, load("c1", "c2", "c3", after=skew), load("d1", "d2", "d3"))
    found = await shown(page)

    assert found["s0"] == [["title of a1", "title of a2"], ["title of b1", "title of b2"], "title of ab3"]
    assert [sorted(call) for call in shelf.calls] == [
        ["a1", "b1", "c1", "d1"],
        ["a2", "b2", "c2", "d2"],
        ["ab3", "c3", "d3"],
    ]


@pytest.mark.parametrize("many", MANY)
async def test_a_source_that_goes_on_last_may_begin_more_for_the_same_call(
    shown: Shown, shelf: Shelf, many: Callable[[Any], Awaitable[Any]]
) -> None:
    async def more(books: Books) -> list[Any]:
        first = await books.title("b1")
        return [first, *await many(load(key)(books) for key in ("b2", "b3"))]

    await shown(page_of(load("a1", "a2"), more))
    assert [sorted(call) for call in shelf.calls] == [["a1", "b1"], ["a2", "b2", "b3"]]


async def test_a_batch_waits_for_nobody_who_waits_for_something_else(shown: Shown, shelf: Shelf) -> None:
    async def slow(books: Books) -> str:
        await soon(shelf.begun)  # which is set by the call that `a` leaves with
        return await books.title("b")

    await shown(page_of(slow, load("a"), deadline=10.0))
    assert shelf.calls == [["a"], ["b"]]


async def test_loads_of_other_kinds_leave_at_the_same_time_as_calls_of_their_own(
    shown: Shown, shelf: Shelf
) -> None:
    both = asyncio.Barrier(2)

    async def answer(keys: Sequence[str]) -> Mapping[str, Any]:
        await both.wait()
        return await titles(keys)

    shelf.answer = answer
    await shown(page_of(load("a"), load("b", of="author", after=2)))
    assert shelf.calls == [["a"], ["b"]]


async def test_the_same_key_twice_is_one_key_of_one_call(shown: Shown, shelf: Shelf) -> None:
    found = await shown(page_of(load("a", "a"), load("a", after=4), load("b", "a")))
    assert found == {
        "s0": ["title of a"] * 2,
        "s1": ["title of a"],
        "s2": ["title of b", "title of a"],
    }
    assert shelf.calls == [["a", "b"]]


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


async def test_two_requests_never_share_a_batch(serve: Serve, shelf: Shelf) -> None:
    async with asyncio.timeout(20), serve(page_of(load("a")), providers=shelf.providers) as http:
        await asyncio.gather(http.get("/page"), http.get("/page"))
    assert shelf.calls == [["a"], ["a"]]


async def test_a_load_outside_of_a_page_leaves_in_the_next_turn_of_the_loop(shelf: Shelf) -> None:
    books = Books(shelf)
    loads = [books.title("a"), books.title("b")]
    assert shelf.calls == []
    assert await gather([*loads, books.title("c")]) == ["title of a", "title of b", "title of c"]
    assert shelf.calls == [["a", "b", "c"]]


@pytest.mark.parametrize("bounds", [{"max_size": 0}, {"max_concurrency": 0}])
def test_a_loader_that_could_never_ask_is_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        loader(**bounds)
