"""Shards: order ids by intent, the buckets that are here, and the bucket of each time-out and inbox id.

A database with orders becomes the shard that has all buckets; their orders are their intents, too.
"""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from frontispiece.shards import BUCKETS, bucket_for

revision = "0003"
down_revision = "0002"

BATCH = 1000


def upgrade() -> None:
    """Shards."""
    order_ids, buckets = _create_tables()
    connection = op.get_bind()
    timeouts = sa.Table("timeouts", sa.MetaData(), autoload_with=connection)
    under_way = connection.execute(sa.select(timeouts)).mappings().all()
    op.drop_table("timeouts")
    new_timeouts = _create_timeouts()
    op.add_column("inbox", sa.Column("bucket", sa.SmallInteger(), nullable=True))
    op.create_index("ix_inbox_bucket", "inbox", ["bucket"], unique=False)

    bucket_of: dict[str, int] = {}
    for rows in _orders(connection):
        op.bulk_insert(order_ids, rows)
        bucket_of |= {row["order_id"]: row["bucket"] for row in rows}
    if bucket_of:
        op.bulk_insert(
            buckets, [{"bucket": bucket, "epoch": 1, "state": "open"} for bucket in range(BUCKETS)]
        )
    _add_bucket_of_events()
    op.bulk_insert(new_timeouts, [{**row, "bucket": bucket_of[row["order_id"]]} for row in under_way])


def _add_bucket_of_events() -> None:
    op.add_column("order_events", sa.Column("bucket", sa.SmallInteger(), nullable=True))
    op.execute(
        "UPDATE order_events SET bucket = "
        "(SELECT bucket FROM order_ids WHERE order_ids.order_id = order_events.order_id)"
    )
    with op.batch_alter_table("order_events") as table:
        table.alter_column("bucket", existing_type=sa.SmallInteger(), nullable=False)
    op.create_index("ix_order_events_bucket", "order_events", ["bucket"], unique=False)


def _orders(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    events = sa.table(
        "order_events",
        *map(sa.column, ("order_id", "version", "recorded_at")),
        sa.column("data", sa.JSON),
    )
    placed = sa.select(events.c.order_id, events.c.data, events.c.recorded_at).where(events.c.version == 1)
    for rows in connection.execute(placed).partitions(BATCH):
        yield [
            {
                "intent": order_id,
                "order_id": order_id,
                "bucket": bucket_for(data["owner"]),
                "reserved_at": recorded_at,
            }
            for order_id, data, recorded_at in rows
        ]


def _create_tables() -> tuple[sa.Table, sa.Table]:
    buckets = op.create_table(
        "buckets",
        sa.Column("bucket", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("peer", sa.String(length=63), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bucket"),
    )
    order_ids = op.create_table(
        "order_ids",
        sa.Column("intent", sa.String(length=36), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("intent"),
        sa.UniqueConstraint("order_id"),
    )
    op.create_index("ix_order_ids_reserved_at", "order_ids", ["reserved_at"], unique=False)
    op.create_index("ix_order_ids_bucket", "order_ids", ["bucket"], unique=False)
    return order_ids, buckets


def _create_timeouts() -> sa.Table:
    timeouts = op.create_table(
        "timeouts",
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "step"),
    )
    op.create_index("ix_timeouts_bucket", "timeouts", ["bucket"], unique=False)
    op.create_index("ix_timeouts_due_at", "timeouts", ["due_at"], unique=False)
    return timeouts
