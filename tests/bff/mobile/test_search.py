import httpx

from tests.bff.world import DOWN, Shop, answering, problem


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


async def test_the_last_results_have_no_way_on(mobile: httpx.AsyncClient) -> None:
    assert set((await mobile.get("/search")).json()) == {"total", "tiles"}


async def test_types_to_narrow_by_come_when_they_are_asked_for(mobile: httpx.AsyncClient) -> None:
    results = (await mobile.get("/search?facets=true")).json()

    assert results["types"] == [{"id": "pens", "name": "Pens", "count": 7}]
    assert "brands" not in results


async def test_every_criterion_goes_to_the_catalogue(mobile: httpx.AsyncClient, shop: Shop) -> None:
    criteria = {"q": "fine & dry", "type": "pens", "sort": "-price", "cursor": "a-cursor", "limit": "2"}

    answer = await mobile.get("/search", params=criteria)

    assert len(answer.json()["tiles"]) == 2
    assert dict(shop.last("search").url.params) == criteria


async def test_a_screen_is_asked_for_when_nothing_else_is_said(mobile: httpx.AsyncClient, shop: Shop) -> None:
    await mobile.get("/search")

    assert dict(shop.last("search").url.params) == {"limit": "12"}


async def test_without_facts_the_tiles_say_nothing_of_them(mobile: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble |= {"stocks": DOWN, "discounts": DOWN, "ratings": DOWN}

    tiles = (await mobile.get("/search")).json()["tiles"]

    assert all(set(tile) == {"sku", "name", "price", "image"} for tile in tiles)
    assert tiles[0]["price"] == "€12.90"


async def test_nothing_found_is_no_failure(mobile: httpx.AsyncClient, shop: Shop) -> None:
    shop.products.clear()

    assert (await mobile.get("/search?q=nothing")).json() == {"total": 0, "tiles": []}


async def test_what_the_catalogue_says_of_a_criterion_the_client_learns(
    mobile: httpx.AsyncClient, shop: Shop
) -> None:
    shop.trouble["search"] = answering(problem(422, "cursor-invalid"))

    answer = await mobile.get("/search?cursor=nonsense")

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:frontispiece:problem:cursor-invalid"
