"""The versions of a shard's database; `metadata` are the tables of the newest one."""

from services.pickup.tables import metadata

__all__ = ["metadata"]
