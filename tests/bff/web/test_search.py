import httpx

from tests.bff.documents import euros
from tests.bff.world import Shop


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


async def test_a_criterion_that_is_not_given_is_not_sent(web: httpx.AsyncClient, shop: Shop) -> None:
    await web.get("/search?q=&utm_source=letter")

    assert shop.last("search").url.params.multi_items() == [("limit", "24")]
