from typing import Any

import httpx
import pytest

from tests.bff.documents import article
from tests.bff.troubles import DOWN
from tests.bff.world import Shop

WHOLE: dict[str, Any] = {
    "sku": "PEN",
    "name": "Fine PEN",
    "brand": "Quill & Co",
    "brand_id": "quill",
    "price": "€11.61",
    "amount": {"amount": 1161, "currency": "EUR"},
    "was": "€12.90",
    "badges": ["\N{MINUS SIGN}10%"],
    "image": "/pictures/PEN/1-1280.svg",
    "description": "It writes. It never blots!",
    "stars": {"average": 4.3, "count": 12},
    "review": {"rating": 4, "title": "Good", "text": "It writes."},
    "related": [
        {"sku": "INK", "name": "Fine INK", "price": "€8.50", "image": "/pictures/INK/1-320.svg"},
        {"sku": "CAP", "name": "Fine CAP", "price": "€1.00", "image": "/pictures/CAP/1-320.svg"},
    ],
}


async def test_a_product_screen_shows_enough_to_decide_on_an_article(
    mobile: httpx.AsyncClient, shop: Shop
) -> None:
    answer = await mobile.get("/products/PEN")

    assert answer.status_code == 200
    assert answer.headers["vary"] == "accept-language, width"
    assert answer.json() == WHOLE
    assert dict(shop.last("reviews").url.params) == {"sku": "PEN", "limit": "1"}


@pytest.mark.parametrize(
    ("operation", "left_out", "changed"),
    [
        ("stocks", set(), {}),
        ("discounts", {"was", "badges"}, {"price": "€12.90", "amount": {"amount": 1290, "currency": "EUR"}}),
        ("ratings", {"stars"}, {}),
        ("reviews", {"review"}, {}),
        ("products", {"related"}, {}),
    ],
)
async def test_without_a_part_the_screen_shows_the_rest(
    mobile: httpx.AsyncClient, shop: Shop, operation: str, left_out: set[str], changed: dict[str, str]
) -> None:
    shop.trouble[operation] = DOWN

    answer = await mobile.get("/products/PEN")

    assert answer.status_code == 200
    rest = {name: value for name, value in WHOLE.items() if name not in left_out}
    assert answer.json() == {**rest, **changed}
    assert answer.headers["page-degraded"].endswith(";reason=unavailable")


async def test_at_most_six_related_articles_are_requested_and_shown_at_their_current_price(
    mobile: httpx.AsyncClient, shop: Shop
) -> None:
    others = [f"OTHER-{number}" for number in range(9)]
    shop.sells(article("PEN", related=others), *(article(sku) for sku in others))
    shop.percent["OTHER-0"] = 50

    screen = (await mobile.get("/products/PEN")).json()

    assert [tile["sku"] for tile in screen["related"]] == others[:6]
    assert [tile["price"] for tile in screen["related"][:2]] == ["€6.45", "€12.90"]
    assert shop.last("products").url.params.get_list("sku") == others[:6]
