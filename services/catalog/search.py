"""Search as SQL: full text by SQLite's FTS5 or PostgreSQL's tsvector, filters, order and facets.

Texts and queries are split into words here, for both databases alike, so that both find the same and no
character that a shopper types ever reaches a query language: a word is letters and digits, nothing else.
"""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.catalog.model import PRICE_STEPS, Position, Product, Search, Sort

MAX_WORD_LENGTH = 64
MAX_UNINFLECTED = 2
"""A word of so few letters has no plural ending."""

SCALE = 10**12
"""Relevance is scaled to an integer, so that a cursor can hold it exactly."""

_WORD = re.compile(r"[^\W_]+")
_PLURALS = (("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("ies", "y"), ("ss", "ss"))


def fold(text: str) -> str:
    """The text without case and accents: `Öl` is `ol`."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def words(text: str) -> list[str]:
    """The words of a text, folded, in their order."""
    return [word[:MAX_WORD_LENGTH] for word in _WORD.findall(fold(text))]


def singular(word: str) -> str:
    """The word without an English plural ending: `brushes` and `brush` find each other."""
    if len(word) <= MAX_UNINFLECTED:
        return word
    for plural, ending in _PLURALS:
        if word.endswith(plural):
            return word.removesuffix(plural) + ending
    return word.removesuffix("s") if word.isalpha() else word


def _texts(value: Any) -> Iterable[str]:
    """Every text and number in a JSON value, names of members left out."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _fields(product: Product) -> tuple[list[str], list[str], list[str]]:
    """A product's words by weight: its name and sku, its brand and type, all the rest."""
    title = words(f"{product.name} {product.sku}")
    kind = words(f"{product.brand.name} {product.type.name}")
    return title, kind, words(" ".join([product.description, *_texts(product.attributes)]))


@lru_cache(maxsize=10_000)
def _forms(word: str) -> Sequence[str]:
    return tuple(dict.fromkeys((word, singular(word))))


class FullText(ABC):
    """The index of all products' words: the table `product_search`."""

    DDL: tuple[str, ...]
    table: sa.TableClause
    row_id: sa.ColumnClause[int]
    insert: str

    async def put(self, tx: AsyncConnection, products: Sequence[tuple[int, Product]]) -> None:
        """Index these products, by row id; their former words are replaced."""
        await self.remove(tx, [row_id for row_id, _ in products])
        await tx.execute(sa.text(self.insert), [self._row(row_id, product) for row_id, product in products])

    async def remove(self, tx: AsyncConnection, row_ids: Sequence[int]) -> None:
        """Remove these products from the index."""
        rows = [{"removed": row_id} for row_id in row_ids]
        await tx.execute(self.table.delete().where(self.row_id == sa.bindparam("removed")), rows)

    def hits(self, text: str) -> sa.Select[int, int]:
        """`id` and `relevance` of the products that hold every word; the last word may be incomplete.

        A text without any word finds nothing.
        """
        *whole, last = words(text) or [""]
        if last:
            return self._hits([singular(word) for word in whole], singular(last), last)
        return sa.select(sa.literal(0).label("id"), sa.literal(0).label("relevance")).where(sa.false())

    @abstractmethod
    def _hits(self, whole: Sequence[str], last: str, prefix: str) -> sa.Select[int, int]:
        """Products with each of these singulars, and with `last` or any word that starts with `prefix`."""

    @abstractmethod
    def _row(self, row_id: int, product: Product) -> dict[str, Any]: ...


class Fts5(FullText):
    """SQLite's virtual table; its `ascii` tokenizer cuts at the spaces between our words and nowhere else."""

    OPTIONS = "tokenize = 'ascii', prefix = '2 3'"
    DDL = (f"CREATE VIRTUAL TABLE product_search USING fts5(title, kind, body, {OPTIONS})",)
    row_id: sa.ColumnClause[int] = sa.column("rowid", sa.Integer)
    table = sa.table("product_search", row_id)
    insert = "INSERT INTO product_search (rowid, title, kind, body) VALUES (:id, :title, :kind, :body)"

    def _row(self, row_id: int, product: Product) -> dict[str, Any]:
        row: dict[str, Any] = {"id": row_id}
        for name, field in zip(("title", "kind", "body"), _fields(product), strict=True):
            row[name] = " ".join(form for word in field for form in _forms(word))
        return row

    def _hits(self, whole: Sequence[str], last: str, prefix: str) -> sa.Select[int, int]:
        query = " AND ".join([*(f'"{word}"' for word in whole), f'("{last}" OR "{prefix}"*)'])
        rank = f"CAST(-bm25(product_search, 8.0, 4.0, 1.0) * {SCALE} AS INTEGER)"
        relevance: sa.ColumnClause[int] = sa.literal_column(rank, sa.BigInteger)
        matching = sa.text("product_search MATCH :query").bindparams(query=query)
        hits = sa.select(self.row_id.label("id"), relevance.label("relevance"))
        return hits.select_from(self.table).where(matching)


class TsVector(FullText):
    """PostgreSQL's words with positions and weights, under a GIN index."""

    DDL = (
        "CREATE TABLE product_search (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX product_search_words ON product_search USING gin (words)",
    )
    row_id: sa.ColumnClause[int] = sa.column("id", sa.BigInteger)
    lexemes: sa.ColumnClause[str] = sa.column("words", postgresql.TSVECTOR)
    table = sa.table("product_search", row_id, lexemes)
    insert = "INSERT INTO product_search (id, words) VALUES (:id, CAST(:words AS tsvector))"

    def _row(self, row_id: int, product: Product) -> dict[str, Any]:
        weighted = zip("ABD", _fields(product), strict=True)
        numbered = enumerate(((word, weight) for weight, field in weighted for word in field), 1)
        lexemes = [f"'{form}':{place}{weight}" for place, (word, weight) in numbered for form in _forms(word)]
        return {"id": row_id, "words": " ".join(lexemes)}

    def _hits(self, whole: Sequence[str], last: str, prefix: str) -> sa.Select[int, int]:
        parts = [*(f"'{word}'" for word in whole), f"('{last}' | '{prefix}':*)"]
        query = sa.cast(" & ".join(parts), postgresql.TSQUERY)
        rank = sa.cast(sa.func.ts_rank(self.lexemes, query), sa.Double)
        relevance = sa.cast(rank * SCALE, sa.BigInteger)
        hits = sa.select(self.row_id.label("id"), relevance.label("relevance"))
        return hits.select_from(self.table).where(self.lexemes.bool_op("@@")(query))


_KINDS: Mapping[str, type[Fts5 | TsVector]] = {"sqlite": Fts5, "postgresql": TsVector}


def full_text(dialect: str) -> FullText:
    """The full-text index of a database of this dialect."""
    return _KINDS[dialect]()


def create_with(products: sa.Table) -> None:
    """Create the full-text table whenever the products' table is created."""

    def create(_products: sa.Table, connection: sa.Connection, **_how: Any) -> None:
        for statement in _KINDS[connection.dialect.name].DDL:
            connection.exec_driver_sql(statement)

    sa.event.listen(products, "after_create", create)


@dataclass(frozen=True, kw_only=True, slots=True)
class Facet:
    """Two columns to count products by: an id and its name."""

    id: sa.Column[str]
    name: sa.Column[str]


def count_by(
    facet: Facet, source: sa.FromClause, *filters: sa.ColumnElement[bool]
) -> sa.Select[str, str, int]:
    """`id`, `name` and `number`: how many products of the source pass the filters."""
    columns = (facet.id.label("id"), sa.func.min(facet.name).label("name"), sa.func.count().label("number"))
    return sa.select(*columns).select_from(source).where(*filters).group_by(facet.id)


class SearchStatements:
    """The statements of one search."""

    def __init__(self, products: sa.Table, search: Search, index: FullText) -> None:
        self._products = products
        self._source: sa.FromClause = products
        relevance: sa.ColumnElement[Any] = sa.literal(0)
        if search.words is not None:
            hits = index.hits(search.words).subquery("hits")
            self._source = products.join(hits, hits.c.id == products.c.id)
            relevance = hits.c.relevance
        self._brand = products.c.brand_id.in_(sorted(search.brands)) if search.brands else sa.true()
        self._type = products.c.type_id.in_(sorted(search.types)) if search.types else sa.true()
        self._price = sa.and_(
            products.c.price_amount >= search.min_price if search.min_price is not None else sa.true(),
            products.c.price_amount <= search.max_price if search.max_price is not None else sa.true(),
        )
        self._sort_column = {
            Sort.RELEVANCE: relevance,
            Sort.NAME: products.c.name_key,
            Sort.PRICE: products.c.price_amount,
            Sort.PRICE_DESCENDING: products.c.price_amount,
        }[search.sort]
        self._descending = search.sort in {Sort.RELEVANCE, Sort.PRICE_DESCENDING}

    def page(self, columns: Sequence[sa.Column[Any]], limit: int, after: Position | None) -> sa.Select[Any]:
        """These columns and `sort_value`, in order, from behind `after`."""
        value, sku = self._sort_column, self._products.c.sku
        query = sa.select(*columns, value.label("sort_value")).select_from(self._source)
        query = query.where(self._brand, self._type, self._price)
        if after is not None:
            behind = value < after.value if self._descending else value > after.value
            query = query.where(behind | ((value == after.value) & (sku > after.sku)))
        return query.order_by(value.desc() if self._descending else value.asc(), sku).limit(limit)

    def total(self) -> sa.Select[int]:
        """How many products there are on all pages together."""
        every = sa.select(sa.func.count()).select_from(self._source)
        return every.where(self._brand, self._type, self._price)

    def brands(self, facet: Facet) -> sa.Select[str, str, int]:
        """The brands there would be without the brand filter, so that a shopper can change it."""
        return count_by(facet, self._source, self._type, self._price)

    def types(self, facet: Facet) -> sa.Select[str, str, int]:
        """The types there would be without the type filter."""
        return count_by(facet, self._source, self._brand, self._price)

    def prices(self) -> sa.Select[Any]:
        """`step` and `number`: the price ranges there would be without the price filter."""
        price = self._products.c.price_amount
        start = sa.case(*((price >= step, step) for step in reversed(PRICE_STEPS)), else_=0).label("step")
        starts = sa.select(start).select_from(self._source).where(self._brand, self._type).subquery()
        return sa.select(starts.c.step, sa.func.count().label("number")).group_by(starts.c.step)
