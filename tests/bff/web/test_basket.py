import httpx

from tests.bff.documents import article, euros
from tests.bff.world import Shop


async def test_a_basket_shows_its_lines_at_todays_prices(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.added_at, shop.waiting = {"PEN": 1190, "INK": 850}, {"CAP": 3}

    answer = await web.get("/basket", headers=reader)

    assert answer.status_code == 200
    basket = answer.json()
    members = ("sku", "quantity", "total", "price_when_added")
    assert [[line[name] for name in members] for line in basket["lines"]] == [
        ["PEN", 2, euros(2322), euros(1190)],
        ["INK", 1, euros(850), None],
    ]
    assert basket["waiting"] == [{"sku": "CAP", "quantity": 3}]
    assert basket["lines"][0]["article"] == {
        "sku": "PEN",
        "name": "Fine PEN",
        "brand": {"id": "quill", "name": "Quill & Co"},
        "type": {"id": "pens", "name": "Pens"},
        "image": {name: article("PEN")["images"][0][name] for name in ("alt", "variants")},
        "price": euros(1161),
        "list_price": euros(1290),
        "stars": None,
        "available": 40,
    }
    assert (basket["pieces"], basket["total"]) == (3, euros(3172))
    assert shop.last("see").url.path == "/baskets/reader"


async def test_an_article_that_is_sold_no_more_counts_nothing_and_an_empty_basket_has_no_total(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    del shop.products["PEN"]

    basket = (await web.get("/basket", headers=reader)).json()

    gone = {"sku": "PEN", "quantity": 2, "article": None, "total": None, "price_when_added": None}
    assert basket["lines"][0] == gone
    assert basket["total"] == euros(850)
    shop.basket.clear()
    empty = (await web.get("/basket", headers=reader)).json()
    assert empty == {"lines": [], "pieces": 0, "total": None, "waiting": []}


async def test_a_change_is_answered_with_the_whole_basket(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    more = await web.put("/basket/items/CAP", json={"quantity": 3}, headers=reader)
    assert shop.last("put").content == b'{"quantity":3}'
    less = await web.delete("/basket/items/PEN", headers=reader)

    assert (more.status_code, less.status_code) == (200, 200)
    assert more.json()["total"] == euros(2322 + 850 + 300)
    assert [line["sku"] for line in less.json()["lines"]] == ["INK", "CAP"]
    assert less.json()["total"] == euros(850 + 300)
