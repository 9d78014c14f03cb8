"""What reviews keeps: the reviews, a row of counters for every article, and the first answers to posts."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.db import Database
from kit.idempotency import Answers, Intent
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
    sa.Column(
        "created_at", sa.BigInteger, nullable=False
    ),  # Unix time in microseconds: alike in both databases
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

answers = Answers(metadata)

Position = tuple[int, str]
"""Where a review stands among those of its article: its time in microseconds, and its id."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Store:
    """Reviews and their summaries in one database; every method is one transaction."""

    def __init__(self, url: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = Database(url, metadata)
        self._now = now
        self._insert = sqlite.insert if self.database.dialect == "sqlite" else postgresql.insert

    async def is_empty(self) -> bool:
        """Whether there is no review at all yet."""
        async with self.database.read() as tx:
            return (await tx.execute(sa.select(reviews.c.id).limit(1))).first() is None

    async def post(self, intent: Intent, draft: Draft) -> Review:
        """Publish the intent's owner's review of an article; the same intent gives the same review.

        Raises:
            ReviewExists: this author has reviewed this article before.
        """
        async with self.database.write() as tx:
            known: str | None = await answers.first(tx, intent)
            if known is not None:
                return _review((await tx.execute(_by_id(known))).one())
            review = Review(
                id=str(uuid.uuid4()),
                sku=draft.sku,
                author=intent.owner,
                rating=draft.rating,
                title=draft.title,
                text=draft.text,
                created_at=self._now(),
            )
            await answers.keep(tx, intent, review.id)
            entry = self._insert(reviews).values(**_row(review)).on_conflict_do_nothing()
            if (await tx.execute(entry.returning(reviews.c.id))).first() is None:
                raise ReviewExists(f"{review.author} has reviewed {review.sku} before.")
            await self._count(tx, review.sku, {review.rating: 1})
            return review

    async def add(self, written: Sequence[Review]) -> None:
        """Enter reviews as they are, all or none."""
        ratings: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for review in written:
            ratings[review.sku][review.rating] += 1
        async with self.database.write() as tx:
            await tx.execute(reviews.insert(), [_row(review) for review in written])
            for sku in sorted(ratings):  # every writer of several counters takes their locks in this order
                await self._count(tx, sku, ratings[sku])

    async def review(self, review_id: str) -> Review | None:
        """One review; None when there is none with this id."""
        async with self.database.read() as tx:
            row = (await tx.execute(_by_id(review_id))).one_or_none()
            return None if row is None else _review(row)

    async def newest(self, sku: str, limit: int, after: Position | None = None) -> list[Review]:
        """Up to `limit` reviews of an article, the newest first, those `after` a position in that order."""
        place = sa.tuple_(reviews.c.created_at, reviews.c.id)
        query = sa.select(reviews).where(reviews.c.sku == sku)
        if after is not None:
            query = query.where(place < after)
        query = query.order_by(reviews.c.created_at.desc(), reviews.c.id.desc()).limit(limit)
        async with self.database.read() as tx:
            return [_review(row) for row in await tx.execute(query)]

    async def summaries(self, skus: Iterable[str]) -> dict[str, Summary]:
        """How each of these articles is rated: one row read an article, none where nobody has written."""
        wanted = set(skus)
        async with self.database.read() as tx:
            rows = await tx.execute(sa.select(summaries).where(summaries.c.sku.in_(wanted)))
            counted = {row.sku: row._mapping for row in rows}
        return {sku: _summary(sku, counted.get(sku, {})) for sku in wanted}

    async def _count(self, tx: AsyncConnection, sku: str, ratings: Mapping[int, int]) -> None:
        # One statement, so that writers of the same article queue at its row and none is lost.
        gained = {f"rated_{rating}": times for rating, times in ratings.items()}
        grown = {name: summaries.c[name] + times for name, times in gained.items()}
        entry = self._insert(summaries).values(sku=sku, **gained)
        await tx.execute(entry.on_conflict_do_update(index_elements=[summaries.c.sku], set_=grown))


def position(review: Review) -> Position:
    """Where a review stands among those of its article."""
    return _microseconds(review.created_at), review.id


def _by_id(review_id: str) -> sa.Select[Any]:
    return sa.select(reviews).where(reviews.c.id == review_id)


def _row(review: Review) -> dict[str, Any]:
    return {
        "id": review.id,
        "sku": review.sku,
        "author": review.author,
        "rating": review.rating,
        "title": review.title,
        "text": review.text,
        "created_at": _microseconds(review.created_at),
    }


def _review(row: sa.Row[Any]) -> Review:
    return Review(**{**row._mapping, "created_at": EPOCH + timedelta(microseconds=row.created_at)})


def _summary(sku: str, counters: Mapping[Any, int]) -> Summary:
    return Summary(sku=sku, histogram={rating: counters.get(f"rated_{rating}", 0) for rating in RATINGS})


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)  # whole numbers throughout: a float would lose one
