"""Discount's wiring."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import Messaging, ServiceSettings
from frontispiece.security import Verifier
from frontispiece.service import create_store_service, registered_as, serve_rpc, tracing_interceptors
from services.discount import rpc, seed
from services.discount.events import OrderCancelled, OrderPlaced
from services.discount.store import Store


class DiscountSettings(ServiceSettings):
    """Discount's settings."""

    model_config = SettingsConfigDict(env_prefix="DISCOUNT_")

    database_url: str = Field(description="SQLAlchemy URL of discount's own database.")
    grpc_listen: str = Field(description="Address for gRPC, such as `0.0.0.0:9000`; port 0 takes a free one.")
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's price rules.")
    coupon_hold: float = Field(
        300.0, gt=0, description="Seconds that a coupon is held for an order that is not placed."
    )


def create_app(settings: DiscountSettings | None = None) -> FastAPI:
    """The discount service: health and OpenAPI over HTTP, all else over gRPC on `app.state.grpc_port`."""
    settings = settings or DiscountSettings()
    store = Store(settings.database_url, hold=timedelta(seconds=settings.coupon_hold))
    verifier = Verifier(settings.tokens, "discount")

    messaging = Messaging(
        settings.events,
        service="discount",
        handlers={OrderPlaced: store.placed, OrderCancelled: store.cancelled},
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        server = rpc.server_of(store, verifier, tracing_interceptors(app.state.tracing))
        async with serve_rpc(server, settings.grpc_listen) as app.state.grpc_port:
            yield registered_as("discount-grpc", settings.grpc_listen, app.state.grpc_port)

    return create_store_service(
        title="discount",
        description="Price rules and coupons, over gRPC.",
        verifier=verifier,
        store=store,
        first_data=seed.rules if settings.seed else None,
        lifespan=lifespan,
        messaging=messaging,
    )
