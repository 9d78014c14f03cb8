"""Feed's wiring."""

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.aio import periodic
from frontispiece.events import CallingServiceSettings
from frontispiece.http import Problem
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from frontispiece.shards import ShardDatabase
from services.feed import api
from services.feed.consumers import Consumers
from services.feed.events import OF_CATALOG, OF_INVENTORY
from services.feed.handlers import Handlers
from services.feed.store import Store
from shop.articles import Articles
from shop.facts import Source, rebuilding

FORGET_INTERVAL = 60.0
"""Seconds between two looks for news that are too old."""

SOURCES = (
    Source(service="catalog", scope="facts:replay", types=OF_CATALOG),
    Source(service="inventory", scope="facts:replay", types=OF_INVENTORY),
)


class FeedSettings(CallingServiceSettings):
    """Feed's settings."""

    model_config = SettingsConfigDict(env_prefix="FEED_")

    shards: dict[str, ShardDatabase] = Field(
        min_length=1,
        description="The shards by name, as JSON: of each `database_url`, a SQLAlchemy URL. Owners are dealt "
        "evenly; a database of other owners is refused.",
    )
    fan_out_limit: int = Field(
        100,
        ge=0,
        description="Followers of a brand in one shard up to which its news are written into their "
        "timelines; those of a larger brand are looked up when a timeline is read.",
    )
    timeout: float = Field(1.0, gt=0, description="Seconds that a call to catalog may take.")


def create_app(settings: FeedSettings | None = None) -> FastAPI:
    """The feed service."""
    settings = settings or FeedSettings()
    urls = {name: shard.database_url for name, shard in settings.shards.items()}
    store = Store(urls, limit=settings.fan_out_limit)
    articles = Articles(settings.directory, settings.timeout)
    handlers = Handlers(store, articles)
    forgetting = periodic(store.forget, FORGET_INTERVAL, name="old news", expected=(Problem,))
    app = create_store_service(
        title="feed",
        description="News of the brands that customers follow.",
        verifier=Verifier(settings.tokens, "feed"),
        store=store,
        router=api.router,
        resources=[articles, forgetting],
        lifespan=rebuilding(handlers, SOURCES, settings=settings, service="feed"),
        messaging=Consumers(settings.events, handlers, store.shards),
    )
    app.state.articles = articles
    return app
