"""The client of reviews."""

from collections.abc import Mapping, Sequence
from typing import Self
from urllib.parse import urlencode

from msgspec import Struct

from bff.clients.common import Client, Items
from frontispiece.pages import loader
from frontispiece.upstream import batch_path


class Rating(Struct, frozen=True):
    """A product's average rating, 1 to 5; None while it has no reviews."""

    sku: str = ""
    count: int = 0
    average: float | None = None
    histogram: dict[str, int] = {}


class Review(Struct, frozen=True):
    """The review of one customer."""

    id: str
    author: str
    rating: int
    title: str
    text: str
    created_at: str


class ReviewList(Struct, frozen=True):
    """Some reviews, newest first."""

    items: list[Review]

    @classmethod
    def none(cls) -> Self:
        """No reviews."""
        return cls([])


class Reviews(Client):
    """The customers' reviews."""

    @loader(max_size=100)
    async def load_rating(self, skus: Sequence[str]) -> Mapping[str, Rating]:
        """The rating of a product; one without reviews has no average."""
        batch = await self._service.get(batch_path("/summaries", "sku", skus), Items[Rating])
        return {sku: Rating(sku) for sku in skus} | {rating.sku: rating for rating in batch.items}

    async def latest(self, sku: str, limit: int) -> ReviewList:
        """The newest reviews of a product."""
        return await self._service.get("/reviews?" + urlencode({"sku": sku, "limit": limit}), ReviewList)
