"""However a WebSocket ends, both sides learn of it."""

import asyncio
import time
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from frontispiece.gateway.config import table
from frontispiece.gateway.policies.websocket import relay
from frontispiece.server.server import Shutdown
from tests.frontispiece.gateway.policies.websocket.conftest import ROUTES, World
from tests.support.issuer import Issuer
from tests.support.serving import nobody_there, servers
from tests.support.sockets import SocketService, ending, opened, url_of
from tests.support.waiting import until
from tests.support.world import gateway_of


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (4321, "our own business"), (1008, "")])
async def test_the_clients_code_reaches_the_service(world: World, code: int, reason: str) -> None:
    async with opened(world.url, "/rooms/7") as socket:
        await socket.close(code, reason)
    assert await ending(await world.chat.came.get()) == (code, reason)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4321, "our own business"), (1013, "later")])
async def test_the_services_code_reaches_the_client(world: World, code: int, reason: str) -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send("last words")
        await socket.close(code, reason)

    world.chat.talk = talk
    async with opened(world.url, "/rooms/7") as socket:
        assert await socket.recv() == "last words"
        assert await ending(socket) == (code, reason)
    label = str(code) if code < 3000 else "private"
    await until(
        lambda: world.metric("gateway_websocket_closed_total", route="/rooms/{room}", code=label) == 1
    )


async def test_messages_before_the_close_frame_still_reach_the_service(world: World) -> None:
    received: list[str | bytes] = []

    async def talk(socket: ServerConnection) -> None:
        received.extend([message async for message in socket])

    world.chat.talk = talk
    async with opened(world.url, "/rooms/7") as socket:
        for number in range(50):
            await socket.send(str(number))
    assert await ending(await world.chat.came.get()) == (1000, "")
    assert received == [str(number) for number in range(50)]


async def test_when_the_client_vanishes_the_service_gets_a_close_frame(world: World) -> None:
    async with opened(world.url, "/rooms/7") as socket:
        service = await world.chat.came.get()
        socket.transport.abort()
        assert await ending(service) == (1001, "the client has left")


@pytest.mark.parametrize("garbage", [b"", b"\xff\xff\xff\xff"])
async def test_when_the_service_vanishes_or_sends_garbage_the_client_gets_a_close_frame(
    world: World, garbage: bytes
) -> None:
    async with opened(world.url, "/rooms/7") as socket:
        transport = (await world.chat.came.get()).transport
        transport.write(garbage) if garbage else transport.abort()
        assert await ending(socket) == (1014, "the service has left")


async def test_an_idle_websocket_is_closed(world: World) -> None:
    async with opened(world.url, "/idle") as socket:
        assert await ending(socket) == (1001, "idle")
    assert await ending(await world.chat.came.get()) == (1001, "idle")


async def test_no_websocket_outlasts_its_maximum_duration(world: World) -> None:
    async def talk(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await socket.send("still here")
                await asyncio.sleep(0)

    world.chat.talk = talk
    async with opened(world.url, "/short") as socket:
        assert await ending(socket) == (1001, "it has reached its maximum duration")


async def test_a_failure_of_the_gateway_closes_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_self: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(relay.Relay, "_watch", broken)
    async with opened(world.url, "/rooms/7") as socket:
        assert await ending(socket) == (1011, "the gateway failed")
    await until(lambda: world.metric("gateway_websocket_open", route="/rooms/{room}") == 0)


async def test_a_reload_closes_the_websockets_of_changed_and_removed_routes_and_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "DRAIN_TIME", 0.0)
    changed = ROUTES.replace(
        'websocket = { max_message_size = "4KiB" }', 'websocket = { max_message_size = "8KiB" }'
    ).replace("websocket = { max_connections = 1 }", "")

    async with (
        opened(world.url, "/rooms/7") as socket,
        opened(world.url, "/few") as removed,
        opened(world.url, "/own") as other,
    ):
        assert await world.gateway.serve_table(table.parse(changed))
        assert await ending(socket) == await ending(removed) == (1012, "the route has changed")
        await other.send("still here")
        assert await other.recv() == "still here"
        async with opened(world.url, "/rooms/7") as again:
            await again.send("x" * 5000)
            assert len(await again.recv()) == 5000


async def test_both_ends_get_a_close_frame_when_the_server_stops() -> None:
    chat = SocketService()
    async with chat.serving() as service:
        running = servers(shutdown=Shutdown(graceful_timeout=120))
        serve = await running.__aenter__()
        gateway = gateway_of(
            ROUTES.replace('auth = "bearer"\nscopes = ["shop"]', 'auth = "none"'),
            {"chat": url_of(service), "gone": nobody_there()},
        )
        async with opened(await serve(gateway), "/rooms/7") as socket:
            async with asyncio.timeout(60):  # when both ends have closed, nothing is waited for
                await running.__aexit__(None, None, None)
            assert await ending(socket) == (1001, "the server stops")
        assert await ending(await chat.came.get()) == (1001, "the server stops")


async def test_a_websocket_ends_when_the_token_of_its_handshake_expires(world: World, issuer: Issuer) -> None:
    headers = issuer.bearer("reader", "shop", exp=int(time.time()) + 2)
    async with opened(world.url, "/mine", additional_headers=headers) as socket:
        assert await ending(socket) == (1008, "the login has ended")
