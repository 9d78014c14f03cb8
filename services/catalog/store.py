"""What catalog keeps: products as documents, with the columns that finding them needs."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from kit.idempotency import Answers, Intent
from kit.money import Money
from services.catalog import queries
from services.catalog.model import SKU, After, Count, Entry, Found, Named, Product, Search, price_ranges
from services.catalog.search import fold, full_text
from services.catalog.tables import metadata, products

answers = Answers(metadata)


class Store:
    """Products in one database; every method is one transaction."""

    def __init__(self, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = Database(url, metadata)
        self._full_text = full_text(self.database.dialect)
        self._now = now

    async def is_empty(self) -> bool:
        """Whether there is no product at all yet."""
        async with self.database.read() as tx:
            return (await tx.execute(sa.select(products.c.sku).limit(1))).first() is None

    async def entries(self, skus: Iterable[str]) -> dict[str, Entry]:
        """Those of these products that are known."""
        possible = [sku for sku in skus if re.fullmatch(SKU, sku)]
        async with self.database.read() as tx:
            rows = await tx.execute(sa.select(*queries.ENTRY).where(products.c.sku.in_(possible)))
            return {row.sku: _entry(row) for row in rows}

    async def search(self, wanted: Search, *, limit: int, after: After | None = None) -> Found:
        """The products that fit, in their order, with the counts of what other filters would find."""
        asked = queries.Asked(wanted, self._full_text)
        async with self.database.read() as tx:
            rows = (await tx.execute(asked.page(limit + 1, after))).all()
            total = (await tx.execute(asked.total())).scalar_one()
            brands = _counts(await tx.execute(asked.brands()))
            types = _counts(await tx.execute(asked.types()))
            prices = {row.step: row.found for row in await tx.execute(asked.prices())}
        last = rows[limit - 1] if len(rows) > limit else None
        return Found(
            entries=tuple(_entry(row) for row in rows[:limit]),
            after=After(value=last.sort_value, sku=last.sku) if last else None,
            total=total,
            brands=brands,
            types=types,
            prices=price_ranges(prices),
        )

    async def brands(self) -> tuple[Count, ...]:
        """Every brand that has products."""
        return await self._all(queries.BRANDS)

    async def types(self) -> tuple[Count, ...]:
        """Every type that has products."""
        return await self._all(queries.TYPES)

    async def add(self, new: Iterable[Product]) -> None:
        """Enter products, all or none; one that is known already is replaced."""
        async with self.database.write() as tx:
            await self._put_all(tx, list(new))

    async def bring_in(self, intent: Intent, new: Sequence[Product]) -> int:
        """`add` for an intent, which is carried out once; returns how many products came in."""
        async with self.database.write() as tx:
            before: int | None = await answers.first(tx, intent)
            if before is not None:
                return before
            await answers.keep(tx, intent, len(new))
            await self._put_all(tx, new)
            return len(new)

    async def put(self, product: Product, version: int | None) -> Entry | None:
        """Write one product; `version` is the one last seen, None for a new product.

        Returns None when the version is not the current one.
        """
        row = _row(product)
        write: sa.sql.dml.ReturningInsert[Any] | sa.sql.dml.ReturningUpdate[Any]
        if version is None:
            new = self._insert().values(**row, version=self._first_version()).on_conflict_do_nothing()
            write = new.returning(products.c.id, products.c.version)
        else:
            current = (products.c.sku == product.sku) & (products.c.version == version)
            change = products.update().where(current).values(**row, version=version + 1)
            write = change.returning(products.c.id, products.c.version)
        async with self.database.write() as tx:
            written = (await tx.execute(write)).one_or_none()
            if written is None:
                return None
            await self._full_text.put(tx, [(written.id, product)])
            return Entry(product=product, version=written.version)

    async def remove(self, sku: str, version: int) -> bool:
        """Take a product out of the catalog; False when the version is not the current one."""
        current = (products.c.sku == sku) & (products.c.version == version)
        async with self.database.write() as tx:
            gone = (await tx.execute(products.delete().where(current).returning(products.c.id))).scalar()
            if gone is not None:
                await self._full_text.remove(tx, [gone])
            return gone is not None

    async def _all(self, facet: queries.Facet) -> tuple[Count, ...]:
        async with self.database.read() as tx:
            return _counts(await tx.execute(queries.counted(facet, products)))

    async def _put_all(self, tx: AsyncConnection, new: Sequence[Product]) -> None:
        if not new:
            return
        ordered = sorted(new, key=lambda product: product.sku)  # every writer takes its locks in this order
        first = self._first_version()
        insert = self._insert()
        change = {name: insert.excluded[name] for name in _row(ordered[0])}
        upsert = insert.on_conflict_do_update(
            index_elements=[products.c.sku], set_={**change, "version": products.c.version + 1}
        ).returning(products.c.id, products.c.sku)
        written = await tx.execute(upsert, [{**_row(product), "version": first} for product in ordered])
        ids = {row.sku: row.id for row in written}
        await self._full_text.put(tx, [(ids[product.sku], product) for product in ordered])

    def _insert(self) -> postgresql.Insert | sqlite.Insert:
        postgres = self.database.dialect == "postgresql"
        return postgresql.insert(products) if postgres else sqlite.insert(products)

    def _first_version(self) -> int:
        # The moment, in microseconds: a sku that was deleted and comes back must not repeat an old version.
        return int(self._now().timestamp() * 1_000_000)


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


def _entry(row: sa.Row[Any]) -> Entry:
    kept = row.document
    product = Product(
        sku=row.sku,
        name=kept["name"],
        description=kept["description"],
        brand=Named(id=row.brand_id, name=row.brand_name),
        type=Named(id=row.type_id, name=row.type_name),
        price=Money(amount=row.price_amount, currency=kept["currency"]),
        attributes=kept["attributes"],
        related=tuple(kept["related"]),
    )
    return Entry(product=product, version=row.version)


def _counts(rows: Iterable[sa.Row[Any]]) -> tuple[Count, ...]:
    counts = [Count(id=row.id, name=row.name, count=row.found) for row in rows]
    return tuple(sorted(counts, key=lambda count: (fold(count.name), count.id)))
