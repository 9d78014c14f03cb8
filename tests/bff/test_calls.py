"""What pages and screens ask of the services: how often, on whose behalf, and in which words."""

import json

import httpx
import pytest

from frontispiece.security import Identity, Signer, Verifier
from frontispiece.settings import TokenSettings
from tests.bff.documents import Json, article, checkout, news
from tests.bff.world import Shop
from tests.conftest import MakeToken


def fill(shop: Shop, count: int) -> None:
    skus = [f"ART-{number}" for number in range(count)]
    shop.products = {sku: article(sku, related=skus[:50]) for sku in skus}
    shop.stock = dict.fromkeys(skus, 10)
    shop.percent = dict.fromkeys(skus, 10)
    shop.basket = dict.fromkeys(skus, 1)
    shop.news = [news(number, sku) for number, sku in enumerate(skus, 1)]


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize(
    ("method", "path", "operations"),
    [
        ("GET", "/home", ["discounts", "products", "ratings", "search", "stocks", "timeline", "types"]),
        (
            "GET",
            "/products/ART-0",
            [
                *("discounts", "follows", "product", "products", "ratings"),
                *("recommendations", "reviews", "stocks"),
            ],
        ),
        ("GET", "/search?limit=100", ["discounts", "ratings", "search", "stocks"]),
        ("GET", "/feed", ["products", "timeline"]),
        ("GET", "/basket", ["discounts", "products", "see", "stocks"]),
        ("PUT", "/basket/items/ART-0", ["discounts", "products", "put", "stocks"]),
        ("DELETE", "/basket/items/NOT-IN", ["discounts", "products", "remove", "stocks"]),
        ("PUT", "/brands/quill/follow", ["follow"]),
        ("DELETE", "/brands/quill/follow", ["unfollow"]),
        ("PUT", "/feed/read", ["mark_read"]),
        ("POST", "/checkout/draft", ["discounts", "products", "quotes", "see", "stocks"]),
    ],
)
async def test_a_page_makes_as_many_calls_whatever_the_number_of_its_articles(
    either: httpx.AsyncClient,
    shop: Shop,
    reader: dict[str, str],
    count: int,
    method: str,
    path: str,
    operations: list[str],
) -> None:
    fill(shop, count)

    bodies: dict[str, Json] = {
        "/basket/items/ART-0": {"quantity": 1},
        "/checkout/draft": {"country": "DE"},
        "/feed/read": {"up_to": "1"},
    }
    answer = await either.request(method, path, json=bodies.get(path), headers=reader)

    assert answer.status_code == 200
    assert shop.operations == operations


