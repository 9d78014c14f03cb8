"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """The first tables."""
    op.create_table(
        "idempotent_answers",
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key"),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="one_to_five_stars"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sku", "author", name="one_review_by_author_and_article"),
    )
    op.create_index("reviews_by_time", "reviews", ["sku", "created_at", "id"], unique=False)
    op.create_table(
        "summaries",
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("rated_1", sa.Integer(), nullable=False),
        sa.Column("rated_2", sa.Integer(), nullable=False),
        sa.Column("rated_3", sa.Integer(), nullable=False),
        sa.Column("rated_4", sa.Integer(), nullable=False),
        sa.Column("rated_5", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sku"),
    )
