"""Reviews' database: the reviews, a row of counters for each article, and the first responses to posts."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.service import IdempotencyRecords, Intent
from frontispiece.stores import Moment, SqlStore
from services.reviews.model import RATINGS, Draft, Review, ReviewExists, Summary

metadata = sa.MetaData()

reviews = sa.Table(
    "reviews",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Column("author", sa.String(200), nullable=False),
    sa.Column("rating", sa.SmallInteger, nullable=False),
    sa.Column("title", sa.String(120), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("sku", "author", name="one_review_by_author_and_article"),
    sa.CheckConstraint("rating BETWEEN 1 AND 5", name="one_to_five_stars"),
    sa.Index("reviews_by_time", "sku", "created_at", "id"),
)

summaries = sa.Table(
    "summaries",
    metadata,
    sa.Column("sku", sa.String(64), primary_key=True),
    *(sa.Column(f"rated_{rating}", sa.Integer, nullable=False, default=0) for rating in RATINGS),
)

idempotency_records = IdempotencyRecords(metadata)

Position = tuple[datetime, str]
"""A review's sort key within its article: its time, and its id."""


class Store(SqlStore):
    """Reviews and their summaries in one database; every method is one transaction."""

    main_table = reviews
    migrations = "services.reviews.migrations"

    async def post(self, intent: Intent, draft: Draft) -> Review:
        """Publish a review by the intent's owner; a retry of the same intent gets the same review.

        Raises:
            ReviewExists: this author has reviewed this article before.
        """
        async with self.database.write() as tx:
            first: str | None = await idempotency_records.find(tx, intent)
            if first is not None:
                return await _published(tx, first)
            review = Review(
                **asdict(draft), id=str(uuid.uuid4()), author=intent.owner, created_at=self._now()
            )
            await idempotency_records.save(tx, intent, review.id)
            insert = self._insert(reviews).values(asdict(review)).on_conflict_do_nothing()
            if (await tx.execute(insert.returning(reviews.c.id))).first() is None:
                raise ReviewExists(f"{review.author} has reviewed {review.sku} before.")
            await self._count(tx, {review.sku: {review.rating: 1}})
            return review

    async def posted(self, intent: Intent) -> Review | None:
        """The review that this intent has published before; None when the intent is new."""
        async with self.database.read() as tx:
            first: str | None = await idempotency_records.find(tx, intent)
            return None if first is None else await _published(tx, first)

    async def add(self, new: Iterable[Review]) -> None:
        """Insert reviews as they are, all or none."""
        new = list(new)
        ratings: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for review in new:
            ratings[review.sku][review.rating] += 1
        async with self.database.write() as tx:
            await tx.execute(reviews.insert(), [asdict(review) for review in new])
            await self._count(tx, ratings)

    async def review(self, review_id: str) -> Review | None:
        """One review; None when there is none with this id."""
        async with self.database.read() as tx:
            row = (await tx.execute(_by_id(review_id))).one_or_none()
            return None if row is None else Review(**row._mapping)

    async def newest(self, sku: str, limit: int, after: Position | None = None) -> list[Review]:
        """Up to `limit` reviews of an article, the newest first, those `after` a position in that order."""
        position = sa.tuple_(reviews.c.created_at, reviews.c.id)
        query = sa.select(reviews).where(reviews.c.sku == sku)
        if after is not None:
            query = query.where(position < after)
        query = query.order_by(reviews.c.created_at.desc(), reviews.c.id.desc()).limit(limit)
        async with self.database.read() as tx:
            return [Review(**row._mapping) for row in await tx.execute(query)]

    async def summaries(self, skus: Iterable[str]) -> dict[str, Summary]:
        """The ratings of each of these articles, from one row each."""
        skus = set(skus)
        async with self.database.read() as tx:
            rows = await tx.execute(sa.select(summaries).where(summaries.c.sku.in_(skus)))
            counters = {row.sku: row._mapping for row in rows}
        return {sku: _summary(sku, counters.get(sku, {})) for sku in skus}

    async def _count(self, tx: AsyncConnection, ratings: Mapping[str, Mapping[int, int]]) -> None:
        # One statement, so that writers of the same article queue at its row and none is lost; all writers
        # of several take their locks in the same order.
        rows = [
            {"sku": sku} | {f"rated_{rating}": ratings[sku].get(rating, 0) for rating in RATINGS}
            for sku in sorted(ratings)
        ]
        insert = self._insert(summaries)
        increased = {
            column.name: column + insert.excluded[column.name]
            for column in summaries.c
            if not column.primary_key
        }
        await tx.execute(insert.on_conflict_do_update(index_elements=[summaries.c.sku], set_=increased), rows)


def position(review: Review) -> Position:
    """The sort key of a review within its article."""
    return review.created_at, review.id


async def _published(tx: AsyncConnection, review_id: str) -> Review:
    return Review(**(await tx.execute(_by_id(review_id))).one()._mapping)


def _by_id(review_id: str) -> sa.Select[Any]:
    return sa.select(reviews).where(reviews.c.id == review_id)


def _summary(sku: str, counters: Mapping[Any, int]) -> Summary:
    return Summary(sku=sku, histogram={rating: counters.get(f"rated_{rating}", 0) for rating in RATINGS})
