import re

import pytest

from services.catalog.model import SLUG, Product, depth
from services.catalog.seed import products
from shop.demo import SKUS

SENTENCE_END = re.compile(r"[.!?](?:\s|$)")


@pytest.fixture(scope="module")
def shop() -> list[Product]:
    return products()


def test_every_run_makes_the_same_articles_in_order_each_with_its_own_name_and_description(
    shop: list[Product],
) -> None:
    assert products() == shop
    assert tuple(product.sku for product in shop) == SKUS
    assert len({product.name for product in shop}) == len(shop) >= 240
    assert len({product.description for product in shop}) == len(shop)


def test_there_are_types_brands_and_prices_to_search_by(shop: list[Product]) -> None:
    types, brands = {product.type for product in shop}, {product.brand for product in shop}
    amounts = [product.price.amount for product in shop]

    assert (len(types), len(brands) >= 10) == (8, True)
    assert all(re.fullmatch(SLUG, named.id) for named in types | brands)
    assert len({named.id for named in types | brands}) == len(types) + len(brands)
    assert {product.price.currency for product in shop} == {"EUR"}
    assert (min(amounts), max(amounts), len(set(amounts)) > 100) == (250, 90000, True)


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


def test_attributes_are_a_document_with_nested_values(shop: list[Product]) -> None:
    for product in shop:
        assert 8 <= len(product.attributes) <= 14, product.sku
        assert isinstance(product.attributes["dimensions"], dict), product.sku
        assert product.attributes["weight_g"] > 0, product.sku
        assert depth(dict(product.attributes)) >= 2, product.sku
        assert "{" not in "".join(map(str, product.attributes["care"])), product.sku
