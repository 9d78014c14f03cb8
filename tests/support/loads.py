"""Pages of sources that load, and a service of books that tells what it was asked for."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from frontispiece.pages import Page, PageRequest, Provider, loader
from frontispiece.upstream import UpstreamError

Answer = Callable[[Sequence[str]], Awaitable[Mapping[str, Any]]]


async def turn() -> None:
    """Wait as for I/O that takes no time."""
    there = asyncio.Event()
    asyncio.get_running_loop().call_soon(there.set)
    await there.wait()


async def ticks(count: int) -> None:
    """Let others go first, so often."""
    for _ in range(count):
        await asyncio.sleep(0)


async def soon(event: asyncio.Event) -> None:
    """Wait for this, for 30 seconds at most."""
    async with asyncio.timeout(30):
        await event.wait()


async def titles(keys: Sequence[str]) -> Mapping[str, Any]:
    """What the service answers unless a test says otherwise."""
    await turn()
    return {key: f"title of {key}" for key in keys}


class Shelf:
    """The service: every call that it got, and how it answers."""

    def __init__(self, answer: Answer = titles) -> None:
        self.answer = answer
        self.calls: list[list[str]] = []
        self.away = 0
        self.most_away = 0
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()

    @property
    def providers(self) -> Mapping[Any, Provider]:
        """How pages get `Books`, one for each request."""

        def provide(_inbound: PageRequest) -> Books:
            return Books(self)

        return {Books: provide}

    async def ask(self, keys: Sequence[str]) -> Mapping[str, Any]:
        """One call."""
        self.calls.append(list(keys))
        self.away += 1
        self.most_away = max(self.most_away, self.away)
        self.begun.set()
        try:
            return await self.answer(keys)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        finally:
            self.away -= 1


class Books:
    """The client of the service, as a page's sources have it."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @loader()
    async def title(self, keys: Sequence[str]) -> Mapping[str, str | UpstreamError]:
        """A title, a hundred at a time."""
        return await self._shelf.ask(keys)

    @loader()
    async def author(self, keys: Sequence[str]) -> Mapping[str, str | UpstreamError]:
        """An author, of which the service knows the names alone."""
        return await self._shelf.ask(keys)

    @loader(max_size=3, max_concurrency=2)
    async def page(self, keys: Sequence[str]) -> Mapping[str, str | UpstreamError]:
        """A page, three at a time and two calls at once."""
        return await self._shelf.ask(keys)


Work = Callable[..., Awaitable[Any]]
"""A source: it is given the books and the results of the sources that it needs."""


def add(page: Page, name: str, work: Work, *needs: str, **policy: Any) -> None:
    """Add a source of this name."""

    async def source(**given: Any) -> Any:
        return await work(given["books"], *(given[need] for need in needs))

    _takes(source, "books", *needs)
    source.__annotations__ |= {"books": Books}
    page.source(name=name, **policy)(source)


def show_all(page: Page) -> None:
    """Add a view of every source's result, by name."""

    def view(**given: Any) -> Any:
        return given

    _takes(view, *(source.name for source in page.sources))
    page.view(view)


def page_of(*works: Work, deadline: float = 60.0, **policy: Any) -> Page:
    """A page of such sources, named `s0` and so on, that do not need each other."""
    page = Page("/page", deadline=deadline)
    for number, work in enumerate(works):
        add(page, f"s{number}", work, **policy)
    show_all(page)
    return page


def _takes(function: Callable[..., Any], *names: str) -> None:
    parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {}


async def awaited(awaitable: Awaitable[Any]) -> Any:
    """What has been awaited, as a coroutine that can be a task."""
    return await awaitable


async def in_asyncio_gather(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """All results, by asyncio's own `gather`."""
    return await asyncio.gather(*work)


async def in_task_group(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """All results, by a task group."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(awaited(each)) for each in work]
    return [task.result() for task in tasks]


async def for_ever(_keys: Sequence[str] = ()) -> Any:
    """Never answer."""
    await asyncio.Event().wait()


def load(*keys: str, after: int = 0, of: str = "title") -> Work:
    """A source that loads these one after another, so many ticks after it began."""

    async def work(books: Books, *_needs: Any) -> list[Any]:
        await ticks(after)
        return [await getattr(books, of)(key) for key in keys]

    return work
