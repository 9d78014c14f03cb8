from typing import Any

import httpx
import pytest

from tests.bff.documents import article, euros
from tests.bff.troubles import DOWN
from tests.bff.world import Shop


def card(sku: str, price: int, **changes: Any) -> dict[str, Any]:
    document = article(sku)
    image = {name: document["images"][0][name] for name in ("alt", "variants")}
    shown = {
        "sku": sku,
        "name": f"Fine {sku}",
        "brand": {"id": "quill", "name": "Quill & Co"},
        "type": {"id": "pens", "name": "Pens"},
        "image": image,
        "price": euros(price),
        "list_price": euros(price),
        "stars": {"average": None, "count": 0},
        "available": 40,
    }
    return shown | changes


async def test_home_shows_departments_brands_and_articles(web: httpx.AsyncClient, shop: Shop) -> None:
    answer = await web.get("/home")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "types": [{"id": "pens", "name": "Pens", "count": 7}],
        "brands": [{"id": "quill", "name": "Quill & Co", "count": 7}],
        "featured": [
            card("PEN", 1161, list_price=euros(1290), stars={"average": 4.3, "count": 12}),
            card("INK", 850, available=3),
            card("CAP", 100, available=0),
        ],
        "total": 3,
        "feed": {"items": [], "follows": [], "unread": 0, "newest": None, "next": None},
    }
    criteria = shop.last("search").url.params
    assert dict(criteria) == {"sort": "name", "limit": "12"}


@pytest.mark.parametrize(
    ("operation", "member", "fallback"),
    [("stocks", "available", None), ("discounts", "price", euros(1290)), ("ratings", "stars", None)],
)
async def test_without_a_fact_the_cards_leave_it_open(
    web: httpx.AsyncClient, shop: Shop, operation: str, member: str, fallback: object
) -> None:
    shop.trouble[operation] = DOWN
    whole = card("PEN", 1161, list_price=euros(1290), stars={"average": 4.3, "count": 12})

    home = (await web.get("/home")).json()

    assert home["featured"][0] == whole | {member: fallback}
