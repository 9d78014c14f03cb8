from collections import Counter
from datetime import UTC, datetime

import pytest

from kit.demo import SKUS
from services.reviews.model import Review
from services.reviews.seed import fill, reviews
from services.reviews.store import Store


@pytest.fixture(scope="module")
def written() -> list[Review]:
    return reviews()


def test_there_are_at_least_900_reviews_and_up_to_8_an_article(written: list[Review]) -> None:
    counts = Counter(review.sku for review in written)

    assert len(written) >= 900
    assert set(counts) < set(SKUS)
    assert max(counts.values()) == 8


def test_every_rating_is_given_and_good_ones_more_often(written: list[Review]) -> None:
    ratings = Counter(review.rating for review in written)

    assert sorted(ratings) == [1, 2, 3, 4, 5]
    assert ratings[5] > ratings[3] > ratings[1]


def test_every_run_makes_the_same_reviews(written: list[Review]) -> None:
    assert reviews() == written


def test_nobody_reviews_an_article_twice_and_no_id_is_given_twice(written: list[Review]) -> None:
    assert len({(review.sku, review.author) for review in written}) == len(written)
    assert len({review.id for review in written}) == len(written)


def test_dates_are_fixed_and_past(written: list[Review]) -> None:
    dates = [review.created_at for review in written]

    assert min(dates) >= datetime(2023, 3, 1, tzinfo=UTC)
    assert max(dates) < datetime(2025, 3, 1, tzinfo=UTC)


def test_texts_fit_and_those_of_one_article_all_differ(written: list[Review]) -> None:
    for review in written:
        assert 1 <= len(review.title) <= 120
        assert 40 <= len(review.text) <= 5000
        sentences = review.text.split(". ")
        assert len(set(sentences)) == len(sentences), review.text
    assert len({(review.sku, review.text) for review in written}) == len(written)


async def test_an_empty_database_is_filled_once(database_url: str, written: list[Review]) -> None:
    store = Store(database_url)
    async with store.database:
        await fill(store)
        await fill(store)
        summaries = await store.summaries(SKUS)
        shown = await store.newest(written[0].sku, 100)

    assert sum(summary.count for summary in summaries.values()) == len(written)
    assert {review.id for review in shown} == {r.id for r in written if r.sku == written[0].sku}
