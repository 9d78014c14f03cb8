"""Stores made of facts (the events that services have published), and rebuilt from them.

The services that publish the facts give them again, in pages, by a REST endpoint.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, FastAPI, Response

from frontispiece.aio import periodic
from frontispiece.events import CallingServiceSettings, Event, EventData
from frontispiece.http import Problem
from frontispiece.security import Identity, Signer
from frontispiece.service import from_state, require_scope
from frontispiece.stores import EmbeddedDatabase, EmbeddedStore, GroupCommit
from frontispiece.upstream import Context, InvalidResponse, Upstream, UpstreamError, now, open_upstream

log = logging.getLogger(__name__)

PAGE: Final = 100
"""How many facts, or orders with their facts, are read in one response: the most that services allow."""

TIMEOUT: Final = 10.0
"""Seconds that such a response may take."""

MAX_PAUSE: Final = 10.0
"""Seconds between two attempts to reach the services, at most."""

QUIET_ATTEMPTS: Final = 5
"""Failed attempts until a warning is logged: at the start of the shop, the services may start later."""

RESTART_INTERVAL: Final = 1.0
"""Seconds until the rebuilds are started again after a bug has ended them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A service that gives the facts that it has published.

    Args:
        service: its name.
        scope: what it requires of those to whom it gives them.
        types: the types of the facts that are wanted.
    """

    service: str
    scope: str
    types: tuple[type[EventData], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """A fact; with the id and the time of its event, where its service stores events."""

    data: EventData
    id: str
    time: datetime | None


class _Fact(msgspec.Struct):
    type: str
    data: dict[str, Any]
    id: str = ""
    time: datetime | None = None


class _Facts(msgspec.Struct):
    items: list[_Fact]
    next: str | None = None


Write = Callable[[Sequence[Fact]], Awaitable[None]]
Pages = Callable[[], AsyncIterator[Sequence[Fact]]]


class Rebuildable(Protocol):
    """A store that is made of facts, and rebuilt from them while it serves."""

    @property
    def is_complete(self) -> bool:
        """Whether it was ever rebuilt; a new one lacks the facts from before it."""

    async def opened(self) -> None:
        """Return when the store is open."""

    def replaying(self) -> AbstractAsyncContextManager[Write]:
        """New data, which the given function adds facts to; they serve after the block."""


class FactDatabase(EmbeddedDatabase, Protocol):
    """A database that is made of facts."""

    def apply(self, facts: Sequence[EventData], /) -> None:
        """Apply all of these facts or none; one that was applied before changes nothing."""


Database = TypeVar("Database", bound=FactDatabase)


class FactStore(EmbeddedStore[Database]):
    """The base of a store that is made of facts, a `Rebuildable`.

    Args:
        folder: of its files.
        open_file: opens the database in a file.
    """

    def __init__(self, folder: Path, open_file: Callable[[Path], Database]) -> None:
        super().__init__(folder, open_file)
        self._facts = GroupCommit[EventData](lambda facts: self.write(lambda each: each.apply(facts)))

    async def happened(self, event: Event[Any]) -> None:
        """Apply the fact of an event; again, it changes nothing."""
        await self._facts.add(event.data)

    @asynccontextmanager
    async def replaying(self) -> AsyncIterator[Write]:
        """A new database, which the given function applies facts to; it serves after the block."""
        async with self.rebuilding() as change:

            async def write(facts: Sequence[Fact]) -> None:
                await change(lambda database: database.apply([fact.data for fact in facts]))

            yield write


class Rebuilds:
    """Rebuilds a store from facts, when it is new and on request.

    Args:
        store: the store.
        pages: gives the facts, in parts.
    """

    def __init__(self, store: Rebuildable, pages: Pages) -> None:
        self._store = store
        self._pages = pages
        self._requested = asyncio.Event()

    def request(self) -> None:
        """Ask for a rebuild; it begins after one that runs now."""
        self._requested.set()

    async def run(self) -> None:
        """Rebuild as often as it is requested, until cancelled."""
        await self._store.opened()
        attempts = 0
        while True:
            if self._store.is_complete and not attempts:
                await self._requested.wait()
            self._requested.clear()
            try:
                await self._rebuild()
            except (UpstreamError, Problem) as failure:  # the log, or a store of several databases
                attempts += 1
                if attempts == QUIET_ATTEMPTS:
                    log.warning("A rebuild cannot go on: %s", failure)
                await asyncio.sleep(min(MAX_PAUSE, 0.1 * 2.0**attempts))
            else:
                attempts = 0

    async def _rebuild(self) -> None:
        facts = 0
        async with self._store.replaying() as write:
            async for page in self._pages():
                await write(page)
                facts += len(page)
        log.info("Data are rebuilt from %d facts", facts)


def rebuilding(
    store: Rebuildable, sources: Sequence[Source], *, settings: CallingServiceSettings, service: str
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan of a service whose store is rebuilt while it runs; `app.state.rebuilds` takes requests.

    Args:
        store: the store.
        sources: give the facts, one after another.
        settings: the service's, with the addresses of the sources: else the lifespan raises `LookupError`.
        service: its name.
    """
    signer = Signer(settings.signing_key, service)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            replays = [
                _Replay(
                    source,
                    await stack.enter_async_context(
                        open_upstream(source.service, f"registry://{source.service}", settings.directory)
                    ),
                    signer,
                    Identity(subject=service, scopes=frozenset({source.scope}), client=service),
                )
                for source in sources
            ]

            async def pages() -> AsyncIterator[Sequence[Fact]]:
                for replay in replays:
                    async for page in replay.pages():
                        yield page

            app.state.rebuilds = Rebuilds(store, pages)
            run = app.state.rebuilds.run
            await stack.enter_async_context(periodic(run, RESTART_INTERVAL, name=f"rebuilds of {service}"))
            yield

    return lifespan


class _Replay:
    """The facts of one source, for a service."""

    def __init__(self, source: Source, upstream: Upstream, signer: Signer, identity: Identity) -> None:
        self._known = {each.TYPE: each for each in source.types}
        self._upstream = upstream
        self._authorization = lambda name: signer.authorization(identity, name)

    async def pages(self) -> AsyncIterator[list[Fact]]:
        cursor: dict[str, str] = {}
        while True:
            context = Context(deadline=now() + TIMEOUT, authorization=self._authorization)
            path = f"/facts?{urlencode({'limit': PAGE, **cursor})}"
            facts = await self._upstream.within(context).get(path, _Facts)
            try:
                yield [
                    Fact(data=msgspec.convert(each.data, self._known[each.type]), id=each.id, time=each.time)
                    for each in facts.items
                    if each.type in self._known
                ]
            except msgspec.ValidationError as error:
                raise InvalidResponse(f"its fact cannot be read: {error}") from error
            if facts.next is None:
                return
            cursor = {"cursor": facts.next}


rebuild_router: Final = APIRouter()
"""`PUT /rebuild` of a service with `Rebuilds` in `app.state.rebuilds`."""


@rebuild_router.put(
    "/rebuild", status_code=204, response_class=Response, dependencies=[require_scope("data:rebuild")]
)
async def rebuild(rebuilds: Annotated[Rebuilds, from_state("rebuilds")]) -> None:
    """Make the service's data anew from the facts of others, while the old ones serve."""
    rebuilds.request()


def of_orders(*types: type[EventData]) -> list[Source]:
    """Ordering as the only source."""
    return [Source(service="ordering", scope="orders:replay", types=types)]
