"""What was sold on a day: the tables are made of the log again when ordering starts."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """What was sold on a day."""
    op.execute("DELETE FROM generations")
    for name in ("blue", "green"):
        for table in ("order_summaries", "order_details", "day_totals"):
            op.execute(f"DELETE FROM {table}_{name}")  # noqa: S608 (names of ours)
        op.create_table(
            f"day_products_{name}",
            sa.Column("day", sa.String(length=10), nullable=False),
            sa.Column("sku", sa.String(length=64), nullable=False),
            sa.Column("bucket", sa.SmallInteger(), nullable=False),
            sa.Column("pieces", sa.Integer(), nullable=False),
            sa.PrimaryKeyConstraint("day", "sku", "bucket"),
        )
        op.create_index(
            f"order_summaries_{name}_newest", f"order_summaries_{name}", ["placed_at", "id"], unique=False
        )
