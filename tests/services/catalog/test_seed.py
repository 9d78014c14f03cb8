import re
from collections import Counter

import pytest

from kit.demo import SKUS
from services.catalog.model import SLUG, Product, depth
from services.catalog.seed import fill, products
from services.catalog.store import Store

SENTENCE_END = re.compile(r"[.!?](?:\s|$)")


@pytest.fixture(scope="module")
def shop() -> list[Product]:
    return products()


def test_every_article_that_the_services_agree_on_is_there_in_order(shop: list[Product]) -> None:
    assert tuple(product.sku for product in shop) == SKUS
    assert len(shop) >= 240


def test_there_are_at_least_eight_types_and_ten_brands(shop: list[Product]) -> None:
    types = {product.type for product in shop}
    brands = {product.brand for product in shop}

    assert len(types) >= 8
    assert len(brands) >= 10
    assert all(re.fullmatch(SLUG, named.id) for named in types | brands)
    assert len({named.id for named in types | brands}) == len(types) + len(brands)


def test_no_two_articles_share_a_name_or_a_description(shop: list[Product]) -> None:
    assert len({product.name for product in shop}) == len(shop)
    assert len({product.description for product in shop}) == len(shop)


def test_every_run_makes_the_same_articles(shop: list[Product]) -> None:
    assert products() == shop


def test_a_description_fills_a_desktop_page_with_whole_sentences(shop: list[Product]) -> None:
    for product in shop:
        sentences = SENTENCE_END.split(product.description)
        assert 450 <= len(product.description) <= 900, product.sku
        assert sentences[-1] == "", product.sku
        assert 4 <= len(sentences) - 1 <= 7, product.sku
        assert len(set(sentences)) == len(sentences), product.sku
        assert all(sentence[0].isupper() for sentence in sentences[:-1]), product.sku
        assert not re.search(r"[{}]|  ", product.description), product.sku


def test_related_articles_exist_and_are_others(shop: list[Product]) -> None:
    for product in shop:
        assert 4 <= len(product.related) <= 8, product.sku
        assert len(set(product.related)) == len(product.related), product.sku
        assert set(product.related) <= set(SKUS) - {product.sku}, product.sku


def test_a_pen_is_related_to_ink_for_the_same_craft(shop: list[Product]) -> None:
    by_sku = {product.sku: product for product in shop}
    for pen in (product for product in shop if product.type.id == "pens"):
        related = [by_sku[sku] for sku in pen.related]
        inks = [other for other in related if other.type.id == "inks"]
        assert inks, pen.sku
        assert {ink.attributes["craft"] for ink in inks} == {pen.attributes["craft"]}, pen.sku


def test_attributes_are_a_free_document_told_in_full(shop: list[Product]) -> None:
    for product in shop:
        assert 8 <= len(product.attributes) <= 14, product.sku
        assert isinstance(product.attributes["dimensions"], dict), product.sku
        assert product.attributes["weight_g"] > 0, product.sku
        assert depth(dict(product.attributes)) >= 2, product.sku
        assert "{" not in "".join(map(str, product.attributes["care"])), product.sku


def test_prices_are_those_of_a_shop(shop: list[Product]) -> None:
    prices = [product.price for product in shop]

    assert {price.currency for price in prices} == {"EUR"}
    assert (min(p.amount for p in prices), max(p.amount for p in prices)) == (250, 90000)
    assert len(Counter(p.amount for p in prices)) > 100


async def test_an_empty_database_is_filled_and_any_other_left_as_it_is(database_url: str) -> None:
    store = Store(database_url)
    async with store.database:
        await fill(store)
        filled = await store.entries(SKUS)
        await fill(store)

        assert await store.entries(SKUS) == filled
        assert [filled[sku].product for sku in SKUS] == products()


async def test_a_shop_that_has_an_article_of_its_own_gets_none_of_the_demo(
    database_url: str, shop: list[Product]
) -> None:
    store = Store(database_url)
    async with store.database:
        await store.add(shop[:1])
        await fill(store)

        assert set(await store.entries(SKUS)) == {"NOTE-001"}
