"""What discount keeps: a table of price rules, and the first answers to their creation."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from kit.idempotency import Answers, Intent
from services.discount.model import (
    EVERY_ARTICLE,
    MOST_PERCENT,
    NO_COUPON,
    Discount,
    Outdated,
    Terms,
    Unknown,
    best,
)

metadata = sa.MetaData()

discounts = sa.Table(
    "discounts",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("percent", sa.Integer, nullable=False),
    sa.Column("coupon", sa.String(40), nullable=False),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.CheckConstraint(f"percent BETWEEN 1 AND {MOST_PERCENT}", name="percent_in_bounds"),
    sa.Index("discounts_by_article", "sku", "coupon"),
)

answers = Answers(metadata)


class Store:
    """Price rules in one database; every method is one transaction."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, metadata)

    async def is_empty(self) -> bool:
        """Whether there is no rule at all yet."""
        async with self.database.read() as tx:
            return (await tx.execute(sa.select(discounts.c.id).limit(1))).first() is None

    async def add(self, rules: Iterable[Terms]) -> None:
        """Put new rules in force, all or none."""
        async with self.database.write() as tx:
            await tx.execute(discounts.insert(), [asdict(_new(terms)) for terms in rules])

    async def discount(self, discount_id: str) -> Discount:
        """One rule.

        Raises:
            Unknown: there is none with this id.
        """
        async with self.database.read() as tx:
            return await _discount(tx, discount_id)

    async def best(self, skus: Sequence[str], coupon: str) -> dict[str, Discount]:
        """The best rule of each of these articles that has one, for a customer with this coupon."""
        applies = discounts.c.sku.in_([*skus, EVERY_ARTICLE]) & discounts.c.coupon.in_([NO_COUPON, coupon])
        place = sa.func.row_number().over(
            partition_by=discounts.c.sku,
            order_by=(discounts.c.percent.desc(), discounts.c.coupon, discounts.c.id),
        )
        ranked = sa.select(discounts, place.label("place")).where(applies).subquery()
        firsts = sa.select(*(ranked.c[column.name] for column in discounts.c)).where(ranked.c.place == 1)
        async with self.database.read() as tx:
            applying = [Discount(**row._mapping) for row in await tx.execute(firsts)]
        chosen = ((sku, best(applying, sku)) for sku in skus)
        return {sku: discount for sku, discount in chosen if discount is not None}

    async def create(self, intent: Intent, terms: Terms) -> Discount:
        """Put a rule in force; the same intent puts it in force once and gives the same answer."""
        async with self.database.write() as tx:
            known = await answers.first(tx, intent)
            if known is not None:
                return Discount(**known)
            created = _new(terms)
            await answers.keep(tx, intent, asdict(created))
            await tx.execute(discounts.insert().values(asdict(created)))
            return created

    async def update(self, discount_id: str, version: int, terms: Terms) -> Discount:
        """Change a rule; `version` is the one last seen.

        Raises:
            Unknown: there is none with this id.
            Outdated: the version is not the current one.
        """
        async with self.database.write() as tx:
            known = await _expected(tx, discount_id, version)
            changed = {**asdict(terms), "version": known.version + 1}
            await tx.execute(discounts.update().where(discounts.c.id == discount_id).values(**changed))
            return Discount(id=discount_id, **changed)

    async def delete(self, discount_id: str, version: int) -> None:
        """Put a rule out of force; `version` is the one last seen.

        Raises:
            Unknown: there is none with this id.
            Outdated: the version is not the current one.
        """
        async with self.database.write() as tx:
            await _expected(tx, discount_id, version)
            await tx.execute(discounts.delete().where(discounts.c.id == discount_id))


async def _expected(tx: AsyncConnection, discount_id: str, version: int) -> Discount:
    known = await _discount(tx, discount_id, locked=True)
    if known.version != version:
        raise Outdated
    return known


async def _discount(tx: AsyncConnection, discount_id: str, *, locked: bool = False) -> Discount:
    query = sa.select(discounts).where(discounts.c.id == discount_id)
    row = (await tx.execute(query.with_for_update() if locked else query)).one_or_none()
    if row is None:
        raise Unknown
    return Discount(**row._mapping)


def _new(terms: Terms) -> Discount:
    return Discount(id=str(uuid.uuid4()), version=1, **asdict(terms))
