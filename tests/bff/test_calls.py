"""What pages and screens ask of the services: how often, on whose behalf, and in which words."""

import httpx
import pytest

from kit.settings import TokenSettings
from kit.tokens import Identity, Signer, Verifier
from tests.bff.documents import article
from tests.bff.world import Shop
from tests.conftest import MakeToken


def fill(shop: Shop, count: int) -> None:
    skus = [f"ART-{number}" for number in range(count)]
    shop.products = {sku: article(sku, related=skus[:50]) for sku in skus}
    shop.stock = dict.fromkeys(skus, 10)
    shop.percent = dict.fromkeys(skus, 10)
    shop.basket = dict.fromkeys(skus, 1)


@pytest.mark.parametrize("count", [1, 20, 100])
@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("GET", "/home", ["discounts", "ratings", "search", "stocks", "types"]),
        ("GET", "/search?limit=100", ["discounts", "ratings", "search", "stocks"]),
        ("GET", "/basket", ["discounts", "products", "see", "stocks"]),
        ("PUT", "/basket/items/ART-0", ["discounts", "products", "put", "stocks"]),
        ("DELETE", "/basket/items/NOT-IN", ["discounts", "products", "remove", "stocks"]),
    ],
)
async def test_a_page_makes_as_many_calls_whatever_the_number_of_its_articles(
    either: httpx.AsyncClient,
    shop: Shop,
    reader: dict[str, str],
    count: int,
    method: str,
    path: str,
    asked: list[str],
) -> None:
    fill(shop, count)

    answer = await either.request(
        method, path, json={"quantity": 1} if method == "PUT" else None, headers=reader
    )

    assert answer.status_code == 200
    assert shop.asked == asked


@pytest.mark.parametrize("count", [1, 20, 100])
async def test_a_product_costs_as_many_calls_whatever_goes_with_it(
    web: httpx.AsyncClient, mobile: httpx.AsyncClient, shop: Shop, count: int
) -> None:
    fill(shop, count)

    for client in (web, mobile):
        shop.calls.clear()
        shop.discount_calls.clear()

        await client.get("/products/ART-0")

        assert shop.asked == ["discounts", "product", "products", "ratings", "reviews", "stocks"]


