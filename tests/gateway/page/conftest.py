"""Apps of pages that tests make up themselves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from gateway.page import Page, create_app
from gateway.page.cache import Cache, KeptResults
from tests.conftest import AppClient
from tests.support.caching import Clock, KeptAs, Process, Titles, store_at

AppOf = Callable[..., FastAPI]
Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def app_of() -> AppOf:
    """`app_of(page, …)`: an app of these pages."""

    async def ready() -> None:
        return None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    def make(*pages: Page) -> FastAPI:
        return create_app(
            title="books", description="-", pages=pages, providers={}, lifespan=lifespan, ready=ready
        )

    return make


@pytest.fixture
def serve(app_client: AppClient, app_of: AppOf) -> Serve:
    """`async with serve(page, …) as http`: an app of these pages, reached without a socket."""
    return lambda *pages: app_client(app_of(*pages))


@pytest.fixture
def clock() -> Clock:
    """The time of all that is kept."""
    return Clock()


@pytest.fixture
def titles() -> Titles:
    """What is loaded and kept."""
    return Titles()


@pytest.fixture(params=["in process", "shared"])
async def kept_as(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[KeptAs]:
    """`kept_as(policy)`: results that are kept, in this process only and in Valkey as well."""
    async with AsyncExitStack() as stack:
        store = None
        if request.param == "shared":
            store = await stack.enter_async_context(store_at(request.getfixturevalue("valkey_url"), clock))

        def make(policy: Cache) -> KeptResults:
            policy = replace(policy, shared=store is not None)
            kept = KeptResults("books title", policy, str | None, store, clock)
            stack.push_async_callback(kept.close)
            return kept

        yield make


@pytest.fixture
def process(valkey_url: str, clock: Clock) -> Process:
    """A process, started anew for each source: one has only Valkey in common with the one before."""
    return Process(valkey_url, clock)
