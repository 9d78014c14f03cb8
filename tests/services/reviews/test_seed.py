from collections import Counter
from datetime import UTC, datetime

import pytest

from services.reviews.model import Review
from services.reviews.seed import reviews
from shop.demo import SKUS


@pytest.fixture(scope="module")
def written() -> list[Review]:
    return reviews()


def test_there_are_at_least_900_reviews_and_up_to_8_an_article(written: list[Review]) -> None:
    counts = Counter(review.sku for review in written)

    assert len(written) >= 900
    assert set(counts) < set(SKUS)
    assert max(counts.values()) == 8
    ratings = Counter(review.rating for review in written)
    assert sorted(ratings) == [1, 2, 3, 4, 5]
    assert ratings[5] > ratings[3] > ratings[1]


def test_every_run_makes_the_same_reviews_none_of_them_twice(written: list[Review]) -> None:
    dates = [review.created_at for review in written]

    assert reviews() == written
    assert len({(review.sku, review.author) for review in written}) == len(written)
    assert len({review.id for review in written}) == len(written)
    assert datetime(2023, 3, 1, tzinfo=UTC) <= min(dates) <= max(dates) < datetime(2025, 3, 1, tzinfo=UTC)


def test_texts_fit_and_those_of_one_article_all_differ(written: list[Review]) -> None:
    for review in written:
        assert 1 <= len(review.title) <= 120
        assert 40 <= len(review.text) <= 5000
        sentences = review.text.split(". ")
        assert len(set(sentences)) == len(sentences), review.text
    assert len({(review.sku, review.text) for review in written}) == len(written)
