"""Rows by bucket: all tables are new, and are made of the log when ordering starts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Rows by bucket."""
    op.execute("DELETE FROM generations")
    for name in ("blue", "green"):
        for table in ("order_summaries", "order_details", "day_totals"):
            op.drop_table(f"{table}_{name}")
        _create(name)


def _create(name: str) -> None:
    op.create_table(
        f"day_totals_{name}",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("placed", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "currency", "bucket"),
    )
    op.create_table(
        f"order_details_{name}",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(f"ix_order_details_{name}_bucket", f"order_details_{name}", ["bucket"], unique=False)
    op.create_table(
        f"order_summaries_{name}",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_stuck", sa.Boolean(), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(f"ix_order_summaries_{name}_bucket", f"order_summaries_{name}", ["bucket"], unique=False)
    op.create_index(
        f"order_summaries_{name}_of_owner",
        f"order_summaries_{name}",
        ["owner", "placed_at", "id"],
        unique=False,
    )
    op.create_index(
        f"order_summaries_{name}_stuck",
        f"order_summaries_{name}",
        ["id"],
        unique=False,
        sqlite_where=sa.text("is_stuck"),
        postgresql_where=sa.text("is_stuck"),
    )
