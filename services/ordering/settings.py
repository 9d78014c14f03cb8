"""The settings of ordering's shards, for the service and for `front`."""

from typing import Annotated

from pydantic import Field, StringConstraints
from pydantic_settings import SettingsConfigDict

from frontispiece.settings import Settings
from frontispiece.shards import ShardDatabase

ShardName = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9-]{0,31}$")]


class ShardDatabases(ShardDatabase):
    """The databases of one shard, by SQLAlchemy URLs: of its log, and of its read model."""

    read_database_url: str


class ShardSettings(Settings):
    """The databases of all shards."""

    model_config = SettingsConfigDict(env_prefix="ORDERING_")

    shards: dict[ShardName, ShardDatabases] = Field(
        min_length=1,
        description="The shards by name, as JSON: of each `database_url`, the SQLAlchemy URL of its log, and "
        "`read_database_url`, that of its read model.",
    )
