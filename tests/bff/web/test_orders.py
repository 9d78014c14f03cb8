import httpx

from kit.settings import TokenSettings
from kit.tokens import Verifier
from tests.bff.documents import Json, order
from tests.bff.world import Shop, answering, problem


def whole(told: Json) -> Json:
    """An order as the client sees it: what the service says besides is passed over."""
    lines = [{name: value for name, value in line.items() if name != "later"} for line in told["lines"]]
    return {name: value for name, value in told.items() if name != "later"} | {"lines": lines}


async def test_an_order_is_placed_and_shown_whole(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    answer = await web.post("/orders", json={}, headers={**reader, "Idempotency-Key": "an-intent"})

    assert answer.status_code == 202
    assert answer.json() == whole(order())
    assert shop.asked == ["place"]


async def test_one_order_is_shown_whole(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str], token_settings: TokenSettings
) -> None:
    answer = await web.get("/orders/order-2", headers=reader)

    assert answer.status_code == 200
    assert answer.json() == whole(order(2))
    caller = Verifier(token_settings, "ordering").caller(shop.last("order").headers["authorization"])
    assert (caller.subject, caller.scopes, caller.client) == ("reader", frozenset({"shop"}), "web")


async def test_all_orders_are_listed_with_the_way_to_older_ones(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.next = "older"

    answer = await web.get("/orders?cursor=newer&limit=2", headers=reader)

    summary = {"status": "confirmed", "placed_at": "2030-11-22T23:30:00Z", "pieces": 2}
    total = {"amount": 2322, "currency": "EUR"}
    assert answer.json() == {
        "items": [{"id": f"order-{number}", **summary, "total": total} for number in (2, 1)],
        "next": "older",
    }
    assert dict(shop.last("orders").url.params) == {"limit": "2", "cursor": "newer"}


async def test_an_order_of_nobody_or_somebody_else_is_not_found(
    web: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    answer = await web.get("/orders/order-9", headers=reader)

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:frontispiece:problem:order-unknown"


async def test_an_order_that_cannot_be_carried_out_says_what_is_missing(
    web: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    short = [{"sku": "PEN", "wanted": 2, "available": 1}]
    shop.trouble["place"] = answering(problem(409, "out-of-stock", lines=short))

    answer = await web.post("/orders", json={}, headers={**reader, "Idempotency-Key": "an-intent"})

    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:frontispiece:problem:out-of-stock"
    assert answer.json()["lines"] == short
