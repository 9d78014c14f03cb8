"""Only articles that catalog sells get into a basket, and each line says when its price has changed."""

from typing import Any

import httpx
import pytest
import valkey

from frontispiece.events import Event
from services.basket.events import PriceChanged, ProductRemoved
from services.basket.model import ArticlesUnknown
from services.basket.store import Store
from shop.money import Money
from tests.services.support import Catalog, problem_of
from tests.support.events import event

MINE = "/baskets/reader"


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount * 100, "currency": "EUR"}


def changed(amount: int, version: int, sku: str = "PEN") -> Event[PriceChanged]:
    data = PriceChanged(sku=sku, amount=amount * 100, currency="EUR", version=version)
    return event(data, subject=sku)


def removed(version: int, sku: str = "PEN") -> Event[ProductRemoved]:
    return event(ProductRemoved(sku=sku, version=version), subject=sku)


async def current_price(store: Store, owner: str = "reader") -> Money | None:
    [line] = (await store.basket(owner)).lines
    return line.current_price


async def test_an_unknown_article_gets_into_no_basket(http: httpx.AsyncClient, catalog: Catalog) -> None:
    catalog.unknown = {"NOPE", "NADA"}
    put = await http.put(f"{MINE}/items/NOPE", json={"quantity": 1})
    items = [{"sku": sku, "quantity": 1} for sku in ("PEN", "NOPE", "NADA")]
    merged = await http.post(f"{MINE}/merge", json={"items": items})

    assert problem_of(put) == problem_of(merged) == (422, "article-unknown")
    assert (put.json()["skus"], sorted(merged.json()["skus"])) == (["NOPE"], ["NADA", "NOPE"])
    assert (await http.get(MINE)).json()["items"] == []


async def test_catalog_is_called_once_for_an_article_and_for_many_in_one_call(
    http: httpx.AsyncClient, catalog: Catalog
) -> None:
    items = [{"sku": f"S{number}", "quantity": 1} for number in range(100)]
    await http.post(f"{MINE}/merge", json={"items": items})
    await http.put(f"{MINE}/items/S0", json={"quantity": 7})

    assert catalog.requests == [[f"S{number}" for number in range(100)]]


async def test_while_catalog_is_away_known_articles_are_put_in_and_new_ones_are_not(
    http: httpx.AsyncClient, catalog: Catalog
) -> None:
    await http.put(f"{MINE}/items/PEN", json={"quantity": 1})
    for catalog.status, problem in ((0, 503), (500, 502), (503, 503)):
        refused = await http.put(f"{MINE}/items/INK", json={"quantity": 1})
        assert refused.status_code == problem
        assert refused.headers["content-type"] == "application/problem+json"
        assert (await http.put(f"{MINE}/items/PEN", json={"quantity": 2})).status_code == 200
        assert (await http.delete(f"{MINE}/items/PEN")).status_code == 200


async def test_a_line_shows_what_the_article_cost_when_it_was_put_in_and_what_it_costs_now(
    http: httpx.AsyncClient, store: Store
) -> None:
    before = await http.put(f"{MINE}/items/PEN", json={"quantity": 2})
    [line] = before.json()["items"]
    assert (line["price_when_added"], line["current_price"]) == (euros(10), euros(10))

    await store.price_changed(changed(12, version=7))
    after = await http.get(MINE, headers={"If-None-Match": before.headers["etag"]})
    [line] = after.json()["items"]
    assert (after.status_code, line["price_when_added"], line["current_price"]) == (200, euros(10), euros(12))
    assert after.json()["version"] == before.json()["version"], "the basket is what it was"

    [line] = (await http.put(f"{MINE}/items/PEN", json={"quantity": 3})).json()["items"]
    assert (line["price_when_added"], line["current_price"]) == (euros(10), euros(12))
    await http.delete(f"{MINE}/items/PEN")
    [line] = (await http.put(f"{MINE}/items/PEN", json={"quantity": 3})).json()["items"]
    assert (line["price_when_added"], line["current_price"]) == (euros(12), euros(12))


async def test_the_first_price_survives_a_login_and_a_checkout_that_ends(store: Store) -> None:
    await store.put("guest:1", "PEN", 2)
    await store.price_changed(changed(12, version=7))
    adopted = await store.adopt("reader", "guest:1")
    await store.claim("reader", "o1", adopted.version)
    released = await store.release("reader", "o1")

    assert released == adopted
    [line] = released.lines
    assert line.price_when_added == Money(amount=1000, currency="EUR")


async def test_of_prices_the_latest_version_counts_however_they_are_delivered(store: Store) -> None:
    await store.put("reader", "PEN", 1)
    for event_ in (changed(12, version=7), changed(13, version=8), changed(12, version=7)):
        await store.price_changed(event_)
    await store.learn({"PEN": Money(amount=1, currency="EUR")})

    assert await current_price(store) == Money(amount=1300, currency="EUR")


async def test_an_article_that_is_no_longer_sold_cannot_be_put_in_until_it_is_again(store: Store) -> None:
    await store.price_changed(changed(12, version=7))
    await store.product_removed(removed(version=8))
    await store.price_changed(changed(13, version=6))
    with pytest.raises(ArticlesUnknown):
        await store.put("reader", "PEN", 1)

    await store.learn({"PEN": Money(amount=1400, currency="EUR")})
    await store.put("reader", "PEN", 1)
    await store.product_removed(removed(version=8))
    assert await current_price(store) == Money(amount=1400, currency="EUR")


async def test_what_is_in_a_basket_stays_there_when_it_is_no_longer_sold(store: Store) -> None:
    await store.put("reader", "PEN", 2)
    await store.product_removed(removed(version=8))

    assert await current_price(store) is None
    assert (await store.basket("reader")).quantities == {"PEN": 2}
    assert (await store.remove("reader", "PEN")).quantities == {}


async def test_a_basket_of_before_there_were_prices_is_read_and_changed(
    store: Store, valkey_url: str
) -> None:
    with valkey.Valkey.from_url(valkey_url) as client:
        client.hset("basket:reader", mapping={"": "1700000000000000", "PEN": "2"})

    [line] = (await store.basket("reader")).lines
    assert (line.quantity, line.price_when_added) == (2, None)
    assert (await store.put("reader", "PEN", 3)).quantities == {"PEN": 3}
