"""Data that is spread over several databases of a kind, by buckets that move between them.

Stability: provisional.

Names of modules that need an extra (`sql`, `events`) are imported when they are first used.
"""

from typing import TYPE_CHECKING

from frontispiece.lazy import lazy
from frontispiece.shards.ids import IdGenerator, bucket_of, ids_at, time_of
from frontispiece.shards.map import BUCKETS, ShardMap, bucket_for, format_buckets
from frontispiece.shards.shard_set import ShardDatabase, ShardSet

__all__ = [
    "BUCKETS",
    "Fence",
    "IdGenerator",
    "LogTable",
    "Movable",
    "Router",
    "ShardDatabase",
    "ShardMap",
    "ShardSet",
    "StaleMap",
    "bucket_for",
    "bucket_of",
    "format_buckets",
    "ids_at",
    "name_away",
    "open_incoming",
    "open_router",
    "shard_commands",
    "time_of",
]

if TYPE_CHECKING:
    from frontispiece.shards.claims import open_incoming
    from frontispiece.shards.commands import name_away, shard_commands
    from frontispiece.shards.fence import Fence, StaleMap
    from frontispiece.shards.movable import LogTable, Movable
    from frontispiece.shards.router import Router, open_router
else:
    __getattr__ = lazy(
        __name__,
        commands="name_away shard_commands",
        fence="Fence StaleMap",
        claims="open_incoming",
        movable="LogTable Movable",
        router="Router open_router",
    )
