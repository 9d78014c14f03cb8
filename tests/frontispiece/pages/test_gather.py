"""`gather`: many at once, of which the first that fails ends the rest."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from frontispiece.pages import gather as gather_all
from frontispiece.upstream import Unreachable, UpstreamServerError
from tests.frontispiece.pages.conftest import Shown
from tests.support.loads import Books, Shelf, for_ever, page_of, soon, ticks, turn

pytestmark = pytest.mark.usefixtures("no_asyncio_errors")


@pytest.fixture
def books(shelf: Shelf) -> Books:
    """A client outside of pages."""
    return Books(shelf)


async def gather(awaitables: Iterable[Awaitable[Any]]) -> list[Any]:
    """What is tested, for 5 seconds at most."""
    async with asyncio.timeout(30):
        return await gather_all(awaitables)


class Slow:
    """Work that never ends by itself."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def work(self) -> Any:
        """Wait for ever."""
        self.begun.set()
        try:
            await for_ever()
        finally:
            self.ended.set()


async def after(count: int, result: Any) -> Any:
    await ticks(count)
    if isinstance(result, Exception):
        raise result
    return result


async def failing(_keys: Sequence[str]) -> Mapping[str, Any]:
    await turn()
    raise Unreachable("away")


async def test_the_first_failure_ends_the_rest(books: Books) -> None:
    slow = Slow()
    with pytest.raises(UpstreamServerError, match="first"):
        await gather(
            [
                slow.work(),
                after(5, UpstreamServerError("second")),
                after(2, UpstreamServerError("first")),
                books.title("a"),
            ]
        )
    assert slow.ended.is_set()


async def test_a_load_that_has_failed_before_ends_the_rest(books: Books, shelf: Shelf) -> None:
    shelf.answer, slow = failing, Slow()
    load = books.title("a")
    with pytest.raises(Unreachable):
        await load
    with pytest.raises(Unreachable):
        await gather([slow.work(), load])
    assert slow.ended.is_set() == slow.begun.is_set()


async def test_a_call_that_fails_does_not_wait_for_another(books: Books, shelf: Shelf) -> None:
    async def answer(keys: Sequence[str]) -> Mapping[str, Any]:
        return await (for_ever if "0" in keys else failing)(keys)

    shelf.answer = answer
    with pytest.raises(Unreachable):
        await gather(books.page(str(number)) for number in range(6))  # two calls of three
    await soon(shelf.cancelled)
    assert shelf.calls == [["0", "1", "2"], ["3", "4", "5"]]


async def test_a_bug_in_a_cancelled_task_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def careless() -> str:
        try:
            await for_ever()
        finally:
            raise KeyError("a bug")

    with pytest.raises(UpstreamServerError):
        await gather([careless(), after(2, UpstreamServerError("first"))])
    await ticks(1)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info
    assert isinstance(record.exc_info[1], KeyError)


async def test_cancelling_gather_cancels_its_tasks_and_batches(books: Books, shelf: Shelf) -> None:
    shelf.answer, slow = for_ever, Slow()
    numbers = [books.page(str(number)) for number in range(9)]  # three calls, of which two are made at once
    waiting = asyncio.create_task(gather([slow.work(), *numbers]))
    await soon(slow.begun)
    await ticks(3)
    assert shelf.away == 2
    waiting.cancel()
    await asyncio.wait([waiting])
    await ticks(3)

    assert waiting.cancelled()
    assert slow.ended.is_set()
    assert shelf.away == 0
    assert shelf.calls == [["0", "1", "2"], ["3", "4", "5"]]


async def test_a_list_that_breaks_off_ends_what_was_begun(books: Books, shelf: Shelf) -> None:
    slow = Slow()

    def broken() -> Iterator[Awaitable[Any]]:
        yield slow.work()
        yield books.title("a")
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await gather(broken())
    assert slow.ended.is_set() == slow.begun.is_set()
    await ticks(2)
    assert shelf.calls == []


async def test_awaiting_a_cancelled_task_is_a_bug_of_the_source(shown: Shown) -> None:
    async def source(_books: Books) -> Any:
        task = asyncio.create_task(for_ever())
        task.cancel()
        return await gather([task, after(1, "x")])

    assert await shown(page_of(source, fallback=list)) == 500
