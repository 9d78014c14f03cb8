"""The versions of reviews's database; `metadata` are the tables of the newest one."""

from services.reviews.store import metadata

__all__ = ["metadata"]
