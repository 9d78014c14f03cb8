"""Orders as streams of events, and messages in and out.

An order of before becomes the events that it would have had: `confirmed` ones were sold and are completed;
`pending` ones had no process that would ever end them, and are cancelled (`timed-out`). Units of these that
inventory holds expire there on their own.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ENDS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "confirmed": [("confirmed", {}), ("completed", {})],
    "pending": [
        ("cancellation-started", {"reason": "timed-out"}),
        ("cancelled", {"reason": "timed-out"}),
    ],
}
"""The events after `placed`, by the status of an order."""


def upgrade() -> None:
    """Orders as streams of events, and messages in and out."""
    events = _create_streams()
    _create_messages()
    orders = sa.Table("orders", sa.MetaData(), autoload_with=op.get_bind())
    position = 0
    for order in op.get_bind().execute(sa.select(orders).order_by(orders.c.placed_at, orders.c.id)).all():
        rows = _stream(order, position)
        op.bulk_insert(events, rows)
        position += len(rows)
    op.drop_table("orders")


def _stream(order: sa.Row[Any], position: int) -> list[dict[str, Any]]:
    placed_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=order.placed_at)
    placed = {
        "owner": order.owner,
        "digest": order.digest,
        "currency": order.currency,
        "lines": order.lines,
        "placed_at": placed_at.isoformat().replace("+00:00", "Z"),
    }
    return [
        {
            "position": position + version,
            "order_id": order.id,
            "version": version,
            "type": name,
            "schema_version": 1,
            "data": data,
            "recorded_at": order.placed_at,
        }
        for version, (name, data) in enumerate([("placed", placed), *ENDS[order.status]], 1)
    ]


def _create_streams() -> sa.Table:
    events = op.create_table(
        "order_events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("order_id", "version", name="order_events_of_order"),
    )
    op.create_table(
        "order_snapshots",
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_table(
        "timeouts",
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("order_id", "step"),
    )
    op.create_index("ix_timeouts_due_at", "timeouts", ["due_at"], unique=False)
    return events


def _create_messages() -> None:
    op.create_table(
        "inbox",
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_index("ix_inbox_recorded_at", "inbox", ["recorded_at"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("broker_subject", sa.String(length=200), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
    )
