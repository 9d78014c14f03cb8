"""Reviews and rating summaries: the rules, without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

RATINGS = range(1, 6)
"""From one star to five."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A review before it is published."""

    sku: str
    rating: int
    title: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Review:
    """One author's review of one article; it never changes."""

    id: str
    sku: str
    author: str
    rating: int
    title: str
    text: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The ratings of one article: the number of reviews by rating."""

    sku: str
    histogram: Mapping[int, int]

    @property
    def count(self) -> int:
        """The number of reviews."""
        return sum(self.histogram.values())

    @property
    def average(self) -> float | None:
        """The mean rating to one decimal, a half rounded up; None while there are no reviews."""
        if not self.count:
            return None
        total = sum(rating * times for rating, times in self.histogram.items())
        return (20 * total + self.count) // (2 * self.count) / 10


class ReviewExists(Exception):
    """The author has reviewed this article already."""