async def test_more_articles_than_a_batch_holds_take_several_calls(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    fill(shop, 150)

    answer = await either.get("/basket", headers=reader)

    assert answer.status_code == 200
    assert "page-degraded" not in answer.headers
    assert len(answer.json()["lines"]) == 150
    assert all(line["total"] for line in answer.json()["lines"])
    assert shop.operations == [*["discounts"] * 2, *["products"] * 2, "see", *["stocks"] * 2]


async def test_an_article_that_is_on_a_page_twice_is_loaded_once(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    shop.products["PEN"]["related"] = ["INK", "PEN", "INK"]

    answer = await either.get("/products/PEN")

    assert [other["sku"] for other in answer.json()["related"]] == ["INK", "PEN", "INK"]
    assert shop.last("products").url.params.get_list("sku") == ["INK", "PEN"]
    assert sum(operation == "stocks" for operation in shop.operations) == 1


async def test_baskets_and_orders_need_a_valid_token(either: httpx.AsyncClient, shop: Shop) -> None:
    for method, path in (
        ("GET", "/basket"),
        ("PUT", "/basket/items/PEN"),
        ("DELETE", "/basket/items/PEN"),
        ("GET", "/orders"),
        ("GET", "/orders/order-1"),
        ("POST", "/orders/order-1/cancel"),
        ("POST", "/checkout/draft"),
        ("POST", "/checkout"),
        ("PUT", "/brands/quill/follow"),
        ("DELETE", "/brands/quill/follow"),
        ("PUT", "/feed/read"),
        ("GET", "/feed"),
    ):
        bodies = {"/checkout": checkout(), "/feed/read": {"up_to": "1"}}
        body = bodies.get(path, {"quantity": 1} if method == "PUT" else {})
        for headers in ({}, {"Authorization": "Bearer forged"}, {"Authorization": "Basic cmVhZGVyOng="}):
            answer = await either.request(
                method, path, json=body, headers={**headers, "Idempotency-Key": "an-intent"}
            )

            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
    assert shop.operations == []


async def test_calls_carry_the_callers_identity_for_one_service_and_the_trace(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str], token_settings: TokenSettings
) -> None:
    carried = {
        "X-Request-Id": "a-request",
        "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }

    for path in ("/basket", "/orders/order-1"):
        await either.get(path, headers={**reader, **carried, "Cookie": "a=1", "X-Forwarded-For": "9.9.9.9"})

    assert shop.calls
    for call in shop.calls:
        assert {name: call.request.headers[name] for name in carried} == carried
        assert "cookie" not in call.request.headers
        assert "x-forwarded-for" not in call.request.headers
    metadata = shop.discount_calls[0]
    assert {name: metadata[name.lower()] for name in carried} == carried
    credentials = [
        (c.request.url.host.removesuffix(".test"), c.request.headers["authorization"]) for c in shop.calls
    ]
    for service, authorization in [*credentials, ("discount", metadata["authorization"])]:
        caller = Verifier(token_settings, service).caller(authorization)
        assert (caller.subject, caller.scopes, caller.client) == ("reader", frozenset({"shop"}), "web")


async def test_a_token_for_another_service_opens_no_page(
    either: httpx.AsyncClient, shop: Shop, signing_key: str
) -> None:
    reader = Identity(subject="reader", scopes=frozenset({"shop"}))
    stray = Signer(signing_key, "gateway").authorization(reader, "basket")

    for path in ("/basket", "/orders", "/home"):
        assert (await either.get(path, headers={"Authorization": stray.decode()})).status_code == 401
    assert shop.operations == []


async def test_the_token_names_the_basket_and_its_subject_is_escaped(
    either: httpx.AsyncClient, shop: Shop, bearer: MakeToken
) -> None:
    await either.get("/basket", headers=bearer("someone/../reader?x=ä", "shop"))

    assert shop.last("see").url.raw_path == b"/baskets/someone%2F..%2Freader%3Fx%3D%C3%A4"


@pytest.mark.parametrize(
    ("coupon", "sent"),
    [
        ({"coupon": "INK20"}, {"coupon": "INK20"}),
        ({"coupon": " INK20\t"}, {"coupon": "INK20"}),
        ({"coupon": ""}, {}),
        ({"coupon": "  "}, {}),
        ({"coupon": None}, {}),
        ({}, {}),
    ],
)
async def test_an_order_is_sent_as_agreed_to_without_a_blank_coupon_and_the_idempotency_key_as_it_came(
    *, either: httpx.AsyncClient, shop: Shop, reader: dict[str, str], coupon: Json, sent: Json
) -> None:
    key = b"sch\xf6n-und-einmalig"
    headers = [(name.encode(), value.encode()) for name, value in reader.items()]

    await either.post("/checkout", json=checkout(**coupon), headers=[*headers, (b"Idempotency-Key", key)])

    request = shop.last("place")
    assert json.loads(request.content) == checkout(**sent)
    assert (b"idempotency-key", key) in [(name.lower(), value) for name, value in request.headers.raw]


async def test_an_order_without_idempotency_key_is_refused_before_any_call(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    answer = await either.post("/checkout", json=checkout(), headers=reader)

    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:frontispiece:problem:invalid-request"
    assert shop.operations == []


INVALID = [
    ("GET", "/products/" + "x" * 65, b""),
    ("GET", "/products/%20", b""),
    ("GET", "/search?limit=0", b""),
    ("GET", "/search?limit=101", b""),
    ("GET", "/search?limit=many", b""),
    ("GET", "/search?sort=colour", b""),
    ("GET", "/orders?limit=0", b""),
    ("GET", "/orders?min_position=-1", b""),
    ("GET", "/orders/order-1?min_position=new", b""),
    ("PUT", "/basket/items/PEN", b'{"quantity": 0}'),
    ("PUT", "/basket/items/PEN", b'{"quantity": 1000}'),
    ("PUT", "/basket/items/PEN", b'{"quantity": "1"}'),
    ("PUT", "/basket/items/PEN", b'{"quantity": 1, "price": 1}'),
    ("PUT", "/basket/items/PEN", b"{}"),
    ("PUT", "/basket/items/PEN", b"quantity=1"),
    ("PUT", "/basket/items/PEN", b'{"quantity": "\xff"}'),
    ("PUT", "/basket/items/PEN", b""),
    ("POST", "/checkout/draft", b'{"coupon": "' + b"x" * 65 + b'"}'),
    ("POST", "/checkout/draft", b'{"country": "de"}'),
    ("POST", "/checkout/draft", b'{"country": "DE\\n"}'),
    ("POST", "/checkout/draft", b'{"total": 1}'),
    ("POST", "/checkout", b"{}"),
    ("POST", "/checkout", json.dumps(checkout(basket_version=-1)).encode()),
    ("POST", "/checkout", json.dumps(checkout(payment_token="")).encode()),
    ("POST", "/checkout", json.dumps(checkout(total={"amount": 1})).encode()),
    ("POST", "/checkout", json.dumps(checkout(price=1)).encode()),
    ("POST", "/checkout", json.dumps(checkout(shipping={"method": "standard"})).encode()),
]


async def test_an_invalid_request_is_refused_before_any_call(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    headers = {**reader, "Idempotency-Key": "an-intent", "Content-Type": "application/json"}
    for method, path, body in INVALID:
        answer = await either.request(method, path, content=body, headers=headers)

        assert answer.status_code == 422, (path, body)
        assert answer.json()["type"] == "urn:frontispiece:problem:invalid-request"
        assert answer.json()["errors"]
    assert shop.operations == []


async def test_a_sku_cannot_leave_its_path_segment(
    either: httpx.AsyncClient, shop: Shop, reader: dict[str, str]
) -> None:
    for sku, status in {"PEN%0A": 400, "PEN%00": 400, "PEN%3Fx": 422, "%2E%2E": 400, "..%2FPEN": 400}.items():
        for method in ("PUT", "DELETE"):
            answer = await either.request(
                method, f"/basket/items/{sku}", json={"quantity": 1}, headers=reader
            )
            assert answer.status_code == status
    assert shop.operations == []


async def test_a_bff_is_ready_when_every_service_is_without_which_pages_fail(
    either: httpx.AsyncClient, shop: Shop
) -> None:
    answer = await either.get("/health/ready")

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    services = {call.request.url.host.removesuffix(".test") for call in shop.calls}
    assert services == {"catalog", "basket", "ordering", "shipping"}, "reviews and stock only decorate"


async def test_the_pages_are_described_to_callers_with_a_token(
    either: httpx.AsyncClient, reader: dict[str, str]
) -> None:
    assert (await either.get("/openapi.json")).status_code == 401
    document = (await either.get("/openapi.json", headers=reader)).json()

    operations = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert operations >= {
        ("GET", "/home"),
        ("GET", "/products/{sku}"),
        ("GET", "/search"),
        ("GET", "/basket"),
        ("PUT", "/basket/items/{sku}"),
        ("DELETE", "/basket/items/{sku}"),
        ("POST", "/checkout/draft"),
        ("POST", "/checkout"),
        ("GET", "/orders"),
        ("GET", "/orders/{order_id}"),
        ("POST", "/orders/{order_id}/cancel"),
    }
    assert all("$" not in name and "." not in name for name in document["components"]["schemas"])
