"""A search as SQL: one page in order, the total, and what each facet counts."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.catalog.model import PRICE_STEPS, After, Search, Sort
from services.catalog.search import FullText
from services.catalog.tables import products

ENTRY = tuple(column for column in products.c if column.name not in {"id", "name_key"})
"""The columns that make a product."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """A way to part products by an id that has a name."""

    id: sa.Column[str]
    name: sa.Column[str]


BRANDS = Facet(id=products.c.brand_id, name=products.c.brand_name)
TYPES = Facet(id=products.c.type_id, name=products.c.type_name)


def counted(
    facet: Facet, source: sa.FromClause, *filters: sa.ColumnElement[bool]
) -> sa.Select[str, str, int]:
    """`id`, `name` and `found`: how many products of the source pass the filters."""
    columns = (facet.id.label("id"), sa.func.min(facet.name).label("name"), sa.func.count().label("found"))
    return sa.select(*columns).select_from(source).where(*filters).group_by(facet.id)


class Asked:
    """The statements that answer one search."""

    def __init__(self, wanted: Search, full_text: FullText) -> None:
        self._source: sa.FromClause = products
        relevance: sa.ColumnElement[Any] = sa.literal(0)
        if wanted.words is not None:
            hits = full_text.hits(wanted.words).subquery("hits")
            self._source = products.join(hits, hits.c.id == products.c.id)
            relevance = hits.c.relevance
        self._brand = products.c.brand_id.in_(sorted(wanted.brands)) if wanted.brands else sa.true()
        self._type = products.c.type_id.in_(sorted(wanted.types)) if wanted.types else sa.true()
        self._price = sa.and_(
            products.c.price_amount >= wanted.min_price if wanted.min_price is not None else sa.true(),
            products.c.price_amount <= wanted.max_price if wanted.max_price is not None else sa.true(),
        )
        self._sorted_by = {
            Sort.RELEVANCE: relevance,
            Sort.NAME: products.c.name_key,
            Sort.PRICE: products.c.price_amount,
            Sort.PRICE_FALLING: products.c.price_amount,
        }[wanted.sort]
        self._falling = wanted.sort in {Sort.RELEVANCE, Sort.PRICE_FALLING}

    def page(self, limit: int, after: After | None) -> sa.Select[Any]:
        """The columns of `ENTRY` and `sort_value`, in order, from behind `after`."""
        value, sku = self._sorted_by, products.c.sku
        query = sa.select(*ENTRY, value.label("sort_value")).select_from(self._source)
        query = query.where(self._brand, self._type, self._price)
        if after is not None:
            further = value < after.value if self._falling else value > after.value
            query = query.where(further | ((value == after.value) & (sku > after.sku)))
        return query.order_by(value.desc() if self._falling else value.asc(), sku).limit(limit)

    def total(self) -> sa.Select[int]:
        """How many products there are on all pages."""
        every = sa.select(sa.func.count()).select_from(self._source)
        return every.where(self._brand, self._type, self._price)

    def brands(self) -> sa.Select[str, str, int]:
        """The brands there would be without the brand filter, so that a shopper can change it."""
        return counted(BRANDS, self._source, self._type, self._price)

    def types(self) -> sa.Select[str, str, int]:
        """The types there would be without the type filter."""
        return counted(TYPES, self._source, self._brand, self._price)

    def prices(self) -> sa.Select[Any]:
        """`step` and `found`: the price ranges there would be without the price filter."""
        price = products.c.price_amount
        begins = sa.case(*((price >= step, step) for step in reversed(PRICE_STEPS)), else_=0).label("step")
        parted = sa.select(begins).select_from(self._source).where(self._brand, self._type).subquery()
        return sa.select(parted.c.step, sa.func.count().label("found")).group_by(parted.c.step)
