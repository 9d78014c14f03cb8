"""What has changed since when."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """What has changed since when: the products that are there are the first changes."""
    op.create_table(
        "changes",
        sa.Column(
            "sku",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sku"),
        sa.UniqueConstraint("position"),
    )
    op.create_index(op.f("ix_changes_removed_at"), "changes", ["removed_at"], unique=False)
    log = op.create_table(
        "change_log",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("history", sa.String(length=32), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("forgotten", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(
        "INSERT INTO changes (sku, position) SELECT sku, row_number() OVER (ORDER BY id) FROM products"
    )
    count = op.get_bind().scalar(sa.text("SELECT count(*) FROM products"))
    op.execute(log.insert().values(id=1, history=uuid4().hex, position=count, forgotten=0))
