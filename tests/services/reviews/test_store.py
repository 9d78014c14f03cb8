import asyncio
from collections.abc import AsyncIterator

import pytest

from services.reviews.model import Draft, Review, ReviewExists
from services.reviews.store import Store
from tests.services.support import intent
from tests.support.clock import Calendar


@pytest.fixture
async def store(database_url: str, clock: Calendar) -> AsyncIterator[Store]:
    async with Store(database_url, now=clock) as store:
        yield store


def draft(rating: int = 4, sku: str = "PEN") -> Draft:
    return Draft(sku=sku, rating=rating, title="Writes well", text="It has not left my desk since.")


async def histogram(store: Store, sku: str = "PEN") -> list[int]:
    return list((await store.summaries([sku]))[sku].histogram.values())


async def test_50_users_who_post_at_once_are_all_counted(store: Store) -> None:
    await asyncio.gather(*(store.post(intent(owner=f"reader-{n}"), draft(n % 5 + 1)) for n in range(50)))

    summary = (await store.summaries(["PEN"]))["PEN"]
    assert (summary.count, summary.average) == (50, 3.0)
    assert await histogram(store) == [10, 10, 10, 10, 10]
    assert len(await store.newest("PEN", 100)) == 50


async def test_a_user_who_posts_many_times_at_once_has_one_review(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.post(intent(key=f"attempt-{n}"), draft()) for n in range(20)), return_exceptions=True
    )

    assert sum(isinstance(outcome, Review) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, ReviewExists) for outcome in outcomes) == 19
    assert await histogram(store) == [0, 0, 0, 1, 0]


async def test_a_refused_key_is_free_for_a_review_of_another_article(store: Store) -> None:
    await store.post(intent(), draft())
    with pytest.raises(ReviewExists):
        await store.post(intent(key="another-intent"), draft())

    posted = await store.post(intent(key="another-intent", request=b"ink"), draft(sku="INK"))
    assert posted.sku == "INK"
