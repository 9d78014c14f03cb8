import pytest

from services.catalog.model import Product
from services.catalog.seed import products
from shop.demo import SKUS


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
