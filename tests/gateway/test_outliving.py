"""What goes on when its client has left keeps what it works with, whatever the gateway does meanwhile."""

import asyncio

import httpx
import pytest

from gateway import table
from gateway.app import Gateway
from kit.asgi import Message, Receive, Scope, Send
from tests.support.gateways import gateway_of
from tests.support.serving import Serve, client_of, servers
from tests.support.stub import Exchange, Stub
from tests.support.waiting import until

ORDERS = """
[services.orders]
url = "registry://orders"

[[routes]]
path = "/orders"
methods = ["POST"]
to = "orders"
auth = "none"
idempotency = { kept = "memory" }
"""

OTHER_ORDERS = ORDERS.replace("[[routes]]", "concurrency = { calls = 7 }\n\n[[routes]]")

MIRRORED = """
[services.things]
url = "registry://things"

[services.shadow]
url = "registry://shadow"

[[routes]]
path = "/things"
to = "things"
auth = "none"
mirror = { to = "shadow" }
"""

OTHER_MIRRORED = MIRRORED.replace("[[routes]]", "concurrency = { calls = 7 }\n\n[[routes]]")


class Orders(Stub):
    """Takes orders, once it may."""

    def __init__(self) -> None:
        super().__init__(self._take)
        self.go_on = asyncio.Event()

    async def _take(self, exchange: Exchange) -> None:
        await exchange.read()
        await self.go_on.wait()
        await exchange.start(201)
        await exchange.end(b"taken")


async def leave_in_the_middle(http: httpx.AsyncClient, gateway: Gateway, orders: Orders) -> None:
    """Order, and be gone before the answer."""
    leaving = asyncio.ensure_future(http.post("/orders", headers={"Idempotency-Key": "a"}))
    await until(lambda: len(orders.asked) == 1)
    leaving.cancel()
    await until(lambda: sample(gateway, "gateway_requests_in_flight", route="/orders") == 0)


def sample(gateway: Gateway, name: str, **labels: str) -> float | None:
    """A number that operators see."""
    return gateway.metrics.registry.get_sample_value(name, labels)


def kept(gateway: Gateway) -> float | None:
    """How many first answers are kept."""
    return sample(gateway, "gateway_idempotency_total", route="/orders", outcome="kept")


async def test_a_first_call_is_carried_out_though_another_table_serves_meanwhile(serve: Serve) -> None:
    orders = Orders()
    gateway = gateway_of(ORDERS, {"orders": await serve(orders)})
    before = gateway.serving
    async with client_of(await serve(gateway)) as http:
        await leave_in_the_middle(http, gateway, orders)
        assert await gateway.serve_table(table.parse(OTHER_ORDERS))
        assert gateway.retiring == [before]
        orders.go_on.set()
        await until(lambda: not gateway.retiring)
    assert (kept(gateway), len(orders.asked)) == (1, 1)


async def test_a_first_call_is_carried_out_though_the_gateway_stops_meanwhile(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.edge.LAST_CALLS", 0)
    orders = Orders()
    gateway = gateway_of(ORDERS, {"orders": await serve(orders)})

    async def stopped(scope: Scope, receive: Receive, send: Send) -> None:
        async def told() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":  # once all is let go of that is not waited for
                asyncio.get_running_loop().call_later(0.1, orders.go_on.set)
            return message

        await gateway(scope, told, send)

    async with servers() as serve_shortly, client_of(await serve_shortly(stopped)) as http:
        await leave_in_the_middle(http, gateway, orders)
    assert kept(gateway) == 1


async def test_a_copy_ends_with_its_own_table(serve: Serve) -> None:
    things, shadow = Stub(), Orders()
    gateway = gateway_of(MIRRORED, {"things": await serve(things), "shadow": await serve(shadow)})
    before = gateway.serving
    async with client_of(await serve(gateway)) as http:
        assert (await http.get("/things")).status_code == 200
        await until(lambda: len(shadow.asked) == 1)
        assert await gateway.serve_table(table.parse(OTHER_MIRRORED))
        assert gateway.retiring == [before]
        shadow.go_on.set()
        await until(lambda: not gateway.retiring)
    assert sample(gateway, "gateway_mirrored_total", route="/things", outcome="answered") == 1
