"""How `Idempotency-Key` looks from outside, at gateways that share a Valkey."""

import asyncio

import httpx
import pytest

from frontispiece.errors import ConfigError
from frontispiece.gateway.config import table
from frontispiece.gateway.settings import GatewaySettings, errors_between
from tests.conftest import MakeToken
from tests.support.serving import Serve, nobody_there
from tests.support.stub import Exchange, Stub
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, any_key

ROUTES = route_table(
    route(
        "/orders", to="orders", auth="bearer", methods=["POST"], idempotency={"ttl": "24h", "required": True}
    ),
    route("/notes", to="orders", methods=["POST", "GET"], idempotency={"ttl": "1m", "store": "memory"}),
    route(
        "/few",
        to="orders",
        methods=["POST"],
        rate_limit={"rate": "2/day", "by": "route"},
        idempotency={"store": "memory"},
    ),
)


class Orders(Stub):
    """Takes one order after the other; `hold` lets it wait with its answers."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.hold = asyncio.Event()
        self.hold.set()

    async def _take(self, exchange: Exchange) -> None:
        await exchange.read()
        await self.hold.wait()
        await exchange.start(201, (b"content-type", b"application/json"), (b"location", b"/orders/1"))
        await exchange.end(b'{"order":%d}' % len(self.requests))


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
async def gateways(
    serve: Serve, open_world: OpenWorld, orders: Orders, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> list[httpx.AsyncClient]:
    """Clients of two gateways."""
    monkeypatch.setattr("frontispiece.gateway.runtime.IDEMPOTENCY_TIMEOUT", 30.0)  # the machine may be busy
    url = await serve(orders)
    return [(await open_world(ROUTES, valkey_url=valkey_url, orders=url)).http for _ in range(2)]


async def test_a_repeated_call_at_another_gateway_gets_the_first_response(
    gateways: list[httpx.AsyncClient], orders: Orders, bearer: MakeToken
) -> None:
    one, other = gateways
    headers = bearer("reader") | {"Idempotency-Key": '"a-1"'}

    first = await one.post("/orders", json={"sku": "x"}, headers=headers)
    again = await other.post("/orders", json={"sku": "x"}, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, {"order": 1})
    assert "idempotency-replayed" not in first.headers
    assert (again.headers["idempotency-replayed"], again.headers["location"]) == ("true", "/orders/1")
    assert again.headers["x-request-id"] != first.headers["x-request-id"]

    reused = await other.post("/orders", json={"sku": "y"}, headers=headers)
    assert reused.status_code == 422
    assert reused.json()["type"] == "urn:frontispiece:problem:idempotency-key-reused"
    other_caller = bearer("clerk") | {"Idempotency-Key": "a-1"}
    assert (await one.post("/orders", json={"sku": "x"}, headers=other_caller)).json() == {"order": 2}
    assert (await one.post("/orders", json={}, headers=bearer("reader"))).status_code == 400


async def test_a_route_may_store_responses_in_the_process(
    serve: Serve, open_world: OpenWorld, orders: Orders
) -> None:
    gone = nobody_there().replace("http", "valkey")
    http = (await open_world(ROUTES, valkey_url=gone, orders=orders)).http

    answers = [
        await http.post("/notes", content=content, headers={"Idempotency-Key": "n"})
        for content in (b"one", b"one", b"two")
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 422]
    assert not (await http.get("/notes", headers={"Idempotency-Key": "n"})).headers.get(
        "idempotency-replayed"
    )


async def test_a_rate_limited_call_does_not_use_its_key_and_replays_are_counted(
    serve: Serve, open_world: OpenWorld, orders: Orders, valkey_url: str
) -> None:
    http = (await open_world(ROUTES, valkey_url=valkey_url, orders=orders)).http

    answers = [await http.post("/few", headers={"Idempotency-Key": key}) for key in ("a", "a", "b", "a")]
    assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
    assert len(orders.requests) == 1


async def test_without_valkey_no_call_is_carried_out(
    serve: Serve, open_world: OpenWorld, orders: Orders, bearer: MakeToken
) -> None:
    gone = nobody_there().replace("http", "valkey")
    http = (await open_world(ROUTES, valkey_url=gone, orders=orders)).http

    answer = await http.post("/orders", json={}, headers=bearer("reader") | {"Idempotency-Key": "a-1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:frontispiece:problem:idempotency-unavailable"
    assert not orders.requests


def test_a_table_with_idempotency_needs_a_valkey_or_store_memory() -> None:
    (fault,) = errors_between(
        table.parse(ROUTES.replace('auth = "bearer"', 'auth = "none"')),
        GatewaySettings(signing_key=any_key()),
    )
    assert fault == (
        'GATEWAY_VALKEY_URL: the first answers of /orders, unless store = "memory", need a Valkey'
    )


def test_idempotency_is_refused_where_it_cannot_be() -> None:
    with pytest.raises(ConfigError) as refusal:
        table.parse(
            ROUTES.replace('auth = "bearer"', 'auth = "passthrough"')
            .replace('["POST", "GET"]', '["GET"]')
            .replace("1m", "1 minute")
        )

    said = "\n".join(refusal.value.errors)
    assert "only the service knows" in said
    assert "'1 minute' is no duration" in said
    with pytest.raises(ConfigError, match="GET and HEAD do not"):
        table.parse(ROUTES.replace('["POST", "GET"]', '["GET"]'))
