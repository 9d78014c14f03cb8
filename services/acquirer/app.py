"""The acquirer's wiring."""

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from frontispiece.settings import Settings, TokenSettings
from services.acquirer import api
from services.acquirer.faults import Faults
from services.acquirer.store import Store


class AcquirerSettings(Settings):
    """The acquirer's settings."""

    model_config = SettingsConfigDict(env_prefix="ACQUIRER_")

    database_url: str = Field(description="SQLAlchemy URL of the acquirer's own database.")
    faults: Faults = Field(default_factory=Faults, description="What goes wrong on purpose, as JSON.")
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: AcquirerSettings | None = None) -> FastAPI:
    """The simulated acquirer."""
    settings = settings or AcquirerSettings()
    app = create_store_service(
        title="acquirer",
        description="A simulated acquirer: a fake of the one that a shop has a contract with.",
        verifier=Verifier(settings.tokens, "acquirer"),
        store=Store(settings.database_url),
        router=api.router,
    )
    app.state.faults = settings.faults
    return app
