"""The versions of shipping's database; `metadata` are the tables of the newest one."""

from services.shipping.store import metadata

__all__ = ["metadata"]
