"""Reviews' wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit import service
from kit.settings import Settings, TokenSettings
from kit.tokens import Verifier
from services.reviews import api, seed
from services.reviews.store import Store


class ReviewsSettings(Settings):
    """Reviews' settings."""

    model_config = SettingsConfigDict(env_prefix="REVIEWS_")

    database_url: str = Field(description="SQLAlchemy URL of reviews' own database.")
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's reviews.")
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: ReviewsSettings | None = None) -> FastAPI:
    """The reviews service."""
    settings = settings or ReviewsSettings()
    store = Store(settings.database_url)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with store.database:
            if settings.seed:
                await seed.fill(store)
            yield

    app = service.create(
        title="reviews",
        description="What readers think of an article, and how they rate it in all.",
        lifespan=lifespan,
        ready=store.database.ping,
        verifier=Verifier(settings.tokens, "reviews"),
    )
    app.state.store = store
    app.include_router(api.router)
    return app
