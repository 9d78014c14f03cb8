"""How `Idempotency-Key` looks from outside, at gateways that share a Valkey."""

import asyncio

import httpx
import pytest

from gateway import table
from gateway.settings import GatewaySettings, faults_between
from kit.faults import Faulty
from tests.conftest import MakeToken
from tests.gateway.conftest import OpenGateway
from tests.support.gateways import any_key
from tests.support.serving import Serve, nobody_there
from tests.support.stub import Exchange, Stub
from tests.support.waiting import until

ROUTES = """
[services.orders]
url = "registry://orders"

[[routes]]
path = "/orders"
methods = ["POST"]
to = "orders"
auth = "bearer"
idempotency = { ttl = "24h", required = true }

[[routes]]
path = "/notes"
methods = ["POST", "GET"]
to = "orders"
auth = "none"
idempotency = { ttl = "1m", kept = "memory" }

[[routes]]
path = "/few"
methods = ["POST"]
to = "orders"
auth = "none"
limit = { rate = "2/day", by = "route" }
idempotency = { kept = "memory" }
"""


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
        await exchange.end(b'{"order":%d}' % len(self.asked))


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
async def gateways(
    serve: Serve,
    open_gateway: OpenGateway,
    orders: Orders,
    valkey_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> list[httpx.AsyncClient]:
    """Clients of two gateways."""
    monkeypatch.setattr("gateway.commons.KEEPS_WITHIN", 30.0)  # the machine may be busy
    url = await serve(orders)
    return [await open_gateway(ROUTES, valkey_url=valkey_url, orders=url) for _ in range(2)]


async def test_a_retry_at_another_gateway_gets_the_first_answer(
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
    somebody_else = bearer("clerk") | {"Idempotency-Key": "a-1"}
    assert (await one.post("/orders", json={"sku": "x"}, headers=somebody_else)).json() == {"order": 2}
    assert (await one.post("/orders", json={}, headers=bearer("reader"))).status_code == 400


async def test_who_left_in_the_middle_comes_back_to_the_answer(
    gateways: list[httpx.AsyncClient], orders: Orders, bearer: MakeToken
) -> None:
    one, other = gateways
    headers = bearer("reader") | {"Idempotency-Key": "a-1"}
    orders.hold.clear()
    impatient = asyncio.ensure_future(one.post("/orders", content=b"{}", headers=headers))
    await until(lambda: len(orders.asked) == 1)
    impatient.cancel()

    busy = await other.post("/orders", content=b"{}", headers=headers)
    assert (busy.status_code, busy.headers["retry-after"]) == (409, "1")
    assert busy.json()["type"] == "urn:frontispiece:problem:request-in-progress"
    orders.hold.set()
    while (answer := await other.post("/orders", content=b"{}", headers=headers)).status_code == 409:
        pass
    assert (answer.headers["idempotency-replayed"], answer.json()) == ("true", {"order": 1})
    assert len(orders.asked) == 1


async def test_a_route_that_says_so_keeps_answers_in_the_process(
    serve: Serve, open_gateway: OpenGateway, orders: Orders
) -> None:
    gone = nobody_there().replace("http", "valkey")
    http = await open_gateway(ROUTES, valkey_url=gone, orders=await serve(orders))

    answers = [
        await http.post("/notes", content=content, headers={"Idempotency-Key": "n"})
        for content in (b"one", b"one", b"two")
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 422]
    assert not (await http.get("/notes", headers={"Idempotency-Key": "n"})).headers.get(
        "idempotency-replayed"
    )


async def test_a_call_that_is_one_too_many_leaves_its_key_unused_and_replays_are_calls_too(
    serve: Serve, open_gateway: OpenGateway, orders: Orders, valkey_url: str
) -> None:
    http = await open_gateway(ROUTES, valkey_url=valkey_url, orders=await serve(orders))

    answers = [await http.post("/few", headers={"Idempotency-Key": key}) for key in ("a", "a", "b", "a")]
    assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
    assert len(orders.asked) == 1


async def test_without_valkey_nothing_is_done_that_could_be_done_twice(
    serve: Serve, open_gateway: OpenGateway, orders: Orders, bearer: MakeToken
) -> None:
    gone = nobody_there().replace("http", "valkey")
    http = await open_gateway(ROUTES, valkey_url=gone, orders=await serve(orders))

    answer = await http.post("/orders", json={}, headers=bearer("reader") | {"Idempotency-Key": "a-1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:frontispiece:problem:idempotency-unavailable"
    assert not orders.asked


def test_a_table_that_keeps_answers_needs_a_valkey_unless_it_says_otherwise() -> None:
    (fault,) = faults_between(
        table.parse(ROUTES.replace('auth = "bearer"', 'auth = "none"')),
        GatewaySettings(signing_key=any_key()),
    )
    assert fault == (
        'GATEWAY_VALKEY_URL: the first answers of /orders, unless kept = "memory", need a Valkey'
    )


def test_idempotency_is_refused_where_it_cannot_be() -> None:
    with pytest.raises(Faulty) as refusal:
        table.parse(
            ROUTES.replace('auth = "bearer"', 'auth = "service"')
            .replace('["POST", "GET"]', '["GET"]')
            .replace("1m", "1 minute")
        )

    said = "\n".join(refusal.value.faults)
    assert "only the service knows" in said
    assert "'1 minute' is no duration" in said
    with pytest.raises(Faulty, match="GET and HEAD do not"):
        table.parse(ROUTES.replace('["POST", "GET"]', '["GET"]'))
