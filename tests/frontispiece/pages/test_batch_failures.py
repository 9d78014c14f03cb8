"""What fails of a call for many keys, and whom it concerns."""

import asyncio
import gc
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from frontispiece.pages import gather
from frontispiece.pages.source_run import SourceRun
from frontispiece.upstream import UpstreamServerError
from tests.frontispiece.pages.conftest import Serve, Shown
from tests.support.loads import Books, Shelf, load, page_of, titles, turn


async def without_b(keys: Sequence[str]) -> Mapping[str, Any]:
    return {key: title for key, title in (await titles(keys)).items() if key != "b"}


async def b_failing(keys: Sequence[str]) -> Mapping[str, Any]:
    return {**await titles(keys), "b": UpstreamServerError("it answered 500")}


@pytest.mark.parametrize(("answer", "reason"), [(without_b, "refused"), (b_failing, "failed")])
async def test_a_key_that_fails_or_is_left_out_fails_its_own_load_only(
    serve: Serve, shelf: Shelf, answer: Any, reason: str
) -> None:
    shelf.answer = answer
    page = page_of(load("a"), load("b"), load("c"), fallback=lambda: "none")
    async with serve(page, providers=shelf.providers) as http:
        seen = await http.get("/page")

    assert seen.json() == {"s0": ["title of a"], "s1": "none", "s2": ["title of c"]}
    assert seen.headers["page-degraded"] == f"s1;reason={reason}"
    assert len(shelf.calls) == 1


async def test_a_key_that_is_left_out_is_one_that_there_is_not(shown: Shown, shelf: Shelf) -> None:
    shelf.answer = without_b
    assert await shown(page_of(load("a", "b"))) == 404


async def bug(_keys: Sequence[str]) -> Mapping[str, Any]:
    await turn()
    raise KeyError("secret")


async def no_mapping(keys: Sequence[str]) -> Any:
    return list(keys)


async def nothing(_keys: Sequence[str]) -> Any:
    return None


async def ending_itself(_keys: Sequence[str]) -> Any:
    raise asyncio.CancelledError


@pytest.mark.parametrize("answer", [bug, no_mapping, nothing, ending_itself])
async def test_a_bug_in_a_fetch_is_a_500_and_never_a_fallback(
    shown: Shown, shelf: Shelf, answer: Any
) -> None:
    shelf.answer = answer
    assert await shown(page_of(load("a"), fallback=list)) == 500
    assert len(shelf.calls) == 1


async def test_a_key_that_failed_is_fetched_again_by_the_next_load(shown: Shown, shelf: Shelf) -> None:
    async def answer(keys: Sequence[str]) -> Mapping[str, Any]:
        return await (b_failing if len(shelf.calls) == 1 else titles)(keys)

    async def twice(books: Books) -> str:
        try:
            return await books.title("b")
        except UpstreamServerError:
            return await books.title("b")

    shelf.answer = answer
    assert await shown(page_of(load("a"), twice)) == {"s0": ["title of a"], "s1": "title of b"}
    assert shelf.calls == [["a", "b"], ["b"]]


async def test_a_list_that_fails_leaves_nothing_to_the_garbage_collector(shelf: Shelf) -> None:
    shelf.answer = failing
    books = Books(shelf)
    gc.disable()
    try:
        try:
            await gather(books.title(key) for key in "ab")
        except UpstreamServerError as failure:
            cause = weakref.ref(failure.__cause__ or failure)
        assert cause() is None
    finally:
        gc.enable()


async def failing(_keys: Sequence[str]) -> Mapping[str, Any]:
    await turn()
    raise UpstreamServerError("it answered 500")


@pytest.mark.parametrize("answer", [without_b, failing])
@pytest.mark.parametrize("declared", [{}, {"fallback": list}], ids=["required", "optional"])
async def test_a_page_whose_list_fails_leaves_nothing_to_the_garbage_collector(
    shown: Shown, shelf: Shelf, answer: Any, declared: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shelf.answer = answer
    caplog.set_level("ERROR", "frontispiece.pages")  # records of the log refer to failures
    gc.disable()
    try:
        await shown(page_of(load("a", "b"), **declared))
        assert not [each for each in gc.get_objects(generation=0) if isinstance(each, SourceRun)]
    finally:
        gc.enable()
