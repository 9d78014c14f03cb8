"""What an operator reads of orders, shard by shard."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontispiece.events import EventSettings
from tests.services.ordering.conftest import OpenShop
from tests.services.ordering.sharded import NAMES, customer, headers, placed, two_shards
from tests.services.ordering.world import Shop


@pytest.fixture
async def shop(open_shop: OpenShop, tmp_path: Path, event_settings: EventSettings) -> AsyncIterator[Shop]:
    """A shop with two shards, in which three customers of the first and two of the second have ordered."""
    settings = event_settings.model_copy(update={"monitor_url": ""})
    async with open_shop(shards=two_shards(tmp_path), events=settings) as shop:
        for shard, customers in (("0", 3), ("1", 2)):
            for number in range(customers):
                response = await placed(shop, name := customer(shard, number))
                mine = headers(shop, name, **{"Min-Position": response.headers["position"]})
                assert (await shop.http.get("/orders", headers=mine)).status_code == 200
        yield shop


async def read(shop: Shop, path: str, **query: Any) -> Any:
    response = await shop.http.get(path, params=query, headers=shop.bearer("clerk", "orders:read"))
    assert response.status_code == 200, response.text
    return response.json()


def today() -> str:
    return datetime.now(UTC).date().isoformat()


async def test_a_shard_has_its_own_orders_of_a_day_and_one_cursor_leads_on_in_all(shop: Shop) -> None:
    assert (await read(shop, "/shards"))["items"] == [*NAMES]
    every = [await read(shop, f"/shards/{name}/orders", day=today()) for name in NAMES]
    assert [{order["owner"] for order in part["items"]} for part in every] == [
        {customer("0", number) for number in range(3)},
        {customer("1", number) for number in range(2)},
    ]
    for name in NAMES:
        assert (await read(shop, f"/shards/{name}/orders", day="2020-01-01"))["items"] == []

    newest_first = sorted((o for part in every for o in part["items"]), key=lambda o: o["placed_at"])[::-1]
    after = newest_first[1]["cursor"]
    rest = [await read(shop, f"/shards/{name}/orders", day=today(), cursor=after) for name in NAMES]
    assert {o["id"] for part in rest for o in part["items"]} == {o["id"] for o in newest_first[2:]}

    of_one = await read(shop, f"/customers/{customer('1')}/orders")
    assert [order["owner"] for order in of_one["items"]] == [customer("1")]


async def test_what_was_sold_is_counted_by_the_day_that_it_was_ordered(shop: Shop) -> None:
    async def sold(name: str, **query: Any) -> Any:
        return (await read(shop, f"/shards/{name}/products", day=today(), **query))["items"]

    assert [await sold(name) for name in NAMES] == [[{"sku": "PEN", "pieces": n}] for n in (3, 2)]
    assert await sold("0", sku=["PEN", "INK"]) == [{"sku": "PEN", "pieces": 3}]
    assert await sold("0", sku=["INK"]) == []


async def test_only_operators_read_it_and_an_unknown_shard_is_not_found(shop: Shop) -> None:
    for path in ("/shards", f"/shards/0/orders?day={today()}", "/customers/somebody/orders"):
        refused = await shop.http.get(path, headers=shop.bearer("reader", "shop"))
        assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (403, "scope-missing")
    unknown = await shop.http.get(
        f"/shards/7/orders?day={today()}", headers=shop.bearer("clerk", "orders:read")
    )
    assert (unknown.status_code, unknown.json()["title"]) == (404, "Shard unknown")
