"""Apps of pages that tests make up themselves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from gateway.page import Page, create_app
from tests.conftest import AppClient

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
