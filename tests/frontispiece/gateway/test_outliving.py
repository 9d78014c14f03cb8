"""What goes on when its client has left keeps what it works with, whatever the gateway does meanwhile."""

import asyncio

import httpx
import pytest

from frontispiece.gateway.app import Gateway
from frontispiece.http.asgi import Message, Receive, Scope, Send
from tests.support.serving import Serve, client_of, servers
from tests.support.stub import Exchange, Stub
from tests.support.tables import route, route_table
from tests.support.waiting import until
from tests.support.world import OpenWorld, gateway_of

TAKEN = route("/orders", to="orders", methods=["POST"], idempotency={"store": "memory"})
ORDERS = route_table(TAKEN)


OTHER_ORDERS = route_table(TAKEN, services={"orders": {"concurrency": {"max_concurrent": 7}}})

SHADOWED = route("/things", mirror={"to": "shadow"})
MIRRORED = route_table(SHADOWED)

OTHER_MIRRORED = route_table(SHADOWED, services={"shadow": {"concurrency": {"max_concurrent": 7}}})


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
    await until(lambda: len(orders.requests) == 1)
    leaving.cancel()
    await until(lambda: sample(gateway, "gateway_requests_in_flight", route="/orders") == 0)


def sample(gateway: Gateway, name: str, **labels: str) -> float | None:
    """A number that operators see."""
    return gateway.runtime.metrics.registry.get_sample_value(name, labels)


def stored(gateway: Gateway) -> float | None:
    """The number of stored first responses."""
    return sample(gateway, "gateway_idempotency_total", route="/orders", outcome="stored")


async def test_a_first_call_is_carried_out_though_another_table_serves_meanwhile(
    open_world: OpenWorld,
) -> None:
    orders = Orders()
    world = await open_world(ORDERS, orders=orders)
    gateway, before = world.gateway, world.gateway.snapshot
    await leave_in_the_middle(world.http, gateway, orders)
    assert await world.serve_table(OTHER_ORDERS)
    assert [*gateway.retiring.values()] == [before]
    orders.go_on.set()
    await until(lambda: not gateway.retiring)
    assert (stored(gateway), len(orders.requests)) == (1, 1)


async def test_a_first_call_is_carried_out_though_the_gateway_stops_meanwhile(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontispiece.gateway.edge.LAST_CALLS_TIMEOUT", 0)
    orders = Orders()
    gateway = gateway_of(ORDERS, {"orders": await serve(orders)})

    async def stopped(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_message() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":  # once all is let go of that is not waited for
                asyncio.get_running_loop().call_later(0.1, orders.go_on.set)
            return message

        await gateway(scope, receive_message, send)

    async with servers() as serve_shortly, client_of(await serve_shortly(stopped)) as http:
        await leave_in_the_middle(http, gateway, orders)
    assert stored(gateway) == 1


async def test_a_copy_ends_with_its_own_table(open_world: OpenWorld) -> None:
    shadow = Orders()
    world = await open_world(MIRRORED, shadow=shadow)
    gateway, before = world.gateway, world.gateway.snapshot
    assert (await world.http.get("/things")).status_code == 200
    await until(lambda: len(shadow.requests) == 1)
    assert await world.serve_table(OTHER_MIRRORED)
    assert [*gateway.retiring.values()] == [before]
    shadow.go_on.set()
    await until(lambda: not gateway.retiring)
    assert world.metric("gateway_mirrored_total", route="/things", outcome="answered") == 1
