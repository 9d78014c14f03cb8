import httpx

from tests.bff.world import Shop


async def test_search_shows_tiles_and_the_way_on(mobile: httpx.AsyncClient, shop: Shop) -> None:
    shop.next = "a-cursor"

    answer = await mobile.get("/search?q=fine")

    assert answer.status_code == 200
    assert answer.headers["vary"] == "accept-language, width"
    results = answer.json()
    assert [(tile["sku"], tile["price"], tile["badges"]) for tile in results.pop("tiles")] == [
        ("PEN", "€11.61", ["\N{MINUS SIGN}10%"]),
        ("INK", "€8.50", ["Only 3 left"]),
        ("CAP", "€1.00", ["Sold out"]),
    ]
    assert results == {"total": 3, "next": "a-cursor"}


async def test_a_price_that_is_none_is_refused_before_any_call(mobile: httpx.AsyncClient, shop: Shop) -> None:
    for price in ("-1", "cheap", ""):
        assert (await mobile.get("/search", params={"max_price": price})).status_code == 422
    assert shop.operations == []
