"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

FULL_TEXT = {
    "sqlite": [
        "CREATE VIRTUAL TABLE product_search USING fts5(title, kind, body, tokenize='ascii', prefix='2 3')"
    ],
    "postgresql": [
        "CREATE TABLE product_search (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX product_search_words ON product_search USING gin (words)",
    ],
}


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
        "products",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "sku",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "name_key", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False
        ),
        sa.Column("brand_id", sa.String(length=64), nullable=False),
        sa.Column("brand_name", sa.String(length=200), nullable=False),
        sa.Column("type_id", sa.String(length=64), nullable=False),
        sa.Column("type_name", sa.String(length=200), nullable=False),
        sa.Column("price_amount", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sku"),
    )
    op.create_index(op.f("ix_products_brand_id"), "products", ["brand_id"], unique=False)
    op.create_index(op.f("ix_products_type_id"), "products", ["type_id"], unique=False)
    op.create_index("products_by_name", "products", ["name_key", "sku"], unique=False)
    op.create_index("products_by_price", "products", ["price_amount", "sku"], unique=False)
    for statement in FULL_TEXT[op.get_context().dialect.name]:
        op.execute(statement)
