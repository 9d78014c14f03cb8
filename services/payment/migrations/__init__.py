"""The versions of payment's database; `metadata` are the tables of the newest one."""

from services.payment.store import metadata

__all__ = ["metadata"]
