"""What the shop makes of completed orders: what customers see of it, and what operators do."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from tests.support.checkouts import Client, complete
from tests.support.customers import add_customers
from tests.support.shop import RunningShop
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e


def test_a_product_page_begins_with_what_three_customers_have_bought_too(
    http: httpx.Client, shop: RunningShop, names: Iterator[str], articles: Iterator[str]
) -> None:
    article, *others = (next(articles) for _ in range(4))
    customers = [next(names) for _ in range(3)]
    asyncio.run(add_customers(shop.data, customers))

    def beside(kind: str) -> list[str]:
        page = complete(lambda: http.get(f"/{kind}/products/{article}"))
        return [other["sku"] for other in page.json()["related"]]

    curated = {kind: beside(kind) for kind in ("web", "mobile")}
    for name in customers:
        customer = Client(http=http, kind="web", headers=shop.logged_in("web", name))
        for sku in (article, *others):
            customer.put(sku, 1)
        *_, last = customer.progress(customer.check_out().headers["location"])
        assert last.stage == "completed"

    for kind, before in curated.items():
        assert eventually(lambda kind=kind: set(beside(kind)[:3]) == set(others)), kind  # type: ignore[misc]
        assert beside(kind)[3:] == [sku for sku in before if sku not in others][: len(beside(kind)) - 3]
    clerk = shop.phone("clerk")
    assert http.put("/api/recommendation/rebuild", headers=clerk).status_code == 204
