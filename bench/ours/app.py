"""The BFF of the measurements."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from bench.ours.pages import PAGES
from bench.ours.services import Lost, Shop
from gateway.page import create_app as app_of_pages
from gateway.upstream import open_upstream
from kit.settings import Directory


def create_app() -> FastAPI:
    """The BFF, set up by the environment."""
    directory = Directory()
    shop = open_upstream("shop", "registry://shop", directory)
    lost = open_upstream("lost", "registry://lost", directory)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with shop, lost:
            yield

    async def ready() -> None:
        return None

    return app_of_pages(
        title="bench",
        description="The pages that are measured.",
        pages=PAGES,
        providers={
            Shop: lambda inbound: Shop(shop.within(inbound.context)),
            Lost: lambda inbound: Lost(lost.within(inbound.context)),
        },
        lifespan=lifespan,
        ready=ready,
    )
