import asyncio
from collections.abc import AsyncIterator

import pytest

from services.discount import seed
from services.discount.model import EVERY_ARTICLE, NO_COUPON, Terms, VersionOutdated
from services.discount.store import Store
from shop.demo import SKUS
from tests.services.support import intent


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store(database_url) as store:
        yield store


def terms(percent: int, sku: str = "PEN", coupon: str = NO_COUPON) -> Terms:
    return Terms(sku=sku, percent=percent, coupon=coupon, description="for a test")


async def percents(store: Store, *skus: str, coupon: str = NO_COUPON) -> dict[str, int]:
    return {sku: best.percent for sku, best in (await store.best(skus, coupon)).items()}


async def test_each_article_gets_the_best_rule_that_applies(store: Store) -> None:
    await store.add(
        [terms(10), terms(30), terms(20), terms(5, "INK"), terms(15, EVERY_ARTICLE), terms(15, "NIB")]
    )

    assert await percents(store, "PEN", "INK", "LAMP") == {"PEN": 30, "INK": 15, "LAMP": 15}
    assert (await store.best(["NIB"], NO_COUPON))["NIB"].sku == "NIB", "of equals, the rule for this article"
    assert await percents(store) == {}


async def test_a_rule_with_a_coupon_counts_only_for_those_who_give_that_coupon(store: Store) -> None:
    await store.add([terms(10), terms(40, coupon="PEN40"), terms(50, EVERY_ARTICLE, coupon="HALF")])

    assert await percents(store, "PEN", "INK") == {"PEN": 10}
    assert await percents(store, "PEN", "INK", coupon="PEN40") == {"PEN": 40}
    assert await percents(store, "PEN", "INK", coupon="HALF") == {"PEN": 50, "INK": 50}
    assert await percents(store, "PEN", "INK", coupon="OTHER") == {"PEN": 10}


async def test_of_many_changes_of_one_version_at_once_one_succeeds(store: Store) -> None:
    created = await store.create(intent(), terms(10))
    outcomes = await asyncio.gather(
        *(store.update(created.id, 1, terms(20 + number)) for number in range(5)), return_exceptions=True
    )

    assert sum(isinstance(outcome, VersionOutdated) for outcome in outcomes) == 4
    assert (await store.discount(created.id)).version == 2


def test_the_first_data_are_true_rules_the_same_in_every_run() -> None:
    rules = [terms for terms in seed.rules() if isinstance(terms, Terms)]

    assert list(seed.rules()) == list(seed.rules())
    assert not any(terms.errors() for terms in rules)
    assert {terms.sku for terms in rules} <= {*SKUS, EVERY_ARTICLE}
    assert 0.15 < sum(terms.coupon == NO_COUPON for terms in rules) / len(SKUS) < 0.25
    assert {terms.coupon for terms in rules} >= {"WELCOME10", "INK20", "PAPER15"}
