"""Catalog's wiring."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

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
    grpc_listen: str | None = Field(
        None,
        description="Address for the batch read over gRPC, such as `0.0.0.0:9000`; none when left out.",
    )
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's products.")


def create_app(settings: CatalogSettings | None = None) -> FastAPI:
    """The catalog service."""
    settings = settings or CatalogSettings()
    store = Store(settings.database_url, replicas=settings.replica_urls)
    verifier = Verifier(settings.tokens, "catalog")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
        if settings.grpc_listen is None:
            yield None
            return
        from frontispiece.service import registered_as, serve_rpc, tracing_interceptors  # noqa: PLC0415 (seldom wanted)
        from services.catalog import rpc  # noqa: PLC0415

        server = rpc.server_of(store, verifier, tracing_interceptors(app.state.tracing))
        async with serve_rpc(server, settings.grpc_listen) as app.state.grpc_port:
            yield registered_as("catalog-grpc", settings.grpc_listen, app.state.grpc_port)

    app = create_store_service(
        title="catalog",
        description="What the shop sells: products, their pictures, brands, types, and a search for them.",
        verifier=verifier,
        store=store,
        router=api.router,
        lifespan=lifespan,
        first_data=seed.products if settings.seed else None,
        messaging=Messaging(settings.events, service="catalog", database=store.database, outbox=outbox),
    )
    app.include_router(replay_router(facts))
    return app
