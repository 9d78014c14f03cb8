"""What the apps of all clients have in common: the services, opened once, provided to every page."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import Field

from bff.services import Services
from gateway import page
from kit.settings import Directory, Settings, TokenSettings
from kit.tokens import Verifier


class BffSettings(Settings):
    """A BFF's settings."""

    directory: Directory = Field(default_factory=Directory)
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(*, title: str, description: str, pages: Iterable[page.Page], settings: BffSettings) -> FastAPI:
    """A client's backend, serving its pages."""
    services = Services(settings.directory, Verifier(settings.tokens))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with services:
            yield

    return page.create_app(
        title=title,
        description=description,
        pages=pages,
        providers=services.providers(),
        lifespan=lifespan,
        ready=services.ready,
    )
