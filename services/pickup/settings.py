"""The settings that the service and its commands share: where the shards are."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from frontispiece.settings import Settings
from frontispiece.shards import ShardDatabase


class ShardSettings(Settings):
    """The shards of pickup."""

    model_config = SettingsConfigDict(env_prefix="PICKUP_")

    shards: Annotated[dict[str, ShardDatabase], Field(min_length=1)] = Field(
        description="The shards by name, each with the SQLAlchemy URL of its database, as JSON: "
        '{"0": {"database_url": "postgresql+psycopg://…"}, …}. Each has one piece of the curve of cells, in '
        "this order; one more is added at the end, and gets its share by load."
    )

    @property
    def urls(self) -> dict[str, str]:
        """The URLs of the databases by the shards' names."""
        return {name: shard.database_url for name, shard in self.shards.items()}
