"""A screen is a fraction of the service calls that it replaces, with the services' own first data."""

import httpx

from services.catalog import seed as catalogue
from services.catalog.schemas import ProductAnswer
from services.inventory.seed import first_stock
from services.reviews import seed as opinions
from services.reviews.api import ReviewBody
from tests.bff.world import Shop

EVERY = 8
"""One in so many articles is looked at."""


async def test_a_product_screen_has_at_most_a_quarter_of_the_bytes_of_the_calls_it_replaces(
    mobile: httpx.AsyncClient, shop: Shop
) -> None:
    products = [ProductAnswer.of(product).model_dump(mode="json") for product in catalogue.products()]
    shop.products = {product["sku"]: product for product in products}
    shop.stock = {sku: first_stock(sku) for sku in shop.products}
    shop.percent = dict.fromkeys(shop.products, 15)
    shop.ratings = dict.fromkeys(shop.products, (4.3, 12))
    reviews = [ReviewBody.of(review).model_dump(mode="json") for review in opinions.reviews()]

    for sku in list(shop.products)[::EVERY]:
        shop.reviews = [review for review in reviews if review["sku"] == sku]
        shop.sent.clear()

        answer = await mobile.get(f"/products/{sku}", headers={"Accept-Language": "de"})

        assert answer.status_code == 200
        assert set(shop.sent) == {
            *("product", "products", "recommendations"),
            *("stocks", "discounts", "ratings", "reviews"),
        }
        assert len(answer.content) <= shop.sent.total() / 4, sku
