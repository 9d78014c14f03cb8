"""Shipping's wiring."""

from datetime import timedelta

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.aio import periodic
from frontispiece.events import Messaging, ServiceSettings
from frontispiece.http import Problem
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from services.shipping import api
from services.shipping.events import CancelShipment, CreateShipment
from services.shipping.model import Durations
from services.shipping.store import Store, outbox


class ShippingSettings(ServiceSettings):
    """Shipping's settings."""

    model_config = SettingsConfigDict(env_prefix="SHIPPING_")

    database_url: str = Field(description="SQLAlchemy URL of shipping's own database.")
    dispatch_delay: float = Field(
        86_400.0, ge=0, description="Seconds from a shipment's creation to its dispatch."
    )
    delivery_delay: float = Field(172_800.0, ge=0, description="Seconds from its dispatch to its delivery.")
    tracking_interval: float = Field(5.0, gt=0, description="Seconds between checks for due shipments.")


def create_app(settings: ShippingSettings | None = None) -> FastAPI:
    """The shipping service."""
    settings = settings or ShippingSettings()
    durations = Durations(
        until_dispatch=timedelta(seconds=settings.dispatch_delay),
        until_delivery=timedelta(seconds=settings.delivery_delay),
    )
    store = Store(settings.database_url, durations=durations)
    messaging = Messaging(
        settings.events,
        service="shipping",
        database=store.database,
        outbox=outbox,
        handlers={CreateShipment: store.create, CancelShipment: store.cancel},
    )
    # When the database is away, shipments only move on later.
    tracking = periodic(store.advance, settings.tracking_interval, name="tracking", expected=(Problem,))
    return create_store_service(
        title="shipping",
        description="What shipping costs, and the shipments of orders with their tracking.",
        verifier=Verifier(settings.tokens, "shipping"),
        store=store,
        router=api.router,
        resources=[tracking],
        messaging=messaging,
    )
