"""Reviews' first data: reviews of the demo shop's articles, made of the words in `seed.toml`.

All choices follow from the article's sku, so that every run makes the same reviews with the same dates.
"""

import tomllib
import uuid
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.reviews.model import Review
from shop.demo import SKUS

WORDS = Path(__file__).with_name("seed.toml")

MAX_REVIEWS = 8
"""Most reviews of an article; some have none."""

READERS = 400
"""How many people wrote the first data's reviews: `reader-1` to `reader-400`."""

OPENED = datetime(2023, 3, 1, 8, 0, tzinfo=UTC)
"""When the demo shop opened; its first reviews are of the two years after."""

OPEN_MINUTES = 730 * 24 * 60

MOODS = ((5, 5, 4, 5, 4, 5, 3, 5), (4, 5, 4, 3, 5, 4, 2, 4), (5, 3, 4, 2, 4, 5, 1, 3))
"""The ratings of loved, liked and disputed articles, review by review."""

BODIES = {
    5: (("begins", "praise", "praise"), ("praise", "praise"), ("begins", "praise")),
    4: (("begins", "praise", "praise", "complaints"), ("begins", "praise", "complaints")),
    3: (("begins", "praise", "complaints"), ("praise", "complaints", "complaints")),
    2: (("begins", "complaints", "complaints"), ("praise", "complaints", "complaints")),
    1: (("begins", "complaints", "complaints"),),
}
"""The parts of a review's text before its closing, by rating."""


def reviews() -> list[Review]:
    """The first reviews, article by article in the order of `shop.demo.SKUS`."""
    words = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return [_review(sku, number, words) for sku in SKUS for number in range(_dice(sku) % (MAX_REVIEWS + 1))]


def _review(sku: str, number: int, words: Mapping[str, Any]) -> Review:
    mood = MOODS[_dice(sku, "mood") % len(MOODS)]
    rating = mood[(_dice(sku, "first") + number) % len(mood)]
    author = f"reader-{(_dice(sku, 'reader') + number * 37) % READERS + 1}"
    return Review(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:frontispiece:review:{sku}:{author}")),
        sku=sku,
        author=author,
        rating=rating,
        title=_pick("titles", words["titles"][str(rating)], sku, number),
        text=_text(sku, number, rating, words),
        created_at=OPENED + timedelta(minutes=_dice(sku, number) % OPEN_MINUTES),
    )


def _text(sku: str, number: int, rating: int, words: Mapping[str, Any]) -> str:
    body = BODIES[rating][number % len(BODIES[rating])]
    parts = []
    for place, part in enumerate(body):
        sentences = words[sku[:4]][part]
        again = body[:place].count(part)  # a second sentence of its kind is from the other half of the list
        parts.append(_pick(part, sentences, sku, number + again * len(sentences) // 2))
    return " ".join([*parts, _pick("closings", words["closings"][str(rating)], sku, number)])


def _pick(part: str, sentences: Sequence[str], sku: str, number: int) -> str:
    return sentences[(_dice(sku, part) + number) % len(sentences)]


def _dice(*what: object) -> int:
    return zlib.crc32("/".join(map(str, what)).encode())
