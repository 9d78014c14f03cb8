"""Catalog's table: a product as a document, and beside it what is searched, sorted and counted."""

import sqlalchemy as sa

from services.catalog import search

metadata = sa.MetaData()


def _bytewise(length: int | None = None) -> sa.types.TypeEngine[str]:
    """Text that both databases sort alike."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


products = sa.Table(
    "products",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    sa.Column("sku", _bytewise(64), nullable=False, unique=True),
    sa.Column("name_key", _bytewise(), nullable=False),  # the name without case and accents
    sa.Column("brand_id", sa.String(64), nullable=False, index=True),
    sa.Column("brand_name", sa.String(200), nullable=False),
    sa.Column("type_id", sa.String(64), nullable=False, index=True),
    sa.Column("type_name", sa.String(200), nullable=False),
    sa.Column("price_amount", sa.BigInteger, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("products_by_name", "name_key", "sku"),
    sa.Index("products_by_price", "price_amount", "sku"),
)

search.create_with(products)
