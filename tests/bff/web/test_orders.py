import json

import httpx
import pytest

from tests.bff.documents import Json, order, shipment
from tests.bff.world import Shop


def whole(order_: Json) -> Json:
    """An order as the client sees it: what the service says besides is passed over."""
    seen: Json = json.loads(json.dumps(order_), object_hook=_without_later)
    return seen


def _without_later(members: Json) -> Json:
    return {name: value for name, value in members.items() if name != "later"}


async def test_one_order_is_shown_whole(web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]) -> None:
    answer = await web.get("/orders/order-2", headers=reader)

    assert answer.status_code == 200
    tracking = whole(shipment("order-2"))["tracking"]
    assert answer.json() == {**whole(order(2)), "tracking": tracking}


@pytest.mark.parametrize("shipping", [None, {**order()["shipping"], "tracking_code": None}])
async def test_an_order_without_a_parcel_has_no_tracking_and_shipping_is_not_called(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str], shipping: Json | None
) -> None:
    shop.orders = [{**order(1), "shipping": shipping}]

    answer = await web.get("/orders/order-1", headers=reader)

    assert answer.json()["tracking"] == []
    assert shop.operations == ["order"]


async def test_all_orders_are_listed_with_the_way_to_older_ones(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.next = "older"
    shop.orders[0]["status"] = "completed"

    answer = await web.get("/orders?cursor=newer&limit=2", headers=reader)

    summary = {"placed_at": "2030-11-22T23:30:00Z", "pieces": 2, "reason": None}
    summary |= {"total": {"amount": 2322, "currency": "EUR"}, "stage": "shipment-created"}
    assert answer.json() == {
        "items": [
            {"id": "order-2", "status": "completed", "parcel": "dispatched", **summary},
            {"id": "order-1", "status": "confirmed", "parcel": None, **summary},
        ],
        "next": "older",
    }
    assert shop.last("shipments").url.params.get_list("order_id") == ["order-2"]
    assert dict(shop.last("orders").url.params) == {"limit": "2", "cursor": "newer"}
