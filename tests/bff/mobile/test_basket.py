import httpx

from tests.bff.world import Shop

PEN = {
    "sku": "PEN",
    "quantity": 2,
    "name": "Fine PEN",
    "image": "/pictures/PEN/1-320.svg",
    "price": "€11.61",
    "amount": {"amount": 1161, "currency": "EUR"},
    "total": "€23.22",
    "badges": ["\N{MINUS SIGN}10%"],
}
INK = {
    "sku": "INK",
    "quantity": 1,
    "name": "Fine INK",
    "image": "/pictures/INK/1-320.svg",
    "price": "€8.50",
    "amount": {"amount": 850, "currency": "EUR"},
    "total": "€8.50",
    "badges": ["Only 3 left"],
}


async def test_a_basket_shows_its_lines_at_todays_prices(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.added_at, shop.waiting = {"PEN": 1190, "INK": 850}, {"CAP": 3}

    answer = await mobile.get("/basket", headers=reader)

    assert answer.status_code == 200
    assert answer.headers["vary"] == "accept-language, width"
    assert answer.json() == {
        "lines": [{**PEN, "price_when_added": "€11.90"}, INK],
        "total": "€31.72",
        "waiting": [{"sku": "CAP", "quantity": 3}],
    }
    assert shop.last("see").url.path == "/baskets/reader"


async def test_an_article_that_is_sold_no_more_counts_nothing_and_an_empty_basket_has_no_total(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    del shop.products["PEN"]

    basket = (await mobile.get("/basket", headers=reader)).json()

    assert basket == {"lines": [{"sku": "PEN", "quantity": 2}, INK], "total": "€8.50"}
    shop.basket.clear()
    assert (await mobile.get("/basket", headers=reader)).json() == {"lines": []}


async def test_a_change_is_answered_with_the_whole_basket(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    more = await mobile.put("/basket/items/PEN?dpr=1", json={"quantity": 3}, headers=reader)
    assert shop.last("put").content == b'{"quantity":3}'
    less = await mobile.delete(
        "/basket/items/INK", headers={**reader, "Accept-Language": "fr", "Width": "640"}
    )

    image = "/pictures/PEN/1-160.svg"
    assert (more.status_code, less.status_code) == (200, 200)
    assert more.json()["lines"][0] == PEN | {"quantity": 3, "total": "€34.83", "image": image}
    assert more.json()["total"] == "€43.33"
    assert less.json()["total"] == "34,83\N{NO-BREAK SPACE}€"
    assert [line["image"] for line in less.json()["lines"]] == ["/pictures/PEN/1-640.svg"]
