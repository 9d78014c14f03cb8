import tomllib
import uuid

import httpx
import pytest

from tests.support.shop import ROOT, RunningShop

pytestmark = pytest.mark.e2e


def stock(http: httpx.Client, sku: str) -> int:
    available = http.get(f"/api/inventory/stock/{sku}").json()["available"]
    assert isinstance(available, int)
    return available


def in_stock(http: httpx.Client, pieces: int) -> str:
    """An article of which so many pieces can be had."""
    cards = http.get("/web/search", params={"limit": 50}).json()["items"]
    return str(next(card["sku"] for card in cards if card["available"] >= pieces))


@pytest.mark.parametrize("client", ["web", "mobile"])
def test_a_shopper_fills_a_basket_orders_it_and_finds_the_order(
    http: httpx.Client, shop: RunningShop, client: str
) -> None:
    shopper = shop.logged_in(client, "shopper")
    sku = in_stock(http, 3)
    before = stock(http, sku)
    filled = http.put(f"/{client}/basket/items/{sku}", json={"quantity": 2}, headers=shopper)
    assert filled.json()["lines"][0]["quantity"] == 2

    intent = {**shopper, "Idempotency-Key": str(uuid.uuid4())}
    placed = http.post(f"/{client}/orders", json={}, headers=intent)
    again = http.post(f"/{client}/orders", json={}, headers=intent)

    assert placed.status_code == again.status_code == 202
    order = placed.json()["id"]
    assert again.json()["id"] == order
    assert stock(http, sku) == before - 2
    assert http.get(f"/{client}/orders/{order}", headers=shopper).json()["lines"][0]["quantity"] == 2
    listed = http.get(f"/{client}/orders", headers=shopper).json()["items"]
    assert [entry["id"] for entry in listed].count(order) == 1
    assert http.get(f"/{client}/basket", headers=shopper).json()["lines"] == []


def test_what_a_basket_costs_is_what_its_order_costs(http: httpx.Client, shop: RunningShop) -> None:
    reader = shop.browser("reader")
    cards = http.get("/web/search", params={"limit": 100}).json()["items"]
    reduced = next(c for c in cards if c["price"] != c["list_price"] and c["available"])
    http.put(f"/web/basket/items/{reduced['sku']}", json={"quantity": 1}, headers=reader)
    basket = http.get("/web/basket", headers=reader).json()

    order = http.post("/web/orders", json={}, headers={**reader, "Idempotency-Key": str(uuid.uuid4())}).json()

    assert order["total"] == basket["total"] == reduced["price"]
    assert order["discount"]["amount"] == reduced["list_price"]["amount"] - reduced["price"]["amount"]


def test_more_than_there_is_cannot_be_ordered(http: httpx.Client, shop: RunningShop) -> None:
    reader = shop.browser("reader")
    cards = http.get("/web/search", params={"limit": 100, "cursor": None}).json()["items"]
    sold_out = next(card["sku"] for card in cards if card["available"] == 0)
    http.put(f"/web/basket/items/{sold_out}", json={"quantity": 1}, headers=reader)

    answer = http.post("/web/orders", json={}, headers={**reader, "Idempotency-Key": str(uuid.uuid4())})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:frontispiece:problem:out-of-stock"
    assert answer.json()["lines"][0]["sku"] == sold_out
    http.delete(f"/web/basket/items/{sold_out}", headers=reader)


def test_a_basket_is_its_owners_alone(http: httpx.Client, shop: RunningShop) -> None:
    sku = in_stock(http, 1)
    http.put(f"/web/basket/items/{sku}", json={"quantity": 1}, headers=shop.browser("clerk"))

    assert http.get("/api/basket/baskets/clerk", headers=shop.phone("clerk")).status_code == 200
    assert http.get("/api/basket/baskets/clerk", headers=shop.phone("shopper")).status_code == 404


def test_a_price_from_a_client_is_refused(http: httpx.Client, shop: RunningShop) -> None:
    answer = http.put(
        "/web/basket/items/PENS-001", json={"quantity": 1, "price": 1}, headers=shop.browser("shopper")
    )
    assert answer.status_code == 422


def test_nothing_is_written_and_nobodys_order_is_read_without_a_login(http: httpx.Client) -> None:
    table = tomllib.loads((ROOT / "routes.toml").read_text())
    guarded = [
        (method, route["path"], route["auth"])
        for route in table["routes"]
        for method in route.get("methods", ["GET"])
        if route["auth"] != "service" and (method != "GET" or "orders" in route["path"])
    ]
    assert len(guarded) > 15
    for method, path, auth in guarded:
        url = path.replace("{", "").replace("}", "").replace(":path", "")
        refused = {401} if auth == "bearer" else {401, 403}  # 403: it lacks even the header of a guest
        assert http.request(method, url).status_code in refused, (method, path)
        forged = http.request(method, url, headers={"Authorization": "Bearer a.b.c"})
        assert forged.status_code in refused, (method, path)


def test_what_the_table_does_not_list_does_not_exist(http: httpx.Client, shop: RunningShop) -> None:
    clerk = shop.phone("clerk")
    assert http.post("/api/inventory/reservations", json={}, headers=clerk).status_code == 404
    assert http.get("/api/catalog/openapi.json").status_code == 404
    assert http.get("/api/discount/health/live").status_code == 404
    wrong = http.delete("/web/home")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
