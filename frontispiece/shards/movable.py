"""The description of a service's shards by which buckets can move between them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from frontispiece.extras import extra
from frontispiece.shards.fence import Fence
from frontispiece.stores import Database

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]
Insert = Callable[[AsyncConnection, Sequence[Row]], Awaitable[object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogTable:
    """A table whose rows never change, copied as they come.

    Args:
        table: with a column `bucket`, and an index that begins with it.
        key: the columns that tell a row from all others, in all shards.
        position: the column by which later rows are found, with an index: whole numbers, or a `Moment`.
        overlap: how far back a row may be that is committed after others with a higher position: microseconds
            of a `Moment`; 0 where positions are in the order of commits.
        retention: age of rows that the service deletes, which do not count any more; None where it deletes
            none. Only where the position is a `Moment`.
        insert: inserts rows of other shards, without those that are there already, at positions of this
            shard's own; None where they stay as they are.
    """

    table: sa.Table
    key: Sequence[str]
    position: str
    overlap: int = 0
    retention: timedelta | None = None
    insert: Insert | None = None


Views = Mapping[str, tuple[int, bytes]]
"""What a shard has derived of each thing in some buckets: the thing's version, and a hash of all the rest.

The things are called as in the first column of the first log's key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Movable:
    """The shards of a service.

    Args:
        service: its name, which its map has, too.
        databases: of all shards, open, by their names.
        fence: the table that each of them has.
        logs: what is copied while the source serves; the first one is counted as the size of a bucket.
        states: tables with few rows, which change: copied as a whole while the source is fenced. Each has a
            column `bucket`, and an index that begins with it.
        unpublished: how many messages of these buckets wait in a shard's outbox.
        views: what a shard's read model has of these buckets; None without one. It is compared, not copied:
            each shard makes its own.
        removed: called with a bucket in the transaction that then deletes its rows.
    """

    service: str
    databases: Mapping[str, Database]
    fence: Fence
    logs: Sequence[LogTable]
    states: Sequence[sa.Table]
    unpublished: Callable[[AsyncConnection, Collection[int]], Awaitable[int]]
    views: Callable[[str, Collection[int]], Awaitable[Views]] | None = None
    removed: Callable[[AsyncConnection, int], Awaitable[object]] | None = None

    @property
    def tables(self) -> list[sa.Table]:
        """All that have rows of buckets."""
        return [*(log.table for log in self.logs), *self.states]
