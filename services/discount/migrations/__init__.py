"""The versions of discount's database; `metadata` are the tables of the newest one."""

from services.discount.store import metadata

__all__ = ["metadata"]
