"""The versions of ordering's database; `metadata` are the tables of the newest one."""

from services.ordering.tables import metadata

__all__ = ["metadata"]
