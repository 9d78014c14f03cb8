"""Catalog's database: a product is a document, beside the columns that are searched, sorted and counted."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.events import EventData, FactLog, Outbox
from frontispiece.service import IdempotencyRecords, Intent
from frontispiece.stores import SqlStore
from services.catalog.changes import ChangeLog
from services.catalog.events import PriceChanged, ProductAdded, ProductRemoved
from services.catalog.model import (
    ChangePosition,
    Changes,
    Count,
    Named,
    Position,
    Product,
    Search,
    SearchResult,
    StoredProduct,
    price_ranges,
)
from services.catalog.search import Facet, FullText, SearchStatements, count_by, create_with, fold, full_text
from shop.fields import SKU
from shop.money import Money
from shop.replay import RETENTION

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

create_with(products)

idempotency_records = IdempotencyRecords(metadata)
facts = FactLog(metadata, {ProductAdded, PriceChanged}, retention=RETENTION)
outbox = Outbox(metadata, source="catalog", log=facts)
change_log = ChangeLog(metadata, products.c.sku)

PUT_AT_ONCE: Final = 100
"""Products between two turns of the event loop: an import has up to 10,000, of 0.3 ms each."""

PRODUCT_COLUMNS = tuple(column for column in products.c if column.name not in {"id", "name_key"})

BRANDS = Facet(id=products.c.brand_id, name=products.c.brand_name)
TYPES = Facet(id=products.c.type_id, name=products.c.type_name)

_OF_SKUS = sa.select(*PRODUCT_COLUMNS).where(products.c.sku.in_(sa.bindparam("skus", expanding=True)))


class Store(SqlStore):
    """Products in one database; every method is one transaction.

    Reads with a `min_position` may come from a replica: see `Database.read`.
    """

    main_table = products
    migrations = "services.catalog.migrations"

    @cached_property
    def _full_text(self) -> FullText:
        return full_text(self.database.dialect)

    async def find(self, skus: Iterable[str], *, min_position: int | None = None) -> dict[str, StoredProduct]:
        """The products with these skus, by sku; unknown skus are left out."""
        possible = [sku for sku in skus if re.fullmatch(SKU, sku)]
        async with self.database.read(min_position) as tx:
            return {row.sku: _product(row) for row in await tx.execute(_OF_SKUS, {"skus": possible})}

    async def search(
        self,
        search: Search,
        *,
        limit: int,
        after: Position | None = None,
        min_position: int | None = None,
    ) -> SearchResult:
        """One page of the products that match, with the facets' counts."""
        statements = SearchStatements(products, search, self._full_text)
        async with self.database.read(min_position) as tx:
            rows = (await tx.execute(statements.page(PRODUCT_COLUMNS, limit + 1, after))).all()
            total = (await tx.execute(statements.total())).scalar_one()
            brands = _counts(await tx.execute(statements.brands(BRANDS)))
            types = _counts(await tx.execute(statements.types(TYPES)))
            prices = {row.step: row.number for row in await tx.execute(statements.prices())}
        last = rows[limit - 1] if len(rows) > limit else None
        return SearchResult(
            products=tuple(_product(row) for row in rows[:limit]),
            after=Position(value=last.sort_value, sku=last.sku) if last else None,
            total=total,
            brands=brands,
            types=types,
            prices=price_ranges(prices),
        )

    async def changes(self, after: ChangePosition | None, limit: int) -> Changes:
        """What has changed after a position; without one, all products.

        Never from a replica, which may not have what the client has seen, and would call its position false.

        Raises:
            PositionExpired: the client has to begin anew.
        """
        async with self.database.read() as tx:
            found = await change_log.read(tx, PRODUCT_COLUMNS, after, limit)
        return Changes(
            products=tuple(_product(row) for row in found.rows if row.removed_at is None),
            removed=tuple(row.sku for row in found.rows if row.removed_at is not None),
            after=found.after,
            more=found.more,
        )

    async def brands(self, *, min_position: int | None = None) -> tuple[Count, ...]:
        """Every brand that has products."""
        return await self._all(BRANDS, min_position)

    async def types(self, *, min_position: int | None = None) -> tuple[Count, ...]:
        """Every type that has products."""
        return await self._all(TYPES, min_position)

    async def add(self, new: Iterable[Product]) -> None:
        """Insert or replace products, at least one, all or none; those that are new are not announced."""
        async with self.database.write() as tx:
            await self._put_all(tx, list(new), announce=False)

    async def import_products(self, intent: Intent, new: Sequence[Product]) -> int:
        """`add`, done once for an intent and announced; returns how many products were imported."""
        async with self.database.write() as tx:
            first: int | None = await idempotency_records.find(tx, intent)
            if first is not None:
                return first
            await idempotency_records.save(tx, intent, len(new))
            await self._put_all(tx, new, announce=True)
            return len(new)

    async def put(self, product: Product, version: int | None) -> StoredProduct | None:
        """Insert a product (`version` None) or replace its current version.

        Returns None when `version` is not the current one.
        """
        row = _row(product)
        write: sa.sql.dml.ReturningInsert[Any] | sa.sql.dml.ReturningUpdate[Any]
        if version is None:
            new = self._insert(products).values(**row, version=self._first_version()).on_conflict_do_nothing()
            write = new.returning(products.c.id, products.c.version)
        else:
            current = (products.c.sku == product.sku) & (products.c.version == version)
            change = products.update().where(current).values(**row, version=version + 1)
            write = change.returning(products.c.id, products.c.version)
        async with self.database.write() as tx:
            before = (await _locked(tx, [product.sku])).get(product.sku)
            written = (await tx.execute(write)).one_or_none()
            if written is None:
                return None
            await self._full_text.put(tx, [(written.id, product)])
            if before is None:
                await outbox.add(tx, ProductAdded.of(product, written.version), subject=product.sku)
            elif before.price != product.price:
                changed = PriceChanged.of(product, before.price, written.version)
                await outbox.add(tx, changed, subject=product.sku)
            if before != product:
                await change_log.record(tx, [product.sku])
            return StoredProduct(product=product, version=written.version)

    async def remove(self, sku: str, version: int) -> bool:
        """Delete a product; False when `version` is not the current one."""
        current = (products.c.sku == sku) & (products.c.version == version)
        async with self.database.write() as tx:
            row_id = (await tx.execute(products.delete().where(current).returning(products.c.id))).scalar()
            if row_id is not None:
                await self._full_text.remove(tx, [row_id])
                await outbox.add(tx, ProductRemoved(sku=sku, version=version + 1), subject=sku)
                await change_log.record_removal(tx, sku, self._now())
            return row_id is not None

    async def _all(self, facet: Facet, min_position: int | None) -> tuple[Count, ...]:
        async with self.database.read(min_position) as tx:
            return _counts(await tx.execute(count_by(facet, products)))

    async def _put_all(self, tx: AsyncConnection, new: Sequence[Product], *, announce: bool) -> None:
        ordered = sorted(new, key=lambda product: product.sku)  # every writer takes its locks in this order
        changed: list[str] = []
        for start in range(0, len(ordered), PUT_AT_ONCE):
            await asyncio.sleep(0)
            changed += await self._put_some(tx, ordered[start : start + PUT_AT_ONCE], announce=announce)
        await change_log.record(tx, changed)

    async def _put_some(
        self, tx: AsyncConnection, ordered: Sequence[Product], *, announce: bool
    ) -> list[str]:
        """Returns the skus of those that are not as they were."""
        first = self._first_version()
        insert = self._insert(products)
        replaced = {name: insert.excluded[name] for name in _row(ordered[0])}
        upsert = insert.on_conflict_do_update(
            index_elements=[products.c.sku], set_={**replaced, "version": products.c.version + 1}
        ).returning(products.c.id, products.c.sku, products.c.version)
        before = await _locked(tx, [product.sku for product in ordered])
        result = await tx.execute(upsert, [{**_row(product), "version": first} for product in ordered])
        written = {row.sku: row for row in result}
        await self._full_text.put(tx, [(written[product.sku].id, product) for product in ordered])
        changed = [product for product in ordered if before.get(product.sku) != product]
        news: list[tuple[EventData, str]] = []
        for product in changed:
            old, version = before.get(product.sku), written[product.sku].version
            if version != first:  # one that another writer has just created has no price before
                if old is None or old.price != product.price:
                    changed_price = PriceChanged.of(product, old.price if old else None, version)
                    news.append((changed_price, product.sku))
            elif announce:
                news.append((ProductAdded.of(product, version), product.sku))
        await outbox.add_all(tx, news)
        return [product.sku for product in changed]

    def _first_version(self) -> int:
        # The time in microseconds: a sku that was deleted and comes back must not repeat an old version.
        return int(self._now().timestamp() * 1_000_000)


