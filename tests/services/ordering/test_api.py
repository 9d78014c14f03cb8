"""Placing and cancelling orders, while the services around ordering do what they should."""

import asyncio
from typing import Any

import httpx
import pytest

from frontispiece.security import Verifier
from frontispiece.settings import TokenSettings
from services.ordering import events
from services.ordering.domain_events import Address
from services.ordering.queries import POSITIONS
from services.ordering.store import Orders
from services.ordering.tables import outbox
from tests.conftest import MakeToken
from tests.services.ordering.orders import ORDER_ID
from tests.services.ordering.unreadable import TOKENS, UNREADABLE
from tests.services.ordering.world import ADDRESS, STORE, Shop, refusal
from tests.support.events import event, published


def eur(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "EUR"}


async def sent(orders: Orders) -> list[Any]:
    """The data of all messages so far."""
    return [message.data for message in await published(orders.database, outbox)]


async def test_a_basket_becomes_a_pending_order_at_once_at_the_servers_prices(shop: Shop) -> None:
    shop.takes_off("PEN", 50)
    answer = await shop.place(total=1334 + 490)

    assert answer.status_code == 202
    order = answer.json()
    assert order.pop("placed_at").endswith("Z")
    assert [milestone["stage"] for milestone in order.pop("timeline")] == ["placed"]
    assert answer.headers["location"] == f"/orders/{order.pop('id')}"
    assert int(answer.headers["position"]) % POSITIONS == 2
    assert order == {
        "status": "pending",
        "stage": "placed",
        "reason": None,
        "coupon": None,
        "lines": [
            {
                "sku": "PEN",
                "name": "Fine PEN",
                "quantity": 2,
                "unit_price": eur(333),
                "percent_off": 50,
                "total": eur(334),
            },
            {
                "sku": "INK",
                "name": "Fine INK",
                "quantity": 1,
                "unit_price": eur(1000),
                "percent_off": 0,
                "total": eur(1000),
            },
        ],
        "subtotal": eur(1666),
        "discount": eur(332),
        "shipping": {
            "method": "standard",
            "address": ADDRESS,
            "price": eur(490),
            "tracking_code": None,
            "pickup": None,
        },
        "total": eur(1824),
    }
    assert shop.claims == {answer.headers["location"].removeprefix("/orders/"): {"PEN": 2, "INK": 1}}


async def test_what_was_placed_is_published_and_stock_is_reserved(shop: Shop, orders: Orders) -> None:
    order = (await shop.place()).json()["id"]

    placed, reserve = await sent(orders)
    assert isinstance(placed, events.OrderPlaced)
    assert (placed.order_id, placed.owner, placed.total, placed.basket_version) == (order, "reader", 2156, 7)
    lines = (events.Line(sku="PEN", quantity=2), events.Line(sku="INK", quantity=1))
    assert reserve == events.ReserveStock(order_id=order, lines=lines, ttl_seconds=900)


async def test_the_payment_is_for_the_total_and_the_shipment_goes_to_the_address(
    shop: Shop, orders: Orders
) -> None:
    order = (await shop.place()).json()["id"]
    await orders.handle(event(events.StockReserved(order_id=order), subject=order))
    authorised = events.PaymentAuthorised(order_id=order, amount=2156, currency="EUR")
    await orders.handle(event(authorised, subject=order))

    messages = await sent(orders)
    assert messages[2] == events.AuthorisePayment(
        order_id=order, owner="reader", amount=2156, currency="EUR", payment_token="tok_1"
    )
    assert messages[-1] == events.CreateShipment(
        order_id=order,
        owner="reader",
        method="standard",
        address=Address(**ADDRESS),
        lines=messages[1].lines,
    )


async def test_an_order_that_is_picked_up_costs_no_delivery_and_goes_to_the_store(
    shop: Shop, orders: Orders
) -> None:
    pickup = {"method": "pickup", "address": ADDRESS, "store": "7"}
    unknown = await shop.place(total=1666, shipping={**pickup, "store": "8"})
    placed = await shop.place(total=1666, shipping=pickup)
    order = placed.json()
    await orders.handle(event(events.StockReserved(order_id=order["id"]), subject=order["id"]))
    authorised = events.PaymentAuthorised(order_id=order["id"], amount=1666, currency="EUR")
    await orders.handle(event(authorised, subject=order["id"]))

    assert (unknown.status_code, unknown.json()["type"]) == (422, "urn:frontispiece:problem:store-unknown")
    assert (placed.status_code, order["shipping"]["pickup"]) == (202, STORE)
    assert order["shipping"]["price"]["amount"] == 0
    shipment = (await sent(orders))[-1]
    assert isinstance(shipment, events.CreateShipment)
    assert (shipment.method, shipment.address.name) == ("pickup", ADDRESS["name"])
    assert (shipment.address.street, shipment.store) == (STORE["street"], STORE["name"])
    assert "quote" not in [step for step, _ in shop.calls]


async def test_one_order_calls_each_service_once_for_all_its_articles(shop: Shop) -> None:
    await shop.place()

    (claim, *rest) = [step for step, _ in shop.calls]
    assert (claim, sorted(rest)) == ("claim", ["catalog", "quote"])
    assert shop.discounts.asked == [["PEN", "INK"]]
    assert [r.url.query for step, r in shop.calls if step == "quote"] == [b"country=DE&pieces=3"]


