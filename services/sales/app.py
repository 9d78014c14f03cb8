"""Sales's wiring."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.events import EventSettings, Messaging
from frontispiece.security import Signer, SigningKey, Verifier
from frontispiece.service import create_store_service
from frontispiece.settings import Directory, Settings, TokenSettings
from services.sales import api
from services.sales.columns import MEMORY
from services.sales.store import FACTS, Store, apply
from shop.order_facts import open_rebuilds


class SalesSettings(Settings):
    """Sales's settings."""

    model_config = SettingsConfigDict(env_prefix="SALES_")

    folder: Path = Field(description="The folder of the files of the columns, of one process alone.")
    memory: int = Field(
        MEMORY, ge=1, description="Megabytes that DuckDB may use, its indexes and reports together."
    )
    signing_key: SigningKey = Field(
        description="Ed25519 private key in PEM, which signs sales's calls.", repr=False
    )
    directory: Directory = Field(default_factory=Directory)
    events: EventSettings = Field(default_factory=EventSettings)
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: SalesSettings | None = None) -> FastAPI:
    """The sales service."""
    settings = settings or SalesSettings()
    store = Store(settings.folder, memory=settings.memory)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_rebuilds(
            store,
            apply,
            FACTS,
            directory=settings.directory,
            signer=Signer(settings.signing_key, "sales"),
            service="sales",
        ) as app.state.rebuilds:
            yield

    return create_store_service(
        title="sales",
        description="The operator's figures of orders.",
        verifier=Verifier(settings.tokens, "sales"),
        store=store,
        router=api.router,
        lifespan=lifespan,
        messaging=Messaging(settings.events, service="sales", handlers=dict.fromkeys(FACTS, store.happened)),
    )
