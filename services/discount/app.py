"""Discount's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit import rpc as channels
from kit import service
from kit.settings import Settings, TokenSettings
from kit.tokens import Verifier
from services.discount import rpc, seed
from services.discount.store import Store

STOPS_WITHIN = 2.0
"""Seconds that running calls have to end when the service stops."""


class DiscountSettings(Settings):
    """Discount's settings."""

    model_config = SettingsConfigDict(env_prefix="DISCOUNT_")

    database_url: str = Field(description="SQLAlchemy URL of discount's own database.")
    grpc_listen: str = Field(
        description="Where gRPC is spoken, such as `0.0.0.0:9000`; port 0 takes a free one."
    )
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's price rules.")
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: DiscountSettings | None = None) -> FastAPI:
    """The discount service: health and OpenAPI over HTTP, all else over gRPC on `app.state.grpc_port`."""
    settings = settings or DiscountSettings()
    store = Store(settings.database_url)
    verifier = Verifier(settings.tokens, "discount")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with store.database:
            if settings.seed:
                await seed.fill(store)
            server = rpc.create_server(store, verifier, channels.serving(app.state.tracing))
            app.state.grpc_port = server.add_insecure_port(settings.grpc_listen)
            await server.start()
            try:
                yield
            finally:
                await server.stop(STOPS_WITHIN)

    app = service.create(
        title="discount",
        description="How much less an article costs, for everyone or for those with a coupon; over gRPC.",
        lifespan=lifespan,
        ready=store.database.ping,
        verifier=verifier,
    )
    app.state.store = store
    return app
