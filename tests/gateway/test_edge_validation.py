"""Validation against services as they are: what FastAPI says of itself, before a running gateway."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Header, Query
from pydantic import BaseModel, Field

from gateway import table
from kit.faults import Faulty
from tests.conftest import MakeToken
from tests.gateway.conftest import OpenGateway
from tests.support.serving import Serve, nobody_there

ROUTES = """
[services.shop]
url = "registry://shop"

[[routes]]
path = "/api/orders/{number}"
methods = ["GET", "POST"]
to = "shop:/orders/{number}"
auth = "bearer"
validate = true

[[routes]]
path = "/api/{rest:path}"
methods = ["GET", "POST"]
to = "shop:/{rest}"
auth = "none"
limit = { rate = "1000/second", by = "route" }
idempotency = { kept = "memory" }
validate = true
"""


class Line(BaseModel):
    """One line of an order."""

    sku: str
    quantity: int = Field(ge=1)


class Order(BaseModel):
    """An order."""

    lines: list[Line]
    note: str | None = None


def shop(asked: list[str]) -> FastAPI:
    app = FastAPI()

    @app.get("/orders/{number}")
    async def read(number: int, since: int | None = None, x_kind: Annotated[str, Header()] = "a") -> str:
        asked.append("read")
        return f"{number} {since} {x_kind}"

    @app.post("/orders/{number}")
    async def write(number: int, order: Order, tags: Annotated[list[int] | None, Query()] = None) -> Any:
        asked.append("write")
        return {"number": number, "lines": len(order.lines), "tags": tags}

    @app.get("/hidden", include_in_schema=False)
    async def hidden() -> str:
        asked.append("hidden")
        return "here"

    return app


@pytest.fixture
def asked() -> list[str]:
    """What has reached the service."""
    return []


@pytest.fixture
async def http(serve: Serve, open_gateway: OpenGateway, asked: list[str]) -> httpx.AsyncClient:
    return await open_gateway(ROUTES, shop=await serve(shop(asked)))


async def test_what_fits_reaches_the_service_and_what_does_not_is_told_in_the_service_s_own_words(
    http: httpx.AsyncClient, bearer: MakeToken, asked: list[str]
) -> None:
    who = bearer("reader")
    read = await http.get("/api/orders/7?since=3", headers=who)
    assert (read.status_code, read.json()) == (200, "7 3 a")
    order = {"lines": [{"sku": "x", "quantity": 1}]}
    written = await http.post("/api/orders/7?tags=1&tags=2", json=order, headers=who)
    assert (written.status_code, written.json()) == (200, {"number": 7, "lines": 1, "tags": [1, 2]})
    assert asked == ["read", "write"]

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
    assert asked == ["read", "write"]


async def test_whoever_may_not_call_is_not_told_what_would_fit(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/orders/seven")).status_code == 401


async def test_a_route_to_a_whole_service_checks_each_of_its_operations(
    http: httpx.AsyncClient, asked: list[str]
) -> None:
    assert (await http.get("/api/hidden")).json() == "here"
    assert (await http.get("/api/nowhere")).status_code == 404
    assert asked == ["hidden"]


async def test_a_refused_call_may_be_put_right_under_the_same_idempotency_key(
    serve: Serve, open_gateway: OpenGateway, asked: list[str]
) -> None:
    routes = ROUTES.replace("/api/orders/{number}", "/other/{number}")
    http = await open_gateway(routes, shop=await serve(shop(asked)))
    key = {"Idempotency-Key": "k"}

    bodies: list[Any] = [{}, {"lines": []}, {"lines": []}, {"lines": [], "note": "x"}]
    answers = [await http.post("/api/orders/7", json=body, headers=key) for body in bodies]
    assert [answer.status_code for answer in answers] == [422, 200, 200, 422]
    assert answers[2].headers["idempotency-replayed"] == "true"
    assert asked == ["write"]


async def test_a_service_that_cannot_be_asked_is_not_passed_on_to(open_gateway: OpenGateway) -> None:
    http = await open_gateway(ROUTES, shop=nobody_there())

    answer = await http.get("/api/orders")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "urn:frontispiece:problem:validation-unavailable"


def test_a_route_that_joins_services_cannot_be_held_against_one() -> None:
    joined = (
        '[services.shop]\nurl = "http://shop"\n[[routes]]\npath = "/a"\nauth = "none"\nvalidate = {}\n'
        '[routes.parts.x]\nfrom = "shop:/x"\n'
    )
    with pytest.raises(Faulty, match="validate is for routes to one service"):
        table.parse(joined.format("true"))
    with pytest.raises(Faulty, match="validate: Input should be a valid boolean"):
        table.parse(joined.format("1"))
