"""Inventory's wiring."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit import service
from kit.problems import Problem
from kit.settings import Settings, TokenSettings
from kit.tokens import Verifier
from services.inventory import api, seed
from services.inventory.store import Store

log = logging.getLogger(__name__)


class InventorySettings(Settings):
    """Inventory's settings."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_")

    database_url: str = Field(description="SQLAlchemy URL of inventory's own database.")
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's stock.")
    expire_every: float = Field(5.0, gt=0, description="Seconds between two looks for expired reservations.")
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: InventorySettings | None = None) -> FastAPI:
    """The inventory service."""
    settings = settings or InventorySettings()
    store = Store(settings.database_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with store.database:
            if settings.seed:
                await seed.fill(store)
            expiry = asyncio.create_task(_expire(store, settings.expire_every))
            try:
                yield
            finally:
                expiry.cancel()

    app = service.create(
        title="inventory",
        description="How many of each article there are, and who has set some aside.",
        lifespan=lifespan,
        ready=store.database.ping,
        verifier=Verifier(settings.tokens, "inventory"),
    )
    app.state.store = store
    app.include_router(api.router)
    return app


async def _expire(store: Store, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await store.expire()
        except Problem:  # the database may come back; until then reservations only last longer
            log.warning("Reservations cannot expire: the database is away")