async def test_more_articles_than_a_service_tells_of_at_a_time_take_several_calls(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    fill(shop, 150)

    answer = await either.get("/basket", headers=reader)

    assert answer.status_code == 200
    assert "page-degraded" not in answer.headers
    assert len(answer.json()["lines"]) == 150
    assert all(line["total"] for line in answer.json()["lines"])
    assert shop.asked == [*["discounts"] * 2, *["products"] * 2, "see", *["stocks"] * 2]


async def test_articles_that_stand_on_a_page_twice_are_asked_for_once(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    shop.products["PEN"]["related"] = ["INK", "PEN", "INK"]

    answer = await either.get("/products/PEN")

    assert [other["sku"] for other in answer.json()["related"]] == ["INK", "PEN", "INK"]
    assert shop.last("products").url.params.get_list("sku") == ["INK", "PEN"]
    assert sum(operation == "stocks" for operation in shop.asked) == 1


async def test_of_nothing_nothing_is_asked(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    shop.products = {"PEN": article("PEN")}
    shop.basket = {}

    assert (await either.get("/basket", headers=reader)).status_code == 200
    assert shop.asked == ["see"]

    await either.get("/products/PEN")
    assert "products" not in shop.asked


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/basket"),
        ("PUT", "/basket/items/PEN"),
        ("DELETE", "/basket/items/PEN"),
        ("GET", "/orders"),
        ("POST", "/orders"),
        ("GET", "/orders/order-1"),
    ],
)
async def test_baskets_and_orders_are_not_for_those_who_do_not_say_who_they_are(
    either: httpx.AsyncClient, shop: Shop, method: str, path: str
) -> None:
    for headers in ({}, {"Authorization": "Bearer forged"}, {"Authorization": "Basic cmVhZGVyOng="}):
        body = {"quantity": 1} if method == "PUT" else {}
        answer = await either.request(
            method, path, json=body, headers={**headers, "Idempotency-Key": "an-intent"}
        )

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
    assert shop.asked == []


async def test_calls_are_made_on_behalf_of_the_caller_for_one_service_alone_and_can_be_traced(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str], token_settings: TokenSettings
) -> None:
    carried = {
        "X-Request-Id": "a-request",
        "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }

    await either.get("/basket", headers={**reader, **carried, "Cookie": "a=1", "X-Forwarded-For": "9.9.9.9"})

    assert shop.calls
    for call in shop.calls:
        assert {name: call.request.headers[name] for name in carried} == carried
        assert "cookie" not in call.request.headers
        assert "x-forwarded-for" not in call.request.headers
    metadata = shop.discount_calls[0]
    assert {name: metadata[name.lower()] for name in carried} == carried
    told = [
        (c.request.url.host.removesuffix(".test"), c.request.headers["authorization"]) for c in shop.calls
    ]
    for service, authorization in [*told, ("discount", metadata["authorization"])]:
        caller = Verifier(token_settings, service).caller(authorization)
        assert (caller.subject, caller.scopes, caller.client) == ("reader", frozenset({"shop"}), "web")


async def test_a_token_for_another_service_opens_no_page(
    either: httpx.AsyncClient, shop: Shop, signing_key: str
) -> None:
    reader = Identity(subject="reader", scopes=frozenset({"shop"}))
    stray = Signer(signing_key, "gateway").authorization(reader, "basket")

    for path in ("/basket", "/orders", "/home"):
        assert (await either.get(path, headers={"Authorization": stray.decode()})).status_code == 401
    assert shop.asked == []


async def test_whose_basket_it_is_the_token_says_and_no_name_leads_elsewhere(
    either: httpx.AsyncClient, shop: Shop, bearer: MakeToken
) -> None:
    await either.get("/basket", headers=bearer("someone/../reader?x=ä", "shop"))

    assert shop.last("see").url.raw_path == b"/baskets/someone%2F..%2Freader%3Fx%3D%C3%A4"


async def test_an_order_goes_on_with_its_coupon_and_idempotency_key(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    headers = {**reader, "Idempotency-Key": "an-intent"}
    await either.post("/orders", json={"coupon": "INK20"}, headers=headers)
    assert shop.last("place").headers["idempotency-key"] == "an-intent"
    assert shop.last("place").content == b'{"coupon":"INK20"}'

    await either.post("/orders", json={}, headers={**headers, "Idempotency-Key": "another-intent"})
    assert shop.last("place").headers["idempotency-key"] == "another-intent"
    assert shop.last("place").content == b"{}"


async def test_an_idempotency_key_goes_on_as_it_came(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    key = b"sch\xf6n-und-einmalig"
    headers = [(name.encode(), value.encode()) for name, value in reader.items()]

    await either.post("/orders", json={}, headers=[*headers, (b"Idempotency-Key", key)])

    assert (b"idempotency-key", key) in [
        (name.lower(), value) for name, value in shop.last("place").headers.raw
    ]


async def test_an_order_without_idempotency_key_is_refused_before_anybody_is_asked(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    answer = await either.post("/orders", json={}, headers=reader)

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:frontispiece:problem:idempotency-key-missing"
    assert shop.asked == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/products/" + "x" * 65, b""),
        ("GET", "/products/%20", b""),
        ("GET", "/search?limit=0", b""),
        ("GET", "/search?limit=101", b""),
        ("GET", "/search?limit=many", b""),
        ("GET", "/search?sort=colour", b""),
        ("GET", "/orders?limit=0", b""),
        ("PUT", "/basket/items/PEN", b'{"quantity": 0}'),
        ("PUT", "/basket/items/PEN", b'{"quantity": 1000}'),
        ("PUT", "/basket/items/PEN", b'{"quantity": "1"}'),
        ("PUT", "/basket/items/PEN", b'{"quantity": 1, "price": 1}'),
        ("PUT", "/basket/items/PEN", b"{}"),
        ("PUT", "/basket/items/PEN", b"quantity=1"),
        ("PUT", "/basket/items/PEN", b'{"quantity": "\xff"}'),
        ("PUT", "/basket/items/PEN", b""),
        ("POST", "/orders", b'{"coupon": "' + b"x" * 65 + b'"}'),
        ("POST", "/orders", b'{"total": 1}'),
    ],
)
async def test_a_request_that_does_not_fit_is_refused_before_anybody_is_asked(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str], method: str, path: str, body: bytes
) -> None:
    answer = await either.request(
        method, path, content=body, headers={**reader, "Idempotency-Key": "an-intent"}
    )

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:frontispiece:problem:invalid-request"
    assert answer.json()["errors"]
    assert shop.asked == []


async def test_no_article_number_leads_out_of_its_place(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    for sku, status in {"PEN%0A": 400, "PEN%00": 400, "PEN%3Fx": 422, "%2E%2E": 400, "..%2FPEN": 400}.items():
        for method in ("PUT", "DELETE"):
            answer = await either.request(
                method, f"/basket/items/{sku}", json={"quantity": 1}, headers=reader
            )
            assert answer.status_code == status
    assert shop.asked == []


async def test_a_body_beyond_all_measure_is_refused(
    either: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    answer = await either.put("/basket/items/PEN", content=b" " * 70_000, headers=reader)

    assert answer.status_code == 413


async def test_a_bff_is_ready_when_every_service_is(either: httpx.AsyncClient, shop: Shop) -> None:
    answer = await either.get("/health/ready")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert shop.asked == ["health"] * 5


async def test_the_pages_are_described(either: httpx.AsyncClient) -> None:
    document = (await either.get("/openapi.json")).json()

    operations = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert operations >= {
        ("GET", "/home"),
        ("GET", "/products/{sku}"),
        ("GET", "/search"),
        ("GET", "/basket"),
        ("PUT", "/basket/items/{sku}"),
        ("DELETE", "/basket/items/{sku}"),
        ("POST", "/orders"),
        ("GET", "/orders"),
        ("GET", "/orders/{order_id}"),
    }
    assert all("$" not in name and "." not in name for name in document["components"]["schemas"])
