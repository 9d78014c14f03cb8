"""Apps of pages that tests make up themselves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from gateway.page import Page, create_app
from tests.conftest import AppClient

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def serve(app_client: AppClient) -> Serve:
    """`async with serve(page, …) as http`: an app of these pages."""

    async def ready() -> None:
        return None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield

    def app_of(*pages: Page) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        app = create_app(
            title="books", description="-", pages=pages, providers={}, lifespan=lifespan, ready=ready
        )
        return app_client(app)

    return app_of
