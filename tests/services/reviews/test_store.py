import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from kit.idempotency import Intent
from kit.problems import Problem
from services.reviews.model import Draft, Review, ReviewExists
from services.reviews.store import Store, position

START = datetime(2030, 1, 1, 12, 0, 0, 123457, tzinfo=UTC)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(database_url: str, clock: Clock) -> AsyncIterator[Store]:
    store = Store(database_url, now=clock)
    async with store.database:
        yield store


def intent(owner: str = "reader", key: str = "an-intent", request: bytes = b"{}") -> Intent:
    return Intent(owner=owner, key=key, request=request)


def draft(rating: int = 4, sku: str = "PEN") -> Draft:
    return Draft(sku=sku, rating=rating, title="Writes well", text="It has not left my desk since.")


async def histogram(store: Store, sku: str = "PEN") -> list[int]:
    return list((await store.summaries([sku]))[sku].histogram.values())


async def test_50_users_who_post_at_once_are_all_counted(store: Store) -> None:
    await asyncio.gather(*(store.post(intent(f"reader-{n}"), draft(n % 5 + 1)) for n in range(50)))

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


async def test_the_same_intent_sent_many_times_at_once_is_carried_out_once(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.post(intent(), draft()) for _ in range(10)), return_exceptions=True
    )

    made = {o.id for o in outcomes if isinstance(o, Review)}
    refused = [o for o in outcomes if isinstance(o, BaseException)]
    assert len(made) == 1
    assert all(isinstance(o, Problem) and o.status == 409 for o in refused)
    assert await histogram(store) == [0, 0, 0, 1, 0]


async def test_the_same_intent_gives_the_same_review_to_the_microsecond(store: Store, clock: Clock) -> None:
    first = await store.post(intent(), draft())
    clock.time += timedelta(days=1)

    assert await store.post(intent(), draft()) == first
    assert await store.review(first.id) == first
    assert first.created_at == START


async def test_a_second_review_is_refused_and_leaves_everything_as_it_was(store: Store) -> None:
    first = await store.post(intent(), draft(5))

    with pytest.raises(ReviewExists):
        await store.post(intent(key="another-intent"), draft(1))
    assert await store.newest("PEN", 10) == [first]
    assert await histogram(store) == [0, 0, 0, 0, 1]


async def test_a_refused_key_is_free_for_a_review_of_another_article(store: Store) -> None:
    await store.post(intent(), draft())
    with pytest.raises(ReviewExists):
        await store.post(intent(key="another-intent"), draft())

    posted = await store.post(intent(key="another-intent", request=b"ink"), draft(sku="INK"))
    assert posted.sku == "INK"


async def test_a_key_that_came_with_another_request_is_refused(store: Store) -> None:
    await store.post(intent(request=b"one"), draft())

    with pytest.raises(Problem, match="came with another request"):
        await store.post(intent(request=b"two"), draft(sku="INK"))


async def test_reviews_come_newest_first_and_go_on_where_they_stopped(store: Store, clock: Clock) -> None:
    posted = []
    for number in range(7):
        clock.time = START + timedelta(seconds=number // 2)  # pairs of the same moment
        posted.append(await store.post(intent(f"reader-{number}"), draft()))
    await store.post(intent(), draft(sku="INK"))
    expected = sorted(posted, key=position, reverse=True)

    first = await store.newest("PEN", 3)
    clock.time += timedelta(days=1)
    await store.post(intent("latecomer"), draft())
    second = await store.newest("PEN", 3, position(first[-1]))
    third = await store.newest("PEN", 3, position(second[-1]))

    assert first + second + third == expected


async def test_an_article_without_reviews_has_an_empty_summary(store: Store) -> None:
    await store.post(intent("reader-1"), draft(5))
    await store.post(intent("reader-2"), draft(4))
    found = await store.summaries(["NIB", "PEN"])

    assert (found["NIB"].count, found["NIB"].average) == (0, None)
    assert (found["PEN"].count, found["PEN"].average) == (2, 4.5)


async def test_an_average_has_one_decimal_and_a_half_is_rounded_up(store: Store) -> None:
    for number, rating in enumerate([5, 4, 4, 4]):  # 4.25
        await store.post(intent(f"reader-{number}"), draft(rating))

    assert (await store.summaries(["PEN"]))["PEN"].average == 4.3


async def test_reviews_added_as_they_are_join_those_that_were_there(store: Store) -> None:
    await store.post(intent(), draft(4))
    older = [
        Review(
            id=f"old-{n}", sku=sku, author=f"author-{n}", rating=2, title="Old", text="Old.", created_at=START
        )
        for n, sku in enumerate(["PEN", "INK", "PEN"])
    ]

    assert not await store.is_empty()
    await store.add(older)
    assert await histogram(store) == [0, 2, 0, 1, 0]
    assert await histogram(store, "INK") == [0, 1, 0, 0, 0]
    assert await store.review("old-1") == older[1]
