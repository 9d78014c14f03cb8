"""Ordering's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from kit import service
from kit.keys import SigningKey
from kit.settings import Directory, Settings, TokenSettings
from kit.tokens import Signer, Verifier
from services.ordering import api
from services.ordering.checkout import Checkout
from services.ordering.clients import connect
from services.ordering.store import Store


class OrderingSettings(Settings):
    """Ordering's settings."""

    model_config = SettingsConfigDict(env_prefix="ORDERING_")

    database_url: str = Field(description="SQLAlchemy URL of ordering's own database.")
    timeout: float = Field(2.0, gt=0, description="Seconds that a call to another service may take.")
    signing_key: SigningKey = Field(
        description="Ed25519 private key in PEM: by it others know ordering.", repr=False
    )
    directory: Directory = Field(default_factory=Directory)
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: OrderingSettings | None = None) -> FastAPI:
    """The ordering service."""
    settings = settings or OrderingSettings()
    store = Store(settings.database_url)
    signer = Signer(settings.signing_key, "ordering")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        clients_of = connect(settings.directory, settings.timeout, signer)
        async with store.database, clients_of as clients:
            app.state.checkout = Checkout(store, clients)
            yield

    app = service.create(
        title="ordering",
        description="What customers have ordered, and how an order comes about.",
        lifespan=lifespan,
        ready=store.database.ping,
        verifier=Verifier(settings.tokens, "ordering"),
    )
    app.state.store = store
    app.include_router(api.router)
    return app
