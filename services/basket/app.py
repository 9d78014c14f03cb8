"""Basket's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit import service
from kit.settings import Settings, TokenSettings
from kit.tokens import Verifier
from services.basket import api
from services.basket.store import Store


class BasketSettings(Settings):
    """Basket's settings."""

    model_config = SettingsConfigDict(env_prefix="BASKET_")

    valkey_url: str = Field(
        description="URL of basket's Valkey: `unix://path` or `valkey://host:port/number`."
    )
    idle_days: float = Field(30, gt=0, le=3650, description="Days a basket is kept after its last change.")
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: BasketSettings | None = None) -> FastAPI:
    """The basket service."""
    settings = settings or BasketSettings()
    store = Store(settings.valkey_url, idle=timedelta(days=settings.idle_days))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with store:
            yield

    app = service.create(
        title="basket",
        description="What each customer means to buy.",
        lifespan=lifespan,
        ready=store.ping,
        verifier=Verifier(settings.tokens, "basket"),
    )
    app.state.store = store
    app.include_router(api.router)
    return app
