import httpx
import pytest

from tests.bff.documents import Json, article, euros, review
from tests.bff.troubles import DOWN
from tests.bff.world import Shop


def images_of(sku: str) -> list[Json]:
    """An article's images as a client sees them."""
    return [{name: image[name] for name in ("alt", "variants")} for image in article(sku)["images"]]


async def test_a_product_page_shows_everything_about_an_article(web: httpx.AsyncClient, shop: Shop) -> None:
    answer = await web.get("/products/PEN")

    assert answer.status_code == 200
    page = answer.json()
    related = page.pop("related")
    assert page == {
        "sku": "PEN",
        "name": "Fine PEN",
        "description": "It writes. It never blots! It was made for 2. Nobody regrets it.",
        "brand": {"id": "quill", "name": "Quill & Co"},
        "following": None,
        "type": {"id": "pens", "name": "Pens"},
        "breadcrumbs": [
            {"label": "Home", "path": "/home"},
            {"label": "Pens", "path": "/search?type=pens"},
            {"label": "Fine PEN", "path": "/products/PEN"},
        ],
        "images": images_of("PEN"),
        "attributes": {"nib": "fine", "sizes": [1, 2]},
        "price": euros(1161),
        "list_price": euros(1290),
        "discount": {"percent": 10, "description": "Sale"},
        "available": 40,
        "reviews": {
            "rating": {"sku": "PEN", "count": 12, "average": 4.3, "histogram": {"4": 12}},
            "latest": [
                {name: value for name, value in review(number).items() if name != "sku"}
                for number in range(1, 6)
            ],
        },
    }
    assert [(card["sku"], card["price"], card["available"], card["image"]) for card in related] == [
        ("INK", euros(850), 3, images_of("INK")[0]),
        ("CAP", euros(100), 0, images_of("CAP")[0]),
    ]
    assert dict(shop.last("reviews").url.params) == {"sku": "PEN", "limit": "5"}


@pytest.mark.parametrize(
    ("operation", "fallback"),
    [
        ("stocks", {"available": None}),
        ("discounts", {"price": euros(1290), "discount": None}),
        ("products", {"related": []}),
    ],
)
async def test_without_a_part_the_page_shows_the_rest(
    web: httpx.AsyncClient, shop: Shop, operation: str, fallback: Json
) -> None:
    whole = (await web.get("/products/PEN")).json()
    shop.trouble[operation] = DOWN

    page = (await web.get("/products/PEN")).json()

    for article_page in (whole, page):  # what fails for one article fails for those beside it too
        article_page["related"] = [card["sku"] for card in article_page["related"]]
    assert page == whole | fallback


async def test_of_an_article_that_inventory_never_had_there_is_none(
    web: httpx.AsyncClient, shop: Shop
) -> None:
    del shop.stock["PEN"]

    answer = await web.get("/products/PEN")

    assert answer.json()["available"] == 0
    assert "page-degraded" not in answer.headers
