import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from kit.idempotency import Intent
from kit.problems import Problem
from services.discount import seed
from services.discount.model import EVERY_ARTICLE, NO_COUPON, Outdated, Terms, Unknown
from services.discount.store import Store


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store(database_url)
    async with store.database:
        yield store


def terms(percent: int, sku: str = "PEN", coupon: str = NO_COUPON) -> Terms:
    return Terms(sku=sku, percent=percent, coupon=coupon, description="for a test")


def intent(key: str = "an-intent", request: bytes = b"{}", owner: str = "clerk") -> Intent:
    return Intent(owner=owner, key=key, request=request)


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """The queries that the store sends while the block lasts."""
    queries: list[str] = []

    def note(_connection: object, _cursor: object, query: str, *_rest: object) -> None:
        if query.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            queries.append(query)

    engine = store.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield queries
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


async def percents(store: Store, *skus: str, coupon: str = NO_COUPON) -> dict[str, int]:
    return {sku: best.percent for sku, best in (await store.best(skus, coupon)).items()}


async def test_each_article_gets_the_best_rule_that_applies(store: Store) -> None:
    await store.add(
        [terms(10), terms(30), terms(20), terms(5, "INK"), terms(15, EVERY_ARTICLE), terms(80, "NIB")]
    )

    assert await percents(store, "PEN", "INK", "LAMP") == {"PEN": 30, "INK": 15, "LAMP": 15}


async def test_an_article_that_no_rule_is_for_has_no_discount(store: Store) -> None:
    await store.add([terms(10)])

    assert await percents(store, "INK") == {}
    assert await percents(store) == {}


async def test_a_rule_with_a_coupon_counts_only_for_those_who_give_that_coupon(store: Store) -> None:
    await store.add([terms(10), terms(40, coupon="PEN40"), terms(50, EVERY_ARTICLE, coupon="HALF")])

    assert await percents(store, "PEN", "INK") == {"PEN": 10}
    assert await percents(store, "PEN", "INK", coupon="PEN40") == {"PEN": 40}
    assert await percents(store, "PEN", "INK", coupon="HALF") == {"PEN": 50, "INK": 50}
    assert await percents(store, "PEN", "INK", coupon="OTHER") == {"PEN": 10}


async def test_a_hundred_articles_cost_one_query(store: Store) -> None:
    await seed.fill(store)

    with counted(store) as queries:
        await store.best([f"PENS-{number:03d}" for number in range(100)], "WELCOME10")
    assert len(queries) == 1


async def test_the_same_intent_creates_once_and_keeps_its_first_answer(store: Store) -> None:
    first = await store.create(intent(), terms(10))
    await store.update(first.id, 1, terms(20))

    assert await store.create(intent(), terms(10)) == first
    assert (await store.discount(first.id)).percent == 20


async def test_the_same_intent_sent_many_times_at_once_creates_once(store: Store) -> None:
    outcomes = await asyncio.gather(
        *(store.create(intent(), terms(10)) for _ in range(10)), return_exceptions=True
    )

    made = {o.id for o in outcomes if not isinstance(o, BaseException)}
    refused = [o for o in outcomes if isinstance(o, BaseException)]
    assert len(made) == 1
    assert all(isinstance(o, Problem) and o.status == 409 for o in refused)


async def test_a_key_that_came_with_another_request_is_refused(store: Store) -> None:
    await store.create(intent(request=b"one"), terms(10))

    with pytest.raises(Problem, match="came with another request"):
        await store.create(intent(request=b"two"), terms(20))


async def test_a_change_needs_the_current_version(store: Store) -> None:
    created = await store.create(intent(), terms(10))
    changed = await store.update(created.id, 1, terms(20, "INK", coupon="INK20"))

    assert (changed.version, changed.percent, changed.sku, changed.coupon) == (2, 20, "INK", "INK20")
    assert await store.discount(created.id) == changed
    with pytest.raises(Outdated):
        await store.update(created.id, 1, terms(30))
    with pytest.raises(Outdated):
        await store.delete(created.id, 1)


async def test_of_many_changes_of_one_version_at_once_one_succeeds(store: Store) -> None:
    created = await store.create(intent(), terms(10))
    outcomes = await asyncio.gather(
        *(store.update(created.id, 1, terms(20 + number)) for number in range(5)), return_exceptions=True
    )

    assert sum(isinstance(outcome, Outdated) for outcome in outcomes) == 4
    assert (await store.discount(created.id)).version == 2


async def test_a_deleted_discount_is_unknown(store: Store) -> None:
    created = await store.create(intent(), terms(10))
    await store.delete(created.id, 1)

    assert await percents(store, "PEN") == {}
    with pytest.raises(Unknown):
        await store.discount(created.id)
    with pytest.raises(Unknown):
        await store.update(created.id, 1, terms(10))
    with pytest.raises(Unknown):
        await store.delete(created.id, 1)


async def test_first_data_go_into_an_empty_database_only(store: Store) -> None:
    await seed.fill(store)
    with counted(store) as queries:
        await seed.fill(store)

    assert not any(query.startswith("INSERT") for query in queries)
    assert not await store.is_empty()
