"""Data that is spread over several databases of a kind, by buckets that move between them.

Stability: provisional.

Names of modules that need an extra (`sql`, `events`) are imported when they are first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from frontispiece.shards.ids import IdGenerator, bucket_of, ids_at, time_of
from frontispiece.shards.map import BUCKETS, ShardMap, bucket_for, format_buckets
from frontispiece.shards.shard_set import ShardSet

__all__ = [
    "BUCKETS",
    "Fence",
    "IdGenerator",
    "LogTable",
    "Movable",
    "Router",
    "ShardMap",
    "ShardSet",
    "StaleMap",
    "StateTable",
    "bucket_for",
    "bucket_of",
    "format_buckets",
    "ids_at",
    "open_incoming",
    "open_router",
    "shard_commands",
    "time_of",
]

if TYPE_CHECKING:
    from frontispiece.shards.commands import shard_commands
    from frontispiece.shards.fence import Fence, StaleMap
    from frontispiece.shards.incoming import open_incoming
    from frontispiece.shards.movable import LogTable, Movable, StateTable
    from frontispiece.shards.router import Router, open_router
else:
    _MODULES = dict.fromkeys(("Fence", "StaleMap"), "fence")
    _MODULES |= {"open_incoming": "incoming", "shard_commands": "commands"}
    _MODULES |= dict.fromkeys(("LogTable", "Movable", "StateTable"), "movable")
    _MODULES |= dict.fromkeys(("Router", "open_router"), "router")

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(name)
        return getattr(import_module(f"frontispiece.shards.{_MODULES[name]}"), name)
