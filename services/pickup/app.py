"""Pickup's wiring."""

from fastapi import FastAPI
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.aio import periodic
from frontispiece.http import Problem
from frontispiece.security import Verifier
from frontispiece.service import create_store_service
from frontispiece.settings import TokenSettings
from services.pickup import api
from services.pickup.maintenance import MAX_LOAD, Maintenance
from services.pickup.model import Incomplete
from services.pickup.settings import ShardSettings
from services.pickup.shards import Shards
from services.pickup.store import StaleMap


class PickupSettings(ShardSettings):
    """Pickup's settings."""

    model_config = SettingsConfigDict(env_prefix="PICKUP_")

    max_load: int = Field(
        MAX_LOAD,
        ge=1,
        description="Stores and recent queries of a cell above which it is split into four.",
    )
    maintenance_interval: float = Field(
        30.0, gt=0, description="Seconds between two looks for hot cells, uneven shards and unfinished moves."
    )
    tokens: TokenSettings = Field(default_factory=TokenSettings)


def create_app(settings: PickupSettings | None = None) -> FastAPI:
    """The pickup service."""
    settings = settings or PickupSettings()
    shards = Shards(settings.urls)
    maintenance = periodic(
        Maintenance(shards, settings.max_load).maintain,
        settings.maintenance_interval,
        name="maintenance of shards",
        expected=(Problem, StaleMap, Incomplete),  # a shard is away, or another copy was faster
    )
    return create_store_service(
        title="pickup",
        description="The stores near a place, where customers pick their orders up.",
        verifier=Verifier(settings.tokens, "pickup"),
        store=shards,
        router=api.router,
        resources=[maintenance],
    )
