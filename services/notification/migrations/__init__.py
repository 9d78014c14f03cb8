"""The versions of notification's database; `metadata` are the tables of the newest one."""

from services.notification.store import metadata

__all__ = ["metadata"]
