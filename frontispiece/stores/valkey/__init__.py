"""Valkey, behind one guard."""

from frontispiece.stores.valkey.best_effort import UNREADABLE, BestEffortValkey
from frontispiece.stores.valkey.client import OFF, ValkeyUrl, valkey_client
from frontispiece.stores.valkey.guarded import GuardedValkey, ValkeyUnavailable

__all__ = [
    "OFF",
    "UNREADABLE",
    "BestEffortValkey",
    "GuardedValkey",
    "ValkeyUnavailable",
    "ValkeyUrl",
    "valkey_client",
]
