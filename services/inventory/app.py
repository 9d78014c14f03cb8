"""Inventory's wiring."""

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.aio import periodic
from frontispiece.events import Messaging, ServiceSettings
from frontispiece.http import Problem
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from services.inventory import api, seed
from services.inventory.events import CommitStock, ReleaseStock, ReserveStock
from services.inventory.handlers import Handlers
from services.inventory.store import Store, facts, outbox
from shop.replay import replay_router


class InventorySettings(ServiceSettings):
    """Inventory's settings."""

    model_config = SettingsConfigDict(env_prefix="INVENTORY_")

    database_url: str = Field(description="SQLAlchemy URL of inventory's own database.")
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's stock.")
    expiry_interval: float = Field(5.0, gt=0, description="Seconds between checks for expired reservations.")


def create_app(settings: InventorySettings | None = None) -> FastAPI:
    """The inventory service."""
    settings = settings or InventorySettings()
    store = Store(settings.database_url)
    handlers = Handlers(store)
    messaging = Messaging(
        settings.events,
        service="inventory",
        database=store.database,
        outbox=outbox,
        handlers={
            ReserveStock: handlers.reserve,
            CommitStock: handlers.commit,
            ReleaseStock: handlers.release,
        },
    )
    # When the database is away, reservations only live longer.
    expiry = periodic(
        store.expire, settings.expiry_interval, name="expiry of reservations", expected=(Problem,)
    )
    app = create_store_service(
        title="inventory",
        description="The stock of each article, and reservations of it.",
        verifier=Verifier(settings.tokens, "inventory"),
        store=store,
        router=api.router,
        first_data=seed.stock if settings.seed else None,
        resources=[expiry],
        messaging=messaging,
    )
    app.include_router(replay_router(facts))
    return app
