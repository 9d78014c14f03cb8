"""The versions of the read model's database; `metadata` are the tables of the newest one."""

from services.ordering.read_tables import metadata

__all__ = ["metadata"]
