"""The versions of inventory's database; `metadata` are the tables of the newest one."""

from services.inventory.store import metadata

__all__ = ["metadata"]