async def test_independent_calls_are_made_at_once(shop: Shop) -> None:
    async def wait_for_the_others() -> None:
        async with asyncio.timeout(60):
            await others.wait()

    async def arrive() -> None:
        arrived.append(1)
        if len(arrived) == 2:
            others.set()

    arrived: list[int] = []
    others = asyncio.Event()
    shop.trouble = {"catalog": wait_for_the_others, "quote": arrive}
    shop.discounts.trouble = arrive

    assert (await shop.place()).status_code == 202


async def test_every_call_says_to_each_service_alone_for_whom_it_is_and_carries_the_requests_names(
    shop: Shop, token_settings: TokenSettings
) -> None:
    named = {"x-request-id": "r-1", "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
    await shop.place({**shop.headers, **named})

    called = [(request.url.host.removesuffix(".test"), dict(request.headers)) for _, request in shop.calls]
    for service, headers in [*called, *(("discount", metadata) for metadata in shop.discounts.metadata)]:
        assert headers.items() >= named.items()
        caller = Verifier(token_settings, service).caller(headers["authorization"])
        assert (caller.subject, caller.scopes, caller.client) == ("reader", frozenset({"shop"}), "web")


async def test_a_request_id_that_is_no_plain_text_is_left_behind(shop: Shop) -> None:
    headers = httpx.Headers({**shop.headers, "x-request-id": "café"}, encoding="latin-1")
    answer = await shop.http.post("/orders", json=shop.body(), headers=headers)

    assert answer.status_code == 202
    assert "x-request-id" not in shop.discounts.metadata[0]


async def test_a_coupon_counts_however_it_is_written_and_is_used_for_the_order(shop: Shop) -> None:
    shop.takes_off("INK", 20, coupon="SPRING")
    answer = await shop.place(total=1466 + 490, coupon=" Spring ")

    assert (answer.json()["discount"], answer.json()["coupon"]) == (eur(200), "Spring")
    assert shop.discounts.redeemed == [("SPRING", answer.json()["id"])]


@pytest.mark.parametrize("coupon", [None, "", "  ", "\t"])
async def test_a_blank_coupon_is_none(shop: Shop, coupon: str | None) -> None:
    assert (await shop.place(coupon=coupon)).json()["coupon"] is None
    assert (await shop.place()).status_code == 202  # the same request in other words
    assert shop.discounts.redeemed == []


async def test_the_same_key_gives_the_same_order(shop: Shop) -> None:
    first = await shop.place()
    shop.basket = {"PEN": 5}
    again = await shop.place()

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["position"] == first.headers["position"]
    assert shop.basket == {"PEN": 5}


async def test_the_same_key_with_another_request_is_refused(shop: Shop) -> None:
    order = (await shop.place()).json()["id"]

    assert refusal(await shop.place(total=1))[:2] == (422, "idempotency-key-reused")
    assert order in shop.claims


async def test_what_came_into_the_basket_while_the_order_was_placed_stays_there(shop: Shop) -> None:
    async def go_on_shopping() -> None:
        shop.basket |= {"INK": 3, "CAP": 1}

    shop.trouble["catalog"] = go_on_shopping
    await shop.place()

    assert shop.basket == {"INK": 3, "CAP": 1}


async def test_a_request_that_cannot_be_understood_is_refused(shop: Shop) -> None:
    tokens: list[dict[str, object]] = [{"payment_token": token} for token in TOKENS]
    for change in [*UNREADABLE, *tokens]:
        answer = await shop.http.post("/orders", json={**shop.body(), **change}, headers=shop.headers)

        assert answer.status_code == 422, change
        assert answer.headers["content-type"] == "application/problem+json"
        assert "4111" not in answer.text
    assert shop.calls == []


async def test_text_that_no_database_could_store_is_refused(shop: Shop) -> None:
    for content in (b'{"coupon": "\\ud800"}', b"[]", b"null"):
        answer = await shop.http.post("/orders", content=content, headers=shop.headers)
        assert answer.status_code == 422


async def test_a_pending_order_is_cancelled_by_its_customer(shop: Shop, orders: Orders) -> None:
    order = (await shop.place()).json()["id"]
    answer = await shop.http.post(f"/orders/{order}/cancel", headers=shop.headers)
    again = await shop.http.post(f"/orders/{order}/cancel", headers=shop.headers)

    assert (answer.status_code, answer.json()["stage"]) == (202, "cancellation-started")
    assert (again.status_code, again.json()) == (202, answer.json())
    assert answer.json()["reason"] == "cancelled-by-customer"

    await orders.handle(event(events.StockReleased(order_id=order), subject=order))
    done = await shop.http.post(f"/orders/{order}/cancel", headers=shop.headers)
    assert (done.status_code, done.json()["status"]) == (202, "cancelled")


async def test_a_confirmed_order_can_no_longer_be_cancelled(shop: Shop, orders: Orders) -> None:
    order = (await shop.place()).json()["id"]
    await orders.handle(event(events.StockReserved(order_id=order), subject=order))
    authorised = events.PaymentAuthorised(order_id=order, amount=2156, currency="EUR")
    await orders.handle(event(authorised, subject=order))
    answer = await shop.http.post(f"/orders/{order}/cancel", headers=shop.headers)

    assert refusal(answer)[:2] == (409, "order-confirmed")


async def test_an_order_of_another_customer_cannot_be_cancelled(shop: Shop, bearer: MakeToken) -> None:
    order = (await shop.place()).json()["id"]

    for path in (order, "not-an-id", str(int(order) + 1), str(2**63), ORDER_ID):
        answer = await shop.http.post(f"/orders/{path}/cancel", headers=bearer("shopper", "shop"))
        assert refusal(answer)[:2] == (404, "order-unknown")
    assert (await shop.http.post(f"/orders/{order}/cancel")).status_code == 401
