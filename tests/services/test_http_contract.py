"""What all services promise over HTTP: health, a description, tokens, entity tags, keys, limits."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from frontispiece.settings import TokenSettings
from frontispiece.stores import EmbeddedStore
from tests.conftest import AppClient, MakeToken
from tests.services.support import places, problem_of
from tests.support.apps import APPS, Parts

KEY = {"Idempotency-Key": "key-00001"}

PURCHASE = {
    "basket_version": 1,
    "total": {"amount": 1, "currency": "EUR"},
    "shipping": {
        "method": "standard",
        "address": {"name": "R", "street": "S", "postal_code": "04109", "city": "L", "country": "DE"},
    },
    "payment_token": "tok_1",
}


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service, and requests that show what it has in common with the others."""

    path: str = ""
    """In its OpenAPI document."""
    guarded: tuple[tuple[str, str, Any], ...] = ()
    """Requests for which a token needs the scope."""
    scope: str = ""
    create: tuple[str, Any] | None = None
    """A POST that creates, and its body."""
    batch: str | None = None
    unknown: dict[str, str] = field(default_factory=dict)
    """Paths of resources that do not exist, and their problems."""
    resource: str | None = None
    """One with an entity tag, in the first data."""
    has_events: bool = True
    """Its metrics show those that it handles."""


REVIEW = {"sku": "PEN", "rating": 4, "title": "Writes well", "text": "Not a blot so far."}
UNKNOWN_ORDER = "5f0c7a5e-6f0e-4b53-9d0b-3a1c8e6f2d47"
OPERATION = {
    "reference": "an-order",
    "kind": "authorise",
    "amount": 1,
    "currency": "EUR",
    "token": "tok_visa",
}
LINES = {"lines": [{"sku": "PEN", "quantity": 1}]}

SERVICES = {
    "acquirer": Service(
        has_events=False,
        path="/operations",
        guarded=(("POST", "/operations", OPERATION), ("GET", "/operations/key-00001", None)),
        scope="acquirer",
        create=("/operations", OPERATION),
        unknown={"/operations/nope": "operation-unknown"},
    ),
    "basket": Service(
        path="/baskets/{owner}/items/{sku}",
        guarded=(("GET", "/baskets/reader", None), ("PUT", "/baskets/reader/items/PEN", {"quantity": 1})),
        scope="shop",
        unknown={"/baskets/shopper": "basket-unknown"},
        resource="/baskets/reader",
    ),
    "catalog": Service(
        path="/products/{sku}",
        guarded=(
            ("PUT", "/products/A", {}),
            ("PATCH", "/products/A", {}),
            ("DELETE", "/products/A", None),
            ("POST", "/imports", [{"Id": 1}]),
        ),
        scope="catalog:write",
        create=("/imports", []),
        batch="/products",
        unknown={
            f"/products/{sku}": "product-unknown" for sku in ("NOPE", "%00", "a%20b", "..%2e", "%F0%9F%98%80")
        },
        resource="/products/NOTE-001",
    ),
    "discount": Service(),
    "feed": Service(
        path="/timelines/{owner}",
        guarded=(("GET", "/timelines/reader", None), ("PUT", "/follows/reader/quill", None)),
        scope="shop",
        unknown={"/timelines/shopper": "timeline-unknown", "/follows/shopper": "timeline-unknown"},
    ),
    "inventory": Service(
        path="/reservations",
        guarded=(("PUT", "/stock/PEN", {"on_hand": 7}),),
        scope="stock:write",
        create=("/reservations", LINES),
        batch="/stock",
        unknown={"/stock/NOPE": "article-unknown"},
        resource="/stock/NOTE-001",
    ),
    "ordering": Service(
        path="/orders",
        guarded=(("POST", "/orders", {}),),
        scope="shop",
        create=("/orders", PURCHASE),
        unknown={f"/orders/{id_}": "order-unknown" for id_ in ("nope", "%00", UNKNOWN_ORDER)},
    ),
    "payment": Service(
        path="/payments/{order_id}",
        guarded=(("GET", "/ledger", None),),
        scope="payments:read",
        unknown={f"/payments/{id_}": "payment-unknown" for id_ in ("nope", "%00", UNKNOWN_ORDER)},
    ),
    "pickup": Service(
        has_events=False,
        path="/nearby",
        guarded=(("PUT", "/stores/7", {}),),
        scope="stores:write",
        unknown={"/stores/nope": "store-unknown", "/stores/%20/pickup": "store-unknown"},
        resource="/stores/7",
    ),
    "recommendation": Service(
        path="/recommendations/{sku}",
        guarded=(("PUT", "/rebuild", None),),
        scope="data:rebuild",
        batch="/recommendations",
    ),
    "reviews": Service(
        has_events=False,
        path="/summaries/{sku}",
        guarded=(("POST", "/reviews", REVIEW),),
        scope="shop",
        create=("/reviews", REVIEW),
        batch="/summaries",
        unknown={"/reviews/nope": "review-unknown"},
        resource="/summaries/PEN",
    ),
    "sales": Service(path="/report", guarded=(("GET", "/report", None),), scope="sales:read"),
    "shipping": Service(
        path="/shipments/{order_id}",
        unknown={"/shipments/nope": "shipment-unknown"},
        resource="/quotes?country=DE&pieces=1",
    ),
    "notification": Service(),
}


