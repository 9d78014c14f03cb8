"""What is shown beside a product: what its customers have bought, where that is known; what catalog lists."""

import httpx
import pytest

from tests.bff.documents import article
from tests.bff.troubles import DOWN
from tests.bff.world import Shop


async def beside_pen(client: httpx.AsyncClient) -> list[str]:
    return [other["sku"] for other in (await client.get("/products/PEN")).json()["related"]]


@pytest.fixture(autouse=True)
def articles(shop: Shop) -> None:
    shop.sells(
        *(article(sku) for sku in ("INK", "CAP", "NIB", "PAD")), article("PEN", related=["INK", "PAD"])
    )


async def test_what_customers_bought_comes_first_and_what_is_sold_no_more_not_at_all(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    shop.also_bought["PEN"] = ["CAP", "GONE", "INK", "NIB"]

    assert await beside_pen(either) == ["CAP", "INK", "NIB", "PAD"]


async def test_too_few_purchases_change_nothing(either: httpx.AsyncClient, shop: Shop) -> None:
    shop.also_bought["PEN"] = ["CAP", "NIB"]

    assert await beside_pen(either) == ["INK", "PAD"]


async def test_without_recommendations_the_catalog_s_list_is_shown(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    shop.trouble["recommendations"] = DOWN

    answer = await either.get("/products/PEN")

    assert [other["sku"] for other in answer.json()["related"]] == ["INK", "PAD"]
    assert answer.headers["page-degraded"] == "also_bought;reason=unavailable"
