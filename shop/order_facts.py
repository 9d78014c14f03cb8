"""The facts of all orders so far, and databases that are made of them: ordering gives them once more."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import FastAPI

from frontispiece.aio import periodic
from frontispiece.events import CallingServiceSettings, EventData
from frontispiece.security import Identity, Signer
from frontispiece.stores import EmbeddedDatabase, EmbeddedStore
from frontispiece.upstream import Context, InvalidResponse, Upstream, UpstreamError, now, open_upstream

log = logging.getLogger(__name__)

PAGE: Final = 100
"""Orders whose facts come in one response: the most that ordering gives."""

TIMEOUT: Final = 10.0
"""Seconds that such a response may take."""

MAX_PAUSE: Final = 10.0
"""Seconds between two attempts to reach ordering, at most."""

QUIET_ATTEMPTS: Final = 5
"""Failed attempts until the log says so: when the shop starts, ordering may start later."""

RESTART_INTERVAL: Final = 1.0
"""Seconds until the rebuilds go on after a bug has ended them."""

Database = TypeVar("Database", bound=EmbeddedDatabase)
Pages = Callable[[], AsyncIterator[Sequence[EventData]]]


class _Fact(msgspec.Struct):
    type: str
    data: dict[str, Any]


class _Facts(msgspec.Struct):
    items: list[_Fact]
    next: str | None = None


class Rebuilds(Generic[Database]):
    """Rebuilds a store's database from the facts of all orders, when it is new and on request.

    Args:
        store: the store.
        pages: gives the facts, in parts.
        apply: changes a database by facts; a fact that it has had changes nothing.
    """

    def __init__(
        self,
        store: EmbeddedStore[Database],
        pages: Pages,
        apply: Callable[[Database, Sequence[EventData]], None],
    ) -> None:
        self._store = store
        self._pages = pages
        self._apply = apply
        self._requested = asyncio.Event()

    def request(self) -> None:
        """Have the database rebuilt, after a rebuild that runs now."""
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
            except UpstreamError as failure:
                attempts += 1
                if attempts == QUIET_ATTEMPTS:
                    log.warning("A rebuild waits for ordering: %s", failure)
                await asyncio.sleep(min(MAX_PAUSE, 0.1 * 2.0**attempts))
            else:
                attempts = 0

    async def _rebuild(self) -> None:
        facts = 0
        async with self._store.rebuilding() as write:
            async for page in self._pages():
                await write(partial(_apply, self._apply, page))
                facts += len(page)
        log.info("The database is rebuilt from %d facts", facts)


def _apply(
    apply: Callable[[Database, Sequence[EventData]], None], page: Sequence[EventData], database: Database
) -> None:
    apply(database, page)


def rebuilding(
    store: EmbeddedStore[Database],
    apply: Callable[[Database, Sequence[EventData]], None],
    types: Iterable[type[EventData]],
    *,
    settings: CallingServiceSettings,
    service: str,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan of a service whose store is rebuilt while it runs; `app.state.rebuilds` takes requests.

    Args:
        store: the store.
        apply: changes a database by facts; a fact that it has had changes nothing.
        types: the types of the facts that it takes.
        settings: the service's, with the address of ordering; without it, the lifespan raises `LookupError`.
        service: its name.
    """
    known = {each.TYPE: each for each in types}
    signer = Signer(settings.signing_key, service)
    identity = Identity(subject=service, scopes=frozenset({"orders:replay"}), client=service)

    async def pages(ordering: Upstream) -> AsyncIterator[list[EventData]]:
        cursor: dict[str, str] = {}
        while True:
            context = Context(
                deadline=now() + TIMEOUT, authorization=lambda name: signer.authorization(identity, name)
            )
            path = f"/facts?{urlencode({'limit': PAGE, **cursor})}"
            facts = await ordering.within(context).get(path, _Facts)
            try:
                yield [
                    msgspec.convert(each.data, known[each.type]) for each in facts.items if each.type in known
                ]
            except msgspec.ValidationError as error:
                raise InvalidResponse(f"its fact cannot be read: {error}") from error
            if facts.next is None:
                return
            cursor = {"cursor": facts.next}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_upstream("ordering", "registry://ordering", settings.directory) as ordering:
            app.state.rebuilds = Rebuilds(store, partial(pages, ordering), apply)
            async with periodic(app.state.rebuilds.run, RESTART_INTERVAL, name=f"rebuilds of {service}"):
                yield

    return lifespan
