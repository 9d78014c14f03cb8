"""The versions of the acquirer's database; `metadata` are the tables of the newest one."""

from services.acquirer.store import metadata

__all__ = ["metadata"]
