"""Validation against services as they are: what FastAPI says of itself, before a running gateway."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Header, Query
from pydantic import BaseModel, Field

from frontispiece.security import Verifier
from frontispiece.service import create_service, public
from frontispiece.settings import TokenSettings
from tests.conftest import MakeToken
from tests.support.serving import Serve, nobody_there
from tests.support.tables import errors_of, part, route, route_table
from tests.support.world import OpenWorld

ROUTES = route_table(
    route(
        "/api/orders/{number}",
        to="shop:/orders/{number}",
        auth="bearer",
        methods=["GET", "POST"],
        validate_requests=True,
    ),
    route(
        "/api/{rest:path}",
        to="shop:/{rest}",
        methods=["GET", "POST"],
        rate_limit={"rate": "1000/second", "by": "route"},
        idempotency={"store": "memory"},
        validate_requests=True,
    ),
)


class Line(BaseModel):
    """One line of an order."""

    sku: str
    quantity: int = Field(ge=1)


class Order(BaseModel):
    """An order."""

    lines: list[Line]
    note: str | None = None


def shop(reached: list[str]) -> FastAPI:
    app = FastAPI()

    @app.get("/orders/{number}")
    async def read(number: int, since: int | None = None, x_kind: Annotated[str, Header()] = "a") -> str:
        reached.append("read")
        return f"{number} {since} {x_kind}"

    @app.post("/orders/{number}")
    async def write(number: int, order: Order, tags: Annotated[list[int] | None, Query()] = None) -> Any:
        reached.append("write")
        return {"number": number, "lines": len(order.lines), "tags": tags}

    @app.get("/hidden", include_in_schema=False)
    async def hidden() -> str:
        reached.append("hidden")
        return "here"

    return app


@pytest.fixture
def reached() -> list[str]:
    """What has reached the service."""
    return []


@pytest.fixture
async def http(serve: Serve, open_world: OpenWorld, reached: list[str]) -> httpx.AsyncClient:
    return (await open_world(ROUTES, shop=shop(reached))).http


async def test_valid_calls_reach_the_service_and_invalid_ones_get_all_violations(
    http: httpx.AsyncClient, bearer: MakeToken, reached: list[str]
) -> None:
    who = bearer("reader")
    read = await http.get("/api/orders/7?since=3", headers=who)
    assert (read.status_code, read.json()) == (200, "7 3 a")
    order = {"lines": [{"sku": "x", "quantity": 1}]}
    written = await http.post("/api/orders/7?tags=1&tags=2", json=order, headers=who)
    assert (written.status_code, written.json()) == (200, {"number": 7, "lines": 1, "tags": [1, 2]})
    assert reached == ["read", "write"]

    wrong = {"lines": [{"sku": 5, "quantity": 0}]}
    refused = await http.post("/api/orders/seven", json=wrong, headers=who)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert problem["type"] == "urn:frontispiece:problem:invalid-request"
    assert sorted(error["at"] for error in problem["errors"]) == [
        ["body", "lines", "0", "quantity"],
        ["body", "lines", "0", "sku"],
        ["path", "number"],
    ]
    assert reached == ["read", "write"]


async def test_an_unauthenticated_call_is_not_validated(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/orders/seven")).status_code == 401


async def test_a_route_to_a_whole_service_checks_each_of_its_operations(
    http: httpx.AsyncClient, reached: list[str]
) -> None:
    assert (await http.get("/api/hidden")).json() == "here"
    assert (await http.get("/api/nowhere")).status_code == 404
    assert reached == ["hidden"]


async def test_a_refused_call_may_be_corrected_with_the_same_idempotency_key(
    serve: Serve, open_world: OpenWorld, reached: list[str]
) -> None:
    routes = ROUTES.replace("/api/orders/{number}", "/other/{number}")
    http = (await open_world(routes, shop=shop(reached))).http
    key = {"Idempotency-Key": "k"}

    bodies: list[Any] = [{}, {"lines": []}, {"lines": []}, {"lines": [], "note": "x"}]
    answers = [await http.post("/api/orders/7", json=body, headers=key) for body in bodies]
    assert [answer.status_code for answer in answers] == [422, 200, 200, 422]
    assert answers[2].headers["idempotency-replayed"] == "true"
    assert reached == ["write"]


async def test_a_service_that_describes_itself_to_callers_with_a_token_is_validated_against(
    open_world: OpenWorld, token_settings: TokenSettings
) -> None:
    press = create_service(
        title="press",
        description="-",
        verifier=Verifier(token_settings, "shop"),
    )

    @press.get("/sheets/{number}")
    @public
    async def read(number: int) -> int:
        return number

    http = (await open_world(ROUTES, shop=press)).http

    assert (await http.get("/api/sheets/7")).json() == 7
    refused = await http.get("/api/sheets/seven")
    assert [error["at"] for error in refused.json()["errors"]] == [["path", "number"]]


async def test_without_a_reachable_service_calls_are_refused(open_world: OpenWorld) -> None:
    http = (await open_world(ROUTES, shop=nobody_there())).http

    answer = await http.get("/api/orders")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:frontispiece:problem:validation-unavailable"


def test_an_aggregate_cannot_be_validated() -> None:
    parts = {"x": part("shop:/x")}
    assert (
        "validate_requests is for routes to one service"
        in errors_of(route(validate_requests=True, parts=parts))[0]
    )
    assert (
        "validate_requests: 1 is neither true nor false"
        in errors_of(route(validate_requests=1, parts=parts))[0]
    )
