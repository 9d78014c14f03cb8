"""Recommendation's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import EventSettings, Messaging
from frontispiece.security import Signer, SigningKey, Verifier
from frontispiece.service import create_store_service
from frontispiece.settings import Directory, Settings, TokenSettings
from services.recommendation import api
from services.recommendation.events import OrderCompleted
from services.recommendation.store import Store, add
from shop.order_facts import open_rebuilds


class RecommendationSettings(Settings):
    """Recommendation's settings."""

    model_config = SettingsConfigDict(env_prefix="RECOMMENDATION_")

    folder: Path = Field(description="The folder of the graph's files, of one process alone.")
    min_customers: int = Field(
        3,
        ge=2,
        description="Customers who must have bought two articles before one is recommended beside the other.",
    )
    signing_key: SigningKey = Field(
        description="Ed25519 private key in PEM, which signs recommendation's calls.", repr=False
    )
    directory: Directory = Field(default_factory=Directory)
    events: EventSettings = Field(default_factory=EventSettings)
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: RecommendationSettings | None = None) -> FastAPI:
    """The recommendation service."""
    settings = settings or RecommendationSettings()
    store = Store(settings.folder, min_customers=settings.min_customers)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_rebuilds(
            store,
            add,
            [OrderCompleted],
            directory=settings.directory,
            signer=Signer(settings.signing_key, "recommendation"),
            service="recommendation",
        ) as app.state.rebuilds:
            yield

    return create_store_service(
        title="recommendation",
        description="What customers of an article have bought, too.",
        verifier=Verifier(settings.tokens, "recommendation"),
        store=store,
        router=api.router,
        lifespan=lifespan,
        messaging=Messaging(
            settings.events, service="recommendation", handlers={OrderCompleted: store.completed}
        ),
    )
