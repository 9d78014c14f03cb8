"""The versions of catalog's database; `metadata` are the tables of the newest one."""

from services.catalog.store import metadata

__all__ = ["metadata"]
