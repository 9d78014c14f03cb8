"""Sales' wiring."""

from pathlib import Path

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import CallingServiceSettings, Messaging
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from services.sales import api
from services.sales.columns import MEMORY
from services.sales.events import OrderCancelled, OrderCompleted, OrderPlaced
from services.sales.store import Store
from shop.facts import of_orders, rebuilding

FACTS = OrderPlaced, OrderCompleted, OrderCancelled
"""What sales learns of orders."""


class SalesSettings(CallingServiceSettings):
    """Sales' settings."""

    model_config = SettingsConfigDict(env_prefix="SALES_")

    folder: Path = Field(description="The folder of the files of the columns, of one process alone.")
    memory: int = Field(
        MEMORY, ge=1, description="Megabytes that DuckDB may use, its indexes and reports together."
    )


def create_app(settings: SalesSettings | None = None) -> FastAPI:
    """The sales service."""
    settings = settings or SalesSettings()
    store = Store(settings.folder, memory=settings.memory)
    return create_store_service(
        title="sales",
        description="The operator's figures of orders.",
        verifier=Verifier(settings.tokens, "sales"),
        store=store,
        router=api.router,
        lifespan=rebuilding(store, of_orders(*FACTS), settings=settings, service="sales"),
        messaging=Messaging(settings.events, service="sales", handlers=dict.fromkeys(FACTS, store.happened)),
    )