@pytest.fixture(params=SERVICES)
def audience(request: pytest.FixtureRequest) -> str:
    """The service that a test is about."""
    return str(request.param)


@pytest.fixture
def app(
    *,
    audience: str,
    sqlite_url: str,
    token_settings: TokenSettings,
    signing_key: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> FastAPI:
    parts = Parts(folder=tmp_path, tokens=token_settings, signing_key=signing_key, database_url=sqlite_url)
    if audience == "basket":
        parts = replace(parts, valkey_url=request.getfixturevalue("valkey_url"))
    return APPS[audience](parts)


@pytest.fixture
async def http(app: FastAPI, app_client: AppClient) -> AsyncIterator[httpx.AsyncClient]:
    """A service that is opened again, as all can be."""
    async with app_client(app):
        pass
    async with app_client(app) as http:
        if isinstance(store := getattr(app.state, "store", None), EmbeddedStore):
            await store.opened()
        yield http


async def test_a_service_keeps_what_all_services_promise(
    audience: str, http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    """One test, so that each service starts once."""
    service = SERVICES[audience]
    writer = bearer("reader", *{service.scope, "shop"})

    await health_and_openapi_are_there(http, service, bearer("reader"), is_ready=audience != "ordering")
    await what_needs_a_scope_needs_a_valid_token_that_has_it(http, service, bearer("reader", "nothing"))
    if service.create:
        path, body = service.create
        without_key = await http.post(path, json=body, headers=writer)
        assert places(without_key) == ["header.Idempotency-Key"], "a POST that creates needs a key"
    if service.batch:
        too_many = await http.get(service.batch, params={"sku": [f"S{n}" for n in range(101)]})
        assert places(too_many) == ["query.sku"], "a batch has 100 at most"
    await an_unknown_resource_is_a_404_problem_that_names_the_request(http, service, writer)
    if service.resource:
        tag = (await http.get(service.resource, headers=writer)).headers["etag"]
        again = await http.get(service.resource, headers={**writer, "If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


async def health_and_openapi_are_there(
    http: httpx.AsyncClient, service: Service, caller: dict[str, str], *, is_ready: bool
) -> None:
    document = (await http.get("/openapi.json", headers=caller)).json()

    assert (await http.get("/health/live")).json() == {"status": "live"}
    metrics = (await http.get("/metrics")).text
    assert ("events_deliveries_total" in metrics) == service.has_events
    # The services that an order needs are away: ordering is not ready.
    assert (await http.get("/health/ready")).status_code == (200 if is_ready else 503)
    assert document["paths"].keys() >= {service.path, "/health/ready"} - {""}


async def what_needs_a_scope_needs_a_valid_token_that_has_it(
    http: httpx.AsyncClient, service: Service, without_scope: dict[str, str]
) -> None:
    tokens: tuple[dict[str, str], ...] = ({}, {"Authorization": "Bearer x.y.z"}, without_scope)
    for method, path, body in service.guarded:
        missing, forged, no_scope = [
            await http.request(method, path, json=body, headers=KEY | token) for token in tokens
        ]

        assert (missing.status_code, missing.headers["www-authenticate"]) == (401, "Bearer")
        assert problem_of(forged) == (401, "token-invalid")
        assert (no_scope.status_code, no_scope.json()["scope"]) == (403, service.scope)


async def an_unknown_resource_is_a_404_problem_that_names_the_request(
    http: httpx.AsyncClient, service: Service, writer: dict[str, str]
) -> None:
    for path, problem in service.unknown.items():
        answer = await http.get(path, headers={**writer, "X-Request-Id": "r-1"})

        assert problem_of(answer) == (404, problem)
        assert answer.json()["request_id"] == "r-1"