async def _locked(tx: AsyncConnection, skus: Sequence[str]) -> dict[str, Product]:
    """Those of these products that exist, which stay as they are until the transaction ends."""
    found = sa.select(*PRODUCT_COLUMNS).where(products.c.sku.in_(skus))
    query = found.order_by(products.c.sku).with_for_update()
    return {row.sku: _product(row).product for row in await tx.execute(query)}


def _row(product: Product) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "name_key": fold(product.name),
        "brand_id": product.brand.id,
        "brand_name": product.brand.name,
        "type_id": product.type.id,
        "type_name": product.type.name,
        "price_amount": product.price.amount,
        "document": {
            "name": product.name,
            "description": product.description,
            "currency": product.price.currency,
            "attributes": dict(product.attributes),
            "related": list(product.related),
        },
    }


def _product(row: sa.Row[Any]) -> StoredProduct:
    document = row.document
    product = Product(
        sku=row.sku,
        name=document["name"],
        description=document["description"],
        brand=Named(id=row.brand_id, name=row.brand_name),
        type=Named(id=row.type_id, name=row.type_name),
        price=Money(amount=row.price_amount, currency=document["currency"]),
        attributes=document["attributes"],
        related=tuple(document["related"]),
    )
    return StoredProduct(product=product, version=row.version)


def _counts(rows: Iterable[sa.Row[Any]]) -> tuple[Count, ...]:
    counts = [Count(id=row.id, name=row.name, count=row.number) for row in rows]
    return tuple(sorted(counts, key=lambda count: (fold(count.name), count.id)))
