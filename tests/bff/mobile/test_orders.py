import httpx

from tests.bff.documents import order
from tests.bff.world import Shop

SCREEN = {
    "id": "order-1",
    "status": "confirmed",
    "date": "Nov 22, 2030",
    "lines": [{"sku": "PEN", "name": "Fine PEN", "quantity": 2, "total": "€23.22"}],
    "total": "€23.22",
    "saved": "€2.58",
    "shipping": {
        "method": "standard",
        "price": "€4.90",
        "to": "Ada Reader, Berlin",
        "tracking_code": "FS-7",
        "tracking": [
            {"status": "created", "date": "Nov 22, 2030"},
            {"status": "dispatched", "date": "Nov 23, 2030"},
        ],
    },
    "stage": "shipment-created",
}


async def test_one_order_is_shown_and_nothing_that_does_not_apply(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    answer = await mobile.get("/orders/order-1", headers=reader)

    assert answer.json() == SCREEN
    assert answer.headers["vary"] == "accept-language"


async def test_a_cancelled_order_says_why_and_nothing_of_what_it_never_had(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    cancelled = {"status": "cancelled", "reason": "payment-declined", "shipping": None}
    shop.orders = [{**order(1, discount=0), **cancelled}]

    screen = (await mobile.get("/orders/order-1", headers=reader)).json()
    (entry,) = (await mobile.get("/orders", headers=reader)).json()["items"]

    for seen in (screen, entry):
        assert (seen["status"], seen["reason"]) == ("cancelled", "payment-declined")
    assert not {"shipping", "saved", "parcel"} & (screen.keys() | entry.keys())


async def test_all_orders_are_listed_with_the_way_to_older_ones(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    entry = {"status": "confirmed", "date": "Nov 22, 2030", "pieces": 2, "total": "€23.22"}
    entries = [{"id": f"order-{number}", **entry} for number in (2, 1)]
    assert (await mobile.get("/orders", headers=reader)).json() == {"items": entries}

    shop.next = "older"
    answer = await mobile.get("/orders?cursor=newer&limit=2", headers=reader)

    assert answer.json() == {"items": entries, "next": "older"}
    assert dict(shop.last("orders").url.params) == {"limit": "2", "cursor": "newer"}
