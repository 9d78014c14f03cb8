import httpx
import pytest

from tests.bff.troubles import DOWN
from tests.bff.world import Shop

PEN = {
    "sku": "PEN",
    "name": "Fine PEN",
    "price": "€11.61",
    "amount": {"amount": 1161, "currency": "EUR"},
    "was": "€12.90",
    "badges": ["\N{MINUS SIGN}10%"],
    "image": "/pictures/PEN/1-320.svg",
    "stars": {"average": 4.3, "count": 12},
}


async def test_home_shows_departments_and_articles_and_leaves_out_what_does_not_apply(
    mobile: httpx.AsyncClient, shop: Shop
) -> None:
    answer = await mobile.get("/home")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "accept-language, width"
    assert answer.json() == {
        "tiles": [
            PEN,
            {
                "sku": "INK",
                "name": "Fine INK",
                "price": "€8.50",
                "amount": {"amount": 850, "currency": "EUR"},
                "badges": ["Only 3 left"],
                "image": "/pictures/INK/1-320.svg",
            },
            {
                "sku": "CAP",
                "name": "Fine CAP",
                "price": "€1.00",
                "amount": {"amount": 100, "currency": "EUR"},
                "badges": ["Sold out"],
                "image": "/pictures/CAP/1-320.svg",
            },
        ],
        "types": [{"id": "pens", "name": "Pens"}],
    }
    assert dict(shop.last("search").url.params) == {"sort": "name", "limit": "8"}


@pytest.mark.parametrize(
    ("operation", "left_out", "changed"),
    [
        ("stocks", set(), {}),
        ("discounts", {"was", "badges"}, {"price": "€12.90", "amount": {"amount": 1290, "currency": "EUR"}}),
        ("ratings", {"stars"}, {}),
        ("types", set(), {}),
    ],
)
async def test_without_a_fact_the_tiles_say_nothing_of_it(
    mobile: httpx.AsyncClient, shop: Shop, operation: str, left_out: set[str], changed: dict[str, str]
) -> None:
    shop.trouble[operation] = DOWN

    home = (await mobile.get("/home")).json()

    tiles = home["tiles"]
    rest = {name: value for name, value in PEN.items() if name not in left_out}
    assert tiles[0] == {**rest, **changed}
    assert ("badges" in tiles[2]) == (operation != "stocks")
    assert ("types" in home) == (operation != "types")


async def test_home_speaks_the_readers_language(mobile: httpx.AsyncClient) -> None:
    answer = await mobile.get("/home", headers={"Accept-Language": "ja, de-DE;q=0.9, en;q=0.8"})

    first, second, third = answer.json()["tiles"]
    assert (first["price"], first["was"]) == ("11,61\N{NO-BREAK SPACE}€", "12,90\N{NO-BREAK SPACE}€")
    assert second["badges"] == ["Nur noch 3"]
    assert third["badges"] == ["Ausverkauft"]
