"""Reviews' wiring."""

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from frontispiece.settings import Directory, Settings, TokenSettings
from services.reviews import api, seed
from services.reviews.store import Store
from shop.articles import Articles


class ReviewsSettings(Settings):
    """Reviews' settings."""

    model_config = SettingsConfigDict(env_prefix="REVIEWS_")

    database_url: str = Field(description="SQLAlchemy URL of reviews' own database.")
    seed: bool = Field(False, description="Whether an empty database gets the demo shop's reviews.")
    timeout: float = Field(1.0, gt=0, description="Seconds that a call to catalog may take.")
    directory: Directory = Field(default_factory=Directory)
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: ReviewsSettings | None = None) -> FastAPI:
    """The reviews service."""
    settings = settings or ReviewsSettings()
    articles = Articles(settings.directory, settings.timeout)
    app = create_store_service(
        title="reviews",
        description="Reviews of articles by their readers, and rating summaries.",
        verifier=Verifier(settings.tokens, "reviews"),
        store=Store(settings.database_url),
        router=api.router,
        first_data=seed.reviews if settings.seed else None,
        resources=[articles],
    )
    app.state.articles = articles
    return app
