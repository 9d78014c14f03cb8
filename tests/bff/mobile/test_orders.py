import httpx

from kit.settings import TokenSettings
from kit.tokens import Verifier
from tests.bff.documents import order
from tests.bff.world import Shop, answering, problem

SCREEN = {
    "id": "order-1",
    "status": "confirmed",
    "date": "Nov 22, 2030",
    "lines": [{"sku": "PEN", "name": "Fine PEN", "quantity": 2, "total": "€23.22"}],
    "total": "€23.22",
    "saved": "€2.58",
}


async def test_an_order_is_placed_and_shown(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    answer = await mobile.post("/orders", json={}, headers={**reader, "Idempotency-Key": "an-intent"})

    assert answer.status_code == 202
    assert answer.headers["vary"] == "accept-language"
    assert answer.json() == SCREEN
    assert shop.asked == ["place"]


async def test_one_order_is_shown_in_the_readers_language(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str], token_settings: TokenSettings
) -> None:
    answer = await mobile.get("/orders/order-1", headers={**reader, "Accept-Language": "de"})

    assert answer.status_code == 200
    assert answer.headers["vary"] == "accept-language"
    assert (answer.json()["date"], answer.json()["total"]) == ("22.11.2030", "23,22\N{NO-BREAK SPACE}€")
    caller = Verifier(token_settings, "ordering").caller(shop.last("order").headers["authorization"])
    assert (caller.subject, caller.scopes, caller.client) == ("reader", frozenset({"shop"}), "web")


async def test_an_order_at_full_price_has_saved_nothing(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.orders = [order(1, discount=0)]

    assert "saved" not in (await mobile.get("/orders/order-1", headers=reader)).json()


async def test_all_orders_are_listed_with_the_way_to_older_ones(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    entry = {"status": "confirmed", "date": "Nov 22, 2030", "pieces": 2, "total": "€23.22"}
    entries = [{"id": f"order-{number}", **entry} for number in (2, 1)]
    assert (await mobile.get("/orders", headers=reader)).json() == {"items": entries}

    shop.next = "older"
    answer = await mobile.get("/orders?cursor=newer&limit=2", headers=reader)

    assert answer.json() == {"items": entries, "next": "older"}
    assert dict(shop.last("orders").url.params) == {"limit": "2", "cursor": "newer"}


async def test_an_order_of_nobody_or_somebody_else_is_not_found(
    mobile: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    answer = await mobile.get("/orders/order-9", headers=reader)

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:frontispiece:problem:order-unknown"


async def test_an_order_that_cannot_be_carried_out_says_what_is_missing(
    mobile: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    short = [{"sku": "PEN", "wanted": 2, "available": 1}]
    shop.trouble["place"] = answering(problem(409, "out-of-stock", lines=short))

    answer = await mobile.post("/orders", json={}, headers={**reader, "Idempotency-Key": "an-intent"})

    assert answer.status_code == 409
    assert answer.json()["lines"] == short
