"""What the shop makes of completed orders: what customers see of it, and what operators do."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from services.sales.cli import app as sales
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
        listed = [sku for sku in before if sku not in others]

        def is_recommended(kind: str = kind, listed: list[str] = listed) -> bool:
            found = beside(kind)
            return set(found[:3]) == set(others) and found[3:] == listed[: len(found) - 3]

        assert eventually(is_recommended), kind
    clerk = shop.phone("clerk")
    assert http.put("/api/recommendation/rebuild", headers=clerk).status_code == 204


CLIENT = "web/9.8.7"
"""A client of this test alone."""


def test_an_operator_sees_as_much_revenue_as_the_ledger_of_payments_has(
    *, http: httpx.Client, shop: RunningShop, customer: Client, article: str, tmp_path: Path
) -> None:
    clerk = shop.phone("clerk")
    buyer = Client(http=http, kind="web", headers={**customer.headers, "X-Client": CLIENT})
    buyer.put(article, 2)
    *_, completed = buyer.progress(buyer.check_out().headers["location"])
    buyer.put(article, 1)
    *_, cancelled = buyer.progress(buyer.check_out("tok_declined").headers["location"])
    assert (completed.stage, cancelled.stage) == ("completed", "cancelled")

    def report() -> dict[str, list[dict[str, Any]]]:
        response = complete(lambda: http.get("/api/sales/report", headers=clerk))
        figures: dict[str, list[dict[str, Any]]] = response.json()
        return figures

    def ended() -> bool:
        mine = [each for each in report()["client"] if each["key"] == CLIENT]
        return [(each["placed"], each["completed"], each["cancelled"]) for each in mine] == [(2, 1, 1)]

    assert eventually(ended)
    assert eventually(lambda: revenue(report()["total"]) == ledger(http, clerk))
    assert revenue(report()["total"]) == revenue(report()["day"]) == revenue(report()["coupon"])
    assert http.get("/api/sales/report", headers=shop.phone("shopper")).status_code == 403

    token = clerk["Authorization"].removeprefix("Bearer ")
    environment = {"FRONT_URL": shop.url, "FRONT_TOKEN": token}
    picture = tmp_path / "sales.svg"
    printed = CliRunner().invoke(sales, ["--by", "client", "--svg", str(picture)], env=environment)
    assert printed.exit_code == 0, printed.output
    assert CLIENT in printed.output
    assert CLIENT in picture.read_text()


def revenue(figures: list[dict[str, Any]]) -> int:
    return sum(each["revenue"]["amount"] for each in figures)


def ledger(http: httpx.Client, clerk: dict[str, str]) -> int:
    """What was captured and not refunded, in the ledger of payments."""
    signs, amount = {"capture": 1, "refund": -1}, 0
    cursor: dict[str, str] = {}
    while True:
        entries = http.get("/api/payment/ledger", params=cursor, headers=clerk).json()
        for entry in entries["items"]:
            if entry["approved"]:
                amount += signs.get(entry["kind"], 0) * int(entry["amount"])
        if entries["next"] is None:
            return amount
        cursor = {"cursor": entries["next"]}
