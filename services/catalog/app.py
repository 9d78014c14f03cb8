"""Catalog's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit import service
from kit.settings import Settings, TokenSettings
from kit.tokens import Verifier
from services.catalog import api, seed
from services.catalog.store import Store


class CatalogSettings(Settings):
    """Catalog's settings."""

    model_config = SettingsConfigDict(env_prefix="CATALOG_")

    database_url: str = Field(description="SQLAlchemy URL of catalog's own database.")
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's products.")
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: CatalogSettings | None = None) -> FastAPI:
    """The catalog service."""
    settings = settings or CatalogSettings()
    store = Store(settings.database_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with store.database:
            if settings.seed:
                await seed.fill(store)
            yield

    app = service.create(
        title="catalog",
        description="What the shop sells: products, their pictures, brands, types, and a search for them.",
        lifespan=lifespan,
        ready=store.database.ping,
        verifier=Verifier(settings.tokens, "catalog"),
    )
    app.state.store = store
    app.include_router(api.router)
    return app
