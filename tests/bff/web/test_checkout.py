from collections.abc import Mapping
from typing import Any

import httpx

from tests.bff.documents import STORE, euros
from tests.bff.troubles import DOWN
from tests.bff.world import Shop


async def test_the_page_shows_everything_computed(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.added_at = {"PEN": 1190, "INK": 850}
    shop.basket["GONE"] = 1

    page = (await web.post("/checkout/draft", json={"country": "DE"}, headers=reader)).json()

    articles = [line.pop("article") for line in page["lines"]]
    assert [article and article["name"] for article in articles] == ["Fine PEN", "Fine INK", None]
    assert page == {
        "basket_version": 7,
        "lines": [
            {
                "sku": "PEN",
                "quantity": 2,
                "price": euros(1161),
                "percent_off": 10,
                "total": euros(2322),
                "price_when_added": euros(1190),
                "available": 40,
                "short": False,
            },
            {
                "sku": "INK",
                "quantity": 1,
                "price": euros(850),
                "percent_off": 0,
                "total": euros(850),
                "price_when_added": None,
                "available": 3,
                "short": False,
            },
            {
                "sku": "GONE",
                "quantity": 1,
                "price": None,
                "percent_off": 0,
                "total": None,
                "price_when_added": None,
                "available": 0,
                "short": False,
            },
        ],
        "pieces": 4,
        "subtotal": euros(3430),
        "discount": euros(258),
        "goods": euros(3172),
        "coupon": None,
        "deliveries": [
            {"method": "standard", "days": 3, "price": euros(490), "total": euros(3662)},
            {"method": "express", "days": 1, "price": euros(990), "total": euros(4162)},
        ],
        "pickup": None,
        "obstacles": ["article-unknown"],
    }


async def test_stores_near_a_place_are_offered_for_the_price_of_the_goods(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.stores = [STORE]

    async def pickup(near: Mapping[str, object]) -> Any:
        answer = await web.post("/checkout/draft", json={"country": "DE", "near": near}, headers=reader)
        return answer.json()["pickup"]

    kept = ("store", "name", "street", "postal_code", "city", "metres", "ready_at", "today")
    option = {name: STORE[name] for name in kept} | {"total": euros(3172)}
    here = {"latitude": 51.3, "longitude": 12.4}
    assert await pickup({"place": "Leipzig"}) == {"place": "Leipzig", "known": True, "options": [option]}
    assert await pickup(here) == {"place": None, "known": True, "options": [option]}
    assert await pickup({"place": "nowhere"}) == {"place": None, "known": False, "options": []}
    shop.trouble = {"pickups": DOWN}
    answer = await web.post("/checkout/draft", json={"near": here}, headers=reader)
    assert (answer.status_code, answer.json()["pickup"]) == (200, None)
    assert answer.headers["page-degraded"] == "pickups;reason=unavailable"
    places = [call.request.url.params for call in shop.calls if call.what == "pickups"]
    assert [place.get("place") for place in places] == ["Leipzig", None, "nowhere", None]
    assert places[0].get_list("sku") == ["PEN", "INK"]


async def test_a_coupon_that_applies_is_named(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.coupons = {"INK20": {"INK": 20}}

    page = (await web.post("/checkout/draft", json={"coupon": "INK20"}, headers=reader)).json()

    assert page["coupon"] == {"code": "INK20", "applied": True}
    assert [line["percent_off"] for line in page["lines"]] == [10, 20]
