"""Basket's wiring."""

from datetime import timedelta

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import Messaging, ServiceSettings
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from frontispiece.settings import Directory
from services.basket import api
from services.basket.events import OrderCancelled, OrderPlaced, PriceChanged, ProductRemoved
from services.basket.store import Store
from shop.articles import Articles


class BasketSettings(ServiceSettings):
    """Basket's settings."""

    model_config = SettingsConfigDict(env_prefix="BASKET_")

    valkey_url: str = Field(
        description="URL of basket's Valkey: `unix://path` or `valkey://host:port/number`."
    )
    idle_days: float = Field(30, gt=0, le=3650, description="Days that a basket lives after its last change.")
    claim_timeout: float = Field(
        60.0, gt=0, le=3600, description="Seconds that lines are held for an order that is not placed."
    )
    timeout: float = Field(1.0, gt=0, description="Seconds that a call to catalog may take.")
    directory: Directory = Field(default_factory=Directory)


def create_app(settings: BasketSettings | None = None) -> FastAPI:
    """The basket service."""
    settings = settings or BasketSettings()
    store = Store(
        settings.valkey_url,
        idle=timedelta(days=settings.idle_days),
        claim_timeout=timedelta(seconds=settings.claim_timeout),
    )
    messaging = Messaging(
        settings.events,
        service="basket",
        handlers={
            OrderPlaced: store.placed,
            OrderCancelled: store.cancelled,
            PriceChanged: store.price_changed,
            ProductRemoved: store.product_removed,
        },
    )
    articles = Articles(settings.directory, settings.timeout)
    app = create_store_service(
        title="basket",
        description="The articles that each customer intends to buy.",
        verifier=Verifier(settings.tokens, "basket"),
        store=store,
        router=api.router,
        resources=[articles],
        messaging=messaging,
    )
    app.state.articles = articles
    return app
