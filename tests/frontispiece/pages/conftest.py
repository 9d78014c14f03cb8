"""Apps of pages that tests make up themselves."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvloop
from fastapi import FastAPI

from frontispiece.pages import Page, PageApp, Provider, create_app
from frontispiece.pages.result_cache import Cache, ResultCache
from frontispiece.stores.valkey import BestEffortValkey
from tests.conftest import AppClient
from tests.support.caching import CacheOf, Process, Titles, store_at
from tests.support.clock import Clock
from tests.support.loads import Shelf

AppOf = Callable[..., PageApp]
Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
Shown = Callable[[Page], Awaitable[Any]]


@pytest.fixture
def app_of() -> AppOf:
    """`app_of(page, …)`: an app of these pages; it may be given what `create_app` takes beside them."""

    async def ready() -> None:
        return None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    def make(
        *pages: Page,
        providers: Mapping[Any, Provider] | None = None,
        shared: BestEffortValkey | None = None,
        expose_timeline: bool = False,
    ) -> PageApp:
        return create_app(
            title="books",
            description="-",
            pages=pages,
            providers=providers or {},
            lifespan=lifespan,
            ready=ready,
            shared=shared,
            expose_timeline=expose_timeline,
        )

    return make


@pytest.fixture
def serve(app_client: AppClient, app_of: AppOf) -> Serve:
    """`async with serve(page, …) as http`: an app of these pages, reached without a socket."""
    return lambda *pages, **also: app_client(app_of(*pages, **also))


@pytest.fixture
def shelf() -> Shelf:
    """The service that all pages here ask."""
    return Shelf()


@pytest.fixture
def shown(serve: Serve, shelf: Shelf) -> Shown:
    """`await shown(page)`: what a client sees of it, by source."""

    async def show(page: Page) -> Any:
        async with asyncio.timeout(20), serve(page, providers=shelf.providers) as http:
            answer = await http.get("/page")
        return answer.json() if answer.status_code == 200 else answer.status_code

    return show


@pytest.fixture
def clock() -> Clock:
    """The time of the caches."""
    return Clock()


@pytest.fixture
def titles() -> Titles:
    """What is loaded and cached."""
    return Titles()


@pytest.fixture(scope="module")
def frozen_gc() -> None:
    """Exempt the objects of earlier modules from garbage collections, which take no time then."""
    gc.collect()
    gc.freeze()


@pytest.fixture
async def no_asyncio_errors(caplog: pytest.LogCaptureFixture, frozen_gc: None) -> AsyncIterator[None]:
    """Fail a test after which asyncio logs an error, such as a failure that nobody retrieved."""
    yield
    gc.collect()
    assert not [record.getMessage() for record in caplog.records if record.name == "asyncio"]


@pytest.fixture(params=["in process", "shared"])
async def cache_of(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[CacheOf]:
    """`cache_of(policy)`: a result cache, in this process only and in Valkey as well."""
    async with AsyncExitStack() as stack:
        store = None
        if request.param == "shared":
            store = await stack.enter_async_context(store_at(request.getfixturevalue("valkey_url"), clock))

        def make(policy: Cache) -> ResultCache:
            policy = replace(policy, shared=store is not None)
            cache = ResultCache("books title", policy, str | None, store, clock)
            stack.push_async_callback(cache.close)
            return cache

        yield make


@pytest.fixture
def process(valkey_url: str, clock: Clock) -> Process:
    """A process, started anew for each source: one has only Valkey in common with the one before."""
    return Process(valkey_url, clock)


ON_BOTH_LOOPS = ("test_batch", "test_activity", "test_gather")


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run what counts turns of the loop on asyncio's own and on the one that production uses."""
    if item.path.stem.startswith(ON_BOTH_LOOPS):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
