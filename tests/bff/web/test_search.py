import httpx

from tests.bff.documents import article, euros
from tests.bff.world import DOWN, Shop, answering, problem


async def test_search_shows_cards_facets_and_the_way_on(web: httpx.AsyncClient, shop: Shop) -> None:
    shop.next = "a-cursor"

    answer = await web.get("/search?q=fine")

    assert answer.status_code == 200
    results = answer.json()
    assert [(card["sku"], card["price"], card["available"]) for card in results["items"]] == [
        ("PEN", euros(1161), 40),
        ("INK", euros(850), 3),
        ("CAP", euros(100), 0),
    ]
    assert results["items"][0]["stars"] == {"average": 4.3, "count": 12}
    assert (results["total"], results["next"]) == (3, "a-cursor")
    assert results["facets"] == {
        "brands": [{"id": "quill", "name": "Quill & Co", "count": 7}],
        "types": [{"id": "pens", "name": "Pens", "count": 7}],
        "prices": [{"from": 0, "to": None, "count": 7}],
    }


async def test_every_criterion_goes_to_the_catalogue(web: httpx.AsyncClient, shop: Shop) -> None:
    criteria: list[tuple[str, str | int | float | bool | None]] = [
        ("q", "fine & dry"),
        ("brand", "quill"),
        ("brand", "nib"),
        ("type", "pens"),
        ("min_price", "0"),
        ("max_price", "5000"),
        ("sort", "price"),
        ("cursor", "a-cursor"),
        ("limit", "2"),
    ]

    answer = await web.get("/search", params=criteria)

    assert len(answer.json()["items"]) == 2
    assert shop.last("search").url.params.multi_items() == criteria


async def test_a_criterion_that_is_not_given_is_not_asked_for(web: httpx.AsyncClient, shop: Shop) -> None:
    await web.get("/search?q=&utm_source=letter")

    assert shop.last("search").url.params.multi_items() == [("limit", "24")]


async def test_without_facts_the_cards_leave_them_open(web: httpx.AsyncClient, shop: Shop) -> None:
    shop.trouble |= {"stocks": DOWN, "discounts": DOWN, "ratings": DOWN}

    first = (await web.get("/search")).json()["items"][0]

    assert (first["price"], first["available"], first["stars"]) == (euros(1290), None, None)


async def test_what_the_catalogue_says_of_a_criterion_the_client_learns(
    web: httpx.AsyncClient, shop: Shop
) -> None:
    shop.trouble["search"] = answering(problem(422, "cursor-invalid"))

    answer = await web.get("/search?cursor=nonsense")

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:frontispiece:problem:cursor-invalid"


async def test_what_the_services_say_besides_is_passed_over(web: httpx.AsyncClient, shop: Shop) -> None:
    shop.products = {"PEN": article("PEN") | {"margin": 70}}

    assert "margin" not in (await web.get("/search")).text
