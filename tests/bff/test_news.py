"""News of the brands that a customer follows: on both start pages, and what marks and changes them."""

import httpx
import pytest

from tests.bff.documents import news
from tests.bff.troubles import DOWN
from tests.bff.world import Shop


@pytest.fixture(autouse=True)
def followed(shop: Shop) -> None:
    """The customer follows quill, and has read the oldest of three news; the newest is of what is gone."""
    shop.follows = ["quill"]
    shop.news = [news(4, "GONE", "added"), news(3, "INK", "restocked"), news(1)]
    shop.news[1] |= {"price": None, "price_before": None}
    shop.read_up_to = "1"


async def test_the_start_page_has_the_news_of_the_brands_that_the_customer_follows(
    web: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    feed = (await web.get("/home", headers=reader)).json()["feed"]

    assert (feed["follows"], feed["unread"], feed["newest"]) == (["quill"], 2, "4")
    assert [(each["sku"], each["kind"], each["is_unread"]) for each in feed["items"]] == [
        ("INK", "restocked", True),
        ("PEN", "price_drop", False),
    ]
    assert (feed["items"][0]["price"], feed["items"][1]["price_before"]["amount"]) == (None, 1490)


async def test_the_start_screen_has_them_in_the_words_of_the_phone(
    mobile: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    screen = (await mobile.get("/home", headers={**reader, "Accept-Language": "de"})).json()

    assert (screen["unread"], screen["newest"]) == (2, "4")
    restocked, cheaper = screen["news"]
    assert (restocked["name"], restocked["is_unread"], "price" in restocked) == ("Fine INK", True, False)
    assert (cheaper["price"], cheaper["was"], cheaper["brand"]) == ("12,90\xa0€", "14,90\xa0€", "Quill & Co")


async def test_older_news_are_pages_of_their_own(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.news = [news(number, "INK", "added") | {"others": number} for number in range(8, 0, -1)]

    home = (await either.get("/home", headers=reader)).json()
    cursor = home.get("next_news") or home["feed"]["next"]
    older = (await either.get("/feed", params={"cursor": cursor}, headers=reader)).json()

    items = older.get("news") or older["items"]
    assert [(each["id"], each["others"]) for each in items] == [("2", 2), ("1", 1)]
    assert older.get("next") is None


async def test_guests_have_no_news_and_no_service_is_called_for_them(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    home = (await either.get("/home")).json()
    product = (await either.get("/products/PEN")).json()

    assert home.get("feed", {"items": home.get("news", [])})["items"] == []
    assert product.get("following") is None
    assert not {"timeline", "follows"} & set(shop.operations)


async def test_without_the_feed_all_else_is_there(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.trouble |= {"timeline": DOWN, "follows": DOWN}

    home = await either.get("/home", headers=reader)
    product = await either.get("/products/PEN", headers=reader)

    assert home.headers["page-degraded"] == "timeline;reason=unavailable"
    assert home.json().get("feed", {"follows": None})["follows"] is None
    assert product.headers["page-degraded"] == "follows;reason=unavailable"
    assert product.json().get("following") is None


async def test_a_brand_is_followed_and_its_news_are_marked_as_read(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    for method, following in (("DELETE", False), ("PUT", True)):
        changed = await either.request(method, "/brands/quill/follow", headers=reader)
        page = (await either.get("/products/PEN", headers=reader)).json()
        assert changed.json() == {"brand": "quill", "following": following}
        assert page["following"] is following

    read = await either.put("/feed/read", json={"up_to": "4"}, headers=reader)
    assert (read.json(), shop.read_up_to) == ({"unread": 0}, "4")
