"""Full text: which products hold a shopper's words, by SQLite's FTS5 or PostgreSQL's tsvector.

Texts and questions are cut into words here, for both databases alike, so that both find the same and no
character that a shopper types ever reaches a query language: a word is letters and digits, nothing else.
"""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.catalog.model import Product

LONGEST_WORD = 64
SHORTEST_STEM = 2
"""A word of so few letters has no plural ending."""

SCALE = 10**12
"""Relevance is kept whole, so that a cursor can name it exactly."""

_WORD = re.compile(r"[^\W_]+")
_PLURALS = (("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("ies", "y"), ("ss", "ss"))


def fold(text: str) -> str:
    """The text without case and accents: `Öl` and `ol` are alike."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def words(text: str) -> list[str]:
    """The words of a text, folded, in their order."""
    return [word[:LONGEST_WORD] for word in _WORD.findall(fold(text))]


def singular(word: str) -> str:
    """The word without an English plural ending: `brushes` and `brush` find each other."""
    if len(word) <= SHORTEST_STEM:
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


def _forms(word: str) -> Iterable[str]:
    return dict.fromkeys((word, singular(word)))


class FullText(ABC):
    """The words of all products, in the table `product_search`, which only this module touches."""

    DDL: tuple[str, ...]
    table: sa.TableClause
    row_id: sa.ColumnClause[int]
    insert: str

    async def put(self, tx: AsyncConnection, products: Sequence[tuple[int, Product]]) -> None:
        """Keep the words of these products, by row id, in place of what was kept for them before."""
        await self.remove(tx, [row_id for row_id, _ in products])
        await tx.execute(sa.text(self.insert), [self._row(row_id, product) for row_id, product in products])

    async def remove(self, tx: AsyncConnection, row_ids: Sequence[int]) -> None:
        """Forget the words of these products."""
        rows = [{"gone": row_id} for row_id in row_ids]
        await tx.execute(self.table.delete().where(self.row_id == sa.bindparam("gone")), rows)

    def hits(self, asked: str) -> sa.Select[int, int]:
        """`id` and `relevance` of the products that hold every word; the last word may be half typed.

        A question without any word finds nothing.
        """
        *whole, last = words(asked) or [""]
        if last:
            return self._hits([singular(word) for word in whole], singular(last), last)
        return sa.select(sa.literal(0).label("id"), sa.literal(0).label("relevance")).where(sa.false())

    @abstractmethod
    def _hits(self, whole: Sequence[str], last: str, typed: str) -> sa.Select[int, int]:
        """Products with each of these singulars, and with `last` or anything that begins as `typed`."""

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
        for name, found in zip(("title", "kind", "body"), _fields(product), strict=True):
            row[name] = " ".join(form for word in found for form in _forms(word))
        return row

    def _hits(self, whole: Sequence[str], last: str, typed: str) -> sa.Select[int, int]:
        question = " AND ".join([*(f'"{word}"' for word in whole), f'("{last}" OR "{typed}"*)'])
        rank = f"CAST(-bm25(product_search, 8.0, 4.0, 1.0) * {SCALE} AS INTEGER)"
        relevance: sa.ColumnClause[int] = sa.literal_column(rank, sa.BigInteger)
        matching = sa.text("product_search MATCH :question").bindparams(question=question)
        query = sa.select(self.row_id.label("id"), relevance.label("relevance"))
        return query.select_from(self.table).where(matching)


class TsVector(FullText):
    """PostgreSQL's words with places and weights, under a GIN index."""

    DDL = (
        "CREATE TABLE product_search (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        "CREATE INDEX product_search_words ON product_search USING gin (words)",
    )
    row_id: sa.ColumnClause[int] = sa.column("id", sa.BigInteger)
    lexemes: sa.ColumnClause[str] = sa.column("words", postgresql.TSVECTOR)
    table = sa.table("product_search", row_id, lexemes)
    insert = "INSERT INTO product_search (id, words) VALUES (:id, CAST(:words AS tsvector))"

    def _row(self, row_id: int, product: Product) -> dict[str, Any]:
        weighed = zip("ABD", _fields(product), strict=True)
        placed = enumerate(((word, weight) for weight, found in weighed for word in found), 1)
        lexemes = [f"'{form}':{place}{weight}" for place, (word, weight) in placed for form in _forms(word)]
        return {"id": row_id, "words": " ".join(lexemes)}

    def _hits(self, whole: Sequence[str], last: str, typed: str) -> sa.Select[int, int]:
        parts = [*(f"'{word}'" for word in whole), f"('{last}' | '{typed}':*)"]
        question = sa.cast(" & ".join(parts), postgresql.TSQUERY)
        rank = sa.cast(sa.func.ts_rank(self.lexemes, question), sa.Double)
        relevance = sa.cast(rank * SCALE, sa.BigInteger)
        query = sa.select(self.row_id.label("id"), relevance.label("relevance"))
        return query.select_from(self.table).where(self.lexemes.bool_op("@@")(question))


_KINDS: Mapping[str, type[Fts5 | TsVector]] = {"sqlite": Fts5, "postgresql": TsVector}


def full_text(dialect: str) -> FullText:
    """The full text of this database."""
    return _KINDS[dialect]()


def create_with(products: sa.Table) -> None:
    """Let the full text's table be created whenever the products' is."""

    def create(_products: sa.Table, connection: sa.Connection, **_how: Any) -> None:
        for statement in _KINDS[connection.dialect.name].DDL:
            connection.exec_driver_sql(statement)

    sa.event.listen(products, "after_create", create)
