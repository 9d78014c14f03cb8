"""A call goes on for as long as a source waits for it, and no longer."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from frontispiece.pages import Cache, Page, gather
from tests.frontispiece.pages.conftest import Serve, Shown
from tests.support.loads import (
    Books,
    Shelf,
    add,
    awaited,
    for_ever,
    load,
    page_of,
    show_all,
    soon,
    ticks,
    titles,
)


def pages(*numbers: int) -> Any:
    """A source that loads these at once: three in a call, two calls at the same time."""

    async def work(books: Books) -> list[str]:
        return await gather(books.page(str(number)) for number in numbers)

    return work


async def test_a_source_that_is_late_ends_all_its_calls_and_those_that_are_still_to_come(
    shown: Shown, shelf: Shelf
) -> None:
    shelf.answer = for_ever
    page = page_of(pages(*range(9)), timeout=0.2, fallback=lambda: "late")
    finished = asyncio.Event()

    async def patient(_books: Books) -> str:
        await soon(shelf.cancelled)
        await ticks(5)
        assert shelf.away == 0
        finished.set()
        return "patient"

    page.views.clear()
    add(page, "patient", patient)
    show_all(page)

    assert await shown(page) == {"s0": "late", "patient": "patient"}
    assert finished.is_set()
    assert shelf.calls == [["0", "1", "2"], ["3", "4", "5"]]


async def test_a_source_that_is_late_takes_nothing_from_others(shown: Shown, shelf: Shelf) -> None:
    late = asyncio.Event()

    async def answer(keys: Sequence[str]) -> Mapping[str, Any]:
        await late.wait()
        return await titles(keys)

    def fallback() -> str:
        late.set()
        return "late"

    shelf.answer = answer
    page = Page("/page", deadline=60.0)
    add(page, "hasty", load("a", "c"), timeout=0.2, fallback=fallback)
    add(page, "patient", load("a"))
    add(page, "other", load("b"))
    show_all(page)

    found = await shown(page)
    assert found == {"hasty": "late", "patient": ["title of a"], "other": ["title of b"]}
    assert shelf.calls == [["a", "b"]]
    assert not shelf.cancelled.is_set()


async def test_an_abandoned_load_is_not_sent(shown: Shown, shelf: Shelf) -> None:
    given_up = False

    async def impatient(books: Books) -> None:
        nonlocal given_up
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await books.title("a")
        given_up = True

    async def busy(books: Books) -> str:
        while not given_up:
            await ticks(1)
        return await books.title("b")

    await shown(page_of(impatient, busy))
    assert shelf.calls == [["b"]]


async def test_a_call_that_ends_before_it_has_begun_takes_nothing_along(shown: Shown, shelf: Shelf) -> None:
    async def source(books: Books) -> list[str]:
        found: list[str] = []
        for one, two, three in ("abc", "def", "ghi"):  # more often than calls may be made at once
            first = asyncio.create_task(awaited(books.page(one)))
            await ticks(1)
            first.cancel()  # it waits no more when the others, who fill the call, do not wait yet
            others = [books.page(two), books.page(three)]
            await ticks(1)
            found += await gather(others)
        return found

    found = await shown(page_of(source))
    assert found["s0"] == [f"title of {key}" for key in "bcefhi"]


async def test_loads_that_were_never_awaited_end_with_the_page(shown: Shown, shelf: Shelf) -> None:
    async def answer(keys: Sequence[str]) -> Mapping[str, Any]:
        return await (for_ever if "1" in keys else titles)(keys)

    async def careless(books: Books) -> str:
        for number in range(11):  # two calls leave, one is held back, and one is not full
            books.page(str(number))
        await soon(shelf.begun)
        return "done"

    shelf.answer = answer
    assert await shown(page_of(careless)) == {"s0": "done"}
    await soon(shelf.cancelled)
    await ticks(3)
    assert shelf.away == 0
    assert [key for call in shelf.calls for key in call if int(key) > 5] == []


async def test_a_load_that_another_request_joined_goes_on_without_its_own(serve: Serve, shelf: Shelf) -> None:
    going_on = asyncio.Event()

    async def answer(keys: Sequence[str]) -> Mapping[str, Any]:
        await going_on.wait()
        return await titles(keys)

    shelf.answer = answer
    page = page_of(load("a", "b", "c"), load("d", "e"), cache=Cache(ttl=0))
    async with asyncio.timeout(30), serve(page, providers=shelf.providers) as http:
        first = asyncio.create_task(http.get("/page"))
        await soon(shelf.begun)
        second = asyncio.create_task(http.get("/page"))
        await ticks(30)  # it has joined
        first.cancel()
        await asyncio.wait([first])
        going_on.set()
        answered = await second

    assert answered.json() == {
        "s0": ["title of a", "title of b", "title of c"],
        "s1": ["title of d", "title of e"],
    }
    assert [sorted(call) for call in shelf.calls] == [["a", "d"], ["b", "e"], ["c"]]


async def test_a_refresh_that_outlives_its_page_loads_whatever_the_page_left_behind(
    serve: Serve, shelf: Shelf
) -> None:
    answered = asyncio.Event()
    refreshed = asyncio.Event()
    requests = 0

    async def cached(books: Books) -> str:
        nonlocal requests
        requests += 1
        if requests > 1:
            books.title("left behind")
            await answered.wait()
        found = await books.title(f"cached {requests}")
        if requests > 1:
            refreshed.set()
        return found

    page = Page("/page", deadline=60.0)
    add(page, "cached", cached, cache=Cache(ttl=0, stale=60))
    add(page, "busy", lambda _: ticks(5))  # while the refresh begins
    show_all(page)
    async with asyncio.timeout(30), serve(page, providers=shelf.providers) as http:
        await http.get("/page")
        await http.get("/page")
        answered.set()
        await refreshed.wait()
    assert shelf.calls == [["cached 1"], ["cached 2"]]


async def test_a_load_that_outlives_its_page_and_is_abandoned_again_is_loaded_all_the_same(
    shown: Shown, shelf: Shelf
) -> None:
    loads = []

    async def source(books: Books) -> str:
        loads.append(books.title("a"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await loads[0]
        return await books.author("b")

    await shown(page_of(source))
    shelf.begun.clear()
    shelf.answer = for_ever
    first = asyncio.create_task(awaited(loads[0]))
    await soon(shelf.begun)
    first.cancel()
    await asyncio.wait([first])
    shelf.answer = titles
    async with asyncio.timeout(30):
        assert await loads[0] == "title of a"


async def test_a_call_that_is_ended_tidies_up_undisturbed(shown: Shown, shelf: Shelf) -> None:
    tidied = asyncio.Event()

    async def answer(_keys: Sequence[str]) -> Mapping[str, Any]:
        try:
            await for_ever()
        finally:
            await ticks(3)
            tidied.set()
        return {}

    shelf.answer = answer
    await shown(page_of(pages(1, 2), load("1", of="page"), timeout=0.2, fallback=lambda: "late"))
    await soon(tidied)
    assert len(shelf.calls) == 1


async def test_a_key_of_another_loader_keeps_no_abandoned_load(shown: Shown, shelf: Shelf) -> None:
    async def source(books: Books) -> None:
        abandoned = asyncio.create_task(awaited(books.title("a")))
        others = asyncio.create_task(gather([books.title("b"), books.author("a")]))
        await ticks(1)
        abandoned.cancel()
        await others

    await shown(page_of(source))
    assert shelf.calls == [["b"], ["a"]]


async def test_a_page_that_ends_takes_no_loader_of_a_later_page_away(serve: Serve, shelf: Shelf) -> None:
    numbers = itertools.count()
    begun, going_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def source(books: Books) -> None:
        match next(numbers):
            case 0:
                await books.title("a")
                begun.set()
                await soon(going_on)
            case 1:
                await books.title("b")
            case _:
                await books.title("c")
                going_on.set()
                await soon(ended)
                await books.title("c")

    books = Books(shelf)
    async with asyncio.timeout(30), serve(page_of(source), providers={Books: lambda _: books}) as http:
        first = asyncio.create_task(http.get("/page"))
        first.add_done_callback(lambda _: ended.set())
        await soon(begun)
        for _ in range(2):
            await http.get("/page")
    assert shelf.calls == [["a"], ["b"], ["c"]]
