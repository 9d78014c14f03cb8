"""Catalog's wiring."""

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import Messaging, ServiceSettings
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from services.catalog import api, seed
from services.catalog.store import Store, facts, outbox
from shop.replay import replay_router


class CatalogSettings(ServiceSettings):
    """Catalog's settings."""

    model_config = SettingsConfigDict(env_prefix="CATALOG_")

    database_url: str = Field(description="SQLAlchemy URL of catalog's own database.")
    replica_urls: list[str] = Field(
        [],
        description="SQLAlchemy URLs of the database's replicas (a JSON list); reads go to those "
        "that do not lag.",
    )
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's products.")


def create_app(settings: CatalogSettings | None = None) -> FastAPI:
    """The catalog service."""
    settings = settings or CatalogSettings()
    store = Store(settings.database_url, replicas=settings.replica_urls)
    app = create_store_service(
        title="catalog",
        description="What the shop sells: products, their pictures, brands, types, and a search for them.",
        verifier=Verifier(settings.tokens, "catalog"),
        store=store,
        router=api.router,
        first_data=seed.products if settings.seed else None,
        messaging=Messaging(settings.events, service="catalog", database=store.database, outbox=outbox),
    )
    app.include_router(replay_router(facts))
    return app
