"""The versions of identity's database; `metadata` are the tables of the newest one."""

from services.identity.tables import metadata

__all__ = ["metadata"]
