"""Ordering as its clients see it, while the services around it do what they should."""

import httpx

from kit.settings import TokenSettings
from kit.tokens import Verifier
from tests.conftest import MakeToken
from tests.services.ordering.world import Shop


def eur(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "EUR"}


async def place(http: httpx.AsyncClient, headers: dict[str, str], **body: object) -> httpx.Response:
    return await http.post("/orders", json=body, headers=headers)


async def test_a_basket_becomes_an_order_at_the_servers_prices(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.takes_off("PEN", 50)
    answer = await place(http, reader)

    assert answer.status_code == 202
    order = answer.json()
    assert order.pop("placed_at").endswith("Z")
    assert answer.headers["location"] == f"/orders/{order.pop('id')}"
    assert order == {
        "status": "confirmed",
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
        "total": eur(1334),
    }
    assert shop.sold == {"PEN": 2, "INK": 1}
    assert shop.basket == {}


async def test_one_order_asks_each_service_once_for_all_its_articles(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    await place(http, reader)

    steps = [step for step, _ in shop.calls]
    assert steps == ["basket", "catalog", "reserve", "commit", "basket", "clear"]
    assert len(shop.discounts.metadata) == 1


async def test_every_call_says_to_each_service_alone_for_whom_it_is_and_carries_the_requests_names(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str], token_settings: TokenSettings
) -> None:
    named = {"x-request-id": "r-1", "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
    await place(http, {**reader, **named})

    called = [(request.url.host.removesuffix(".test"), dict(request.headers)) for _, request in shop.calls]
    for service, headers in [*called, *(("discount", metadata) for metadata in shop.discounts.metadata)]:
        assert headers.items() >= named.items()
        caller = Verifier(token_settings, service).caller(headers["authorization"])
        assert (caller.subject, caller.scopes, caller.client) == ("reader", frozenset({"shop"}), "web")


async def test_a_request_id_that_is_no_plain_text_is_left_behind(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    headers = httpx.Headers({**reader, "x-request-id": "café"}, encoding="latin-1")
    answer = await http.post("/orders", json={}, headers=headers)

    assert answer.status_code == 202
    assert "x-request-id" not in shop.discounts.metadata[0]


async def test_a_coupon_counts_however_it_is_written(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.takes_off("INK", 20, coupon="SPRING")

    assert (await place(http, reader, coupon=" Spring ")).json()["discount"] == eur(200)


async def test_the_same_key_gives_the_same_order_and_sells_once(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    first = await place(http, reader)
    shop.basket = {"PEN": 5}
    again = await place(http, reader)

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["etag"] == first.headers["etag"]
    assert shop.sold == {"PEN": 2, "INK": 1}
    assert shop.basket == {"PEN": 5}


async def test_the_same_key_with_another_request_is_refused(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.takes_off("INK", 20, coupon="SPRING")
    await place(http, reader)
    answer = await place(http, reader, coupon="SPRING")

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:frontispiece:problem:idempotency-key-reused"


async def test_what_came_into_the_basket_while_the_order_was_placed_stays_there(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    async def go_on_shopping() -> None:
        shop.basket |= {"INK": 3, "CAP": 1}

    shop.trouble["commit"] = go_on_shopping
    await place(http, reader)

    assert shop.basket == {"INK": 3, "CAP": 1}


async def test_nobody_orders_without_a_token_the_scope_and_a_key(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    key = {"Idempotency-Key": "an-intent"}
    unknown = await place(http, key)
    no_scope = await place(http, {**key, **bearer("reader")})
    no_key = await place(http, bearer("reader", "shop"))

    assert (unknown.status_code, no_scope.status_code, no_key.status_code) == (401, 403, 422)
    assert (await http.get("/orders")).status_code == 401


async def test_a_request_that_names_its_own_prices_is_refused(
    http: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    bodies: list[object] = [{"total": 1}, {"coupon": ""}, {"coupon": "x" * 65}, {"coupon": 7}, [], None]
    for body in bodies:
        answer = await http.post("/orders", json=body, headers=reader)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    lone = await http.post("/orders", content=b'{"coupon": "\\ud800"}', headers=reader)
    assert lone.status_code == 422
    assert shop.calls == []


async def test_the_orders_of_the_caller_come_newest_first_page_by_page(
    http: httpx.AsyncClient, shop: Shop, bearer: MakeToken
) -> None:
    mine, placed = bearer("reader", "shop"), []
    for number in range(5):
        shop.basket = {"PEN": 1}
        placed.append((await place(http, {**mine, "Idempotency-Key": f"intent-{number}"})).json())
    shop.basket = {"PEN": 1}
    await place(http, {**bearer("shopper", "shop"), "Idempotency-Key": "intent-0"})

    seen, cursor = [], None
    for _ in range(3):
        page = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = (await http.get("/orders", params=page, headers=mine)).json()
        seen += answer["items"]
        cursor = answer["next"]
    assert cursor is None
    assert [order["id"] for order in seen] == [order["id"] for order in reversed(placed)]
    assert seen[0] == {
        "id": placed[4]["id"],
        "status": "confirmed",
        "placed_at": placed[4]["placed_at"],
        "pieces": 1,
        "total": eur(333),
    }


async def test_a_cursor_of_somebodys_own_making_is_refused(
    http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    for cursor in ("x", "W10", "WzFd", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OSwiYSJd", "WzEsImEiXQ", "é"):
        answer = await http.get("/orders", params={"cursor": cursor}, headers=reader)
        assert (answer.status_code, answer.json()["type"]) == (
            422,
            "urn:frontispiece:problem:cursor-invalid",
        )


async def test_an_order_is_read_by_its_owner_with_an_entity_tag(
    http: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    placed = await place(http, reader)
    where, tag = placed.headers["location"], placed.headers["etag"]

    answer = await http.get(where, headers=reader)
    assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, placed.json(), tag)
    assert (await http.get(where, headers={**reader, "If-None-Match": tag})).status_code == 304


async def test_an_order_of_somebody_else_is_not_there(
    http: httpx.AsyncClient, reader: dict[str, str], bearer: MakeToken
) -> None:
    where = (await place(http, reader)).headers["location"]

    for path in (where, "/orders/nope", "/orders/%00", "/orders/5f0c7a5e-6f0e-4b53-9d0b-3a1c8e6f2d47"):
        answer = await http.get(path, headers=bearer("shopper", "shop"))
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:frontispiece:problem:order-unknown"


async def test_health_and_openapi_are_there(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health/live")).json() == {"status": "live"}
    assert (await http.get("/health/ready")).json() == {"status": "ready"}
    assert "/orders" in (await http.get("/openapi.json")).json()["paths"]
