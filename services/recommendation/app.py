"""Recommendation's wiring."""

from pathlib import Path

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import CallingServiceSettings, Messaging
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from services.recommendation import api
from services.recommendation.events import OrderCompleted
from services.recommendation.store import Store
from shop.facts import of_orders, rebuilding


class RecommendationSettings(CallingServiceSettings):
    """Recommendation's settings."""

    model_config = SettingsConfigDict(env_prefix="RECOMMENDATION_")

    folder: Path = Field(description="The folder of the graph's files, of one process alone.")
    min_customers: int = Field(
        3,
        ge=2,
        description="Customers who must have bought two articles before one is recommended beside the other.",
    )


def create_app(settings: RecommendationSettings | None = None) -> FastAPI:
    """The recommendation service."""
    settings = settings or RecommendationSettings()
    store = Store(settings.folder, min_customers=settings.min_customers)
    return create_store_service(
        title="recommendation",
        description="What customers of an article have bought, too.",
        verifier=Verifier(settings.tokens, "recommendation"),
        store=store,
        router=api.router,
        lifespan=rebuilding(store, of_orders(OrderCompleted), settings=settings, service="recommendation"),
        messaging=Messaging(
            settings.events, service="recommendation", handlers={OrderCompleted: store.happened}
        ),
    )
