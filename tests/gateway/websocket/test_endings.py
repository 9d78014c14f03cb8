"""However a WebSocket ends, both sides learn of it."""

import asyncio
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from gateway import table
from gateway.websocket import relay
from tests.gateway.websocket.conftest import ROUTES, World
from tests.support.sockets import ending, opened
from tests.support.waiting import until


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


async def test_what_the_client_has_said_before_it_closes_still_reaches_the_service(world: World) -> None:
    heard: list[str | bytes] = []

    async def talk(socket: ServerConnection) -> None:
        heard.extend([message async for message in socket])

    world.chat.talk = talk
    async with opened(world.url, "/rooms/7") as socket:
        for number in range(50):
            await socket.send(str(number))
    assert await ending(await world.chat.came.get()) == (1000, "")
    assert heard == [str(number) for number in range(50)]


async def test_a_client_that_vanishes_is_told_to_the_service(world: World) -> None:
    async with opened(world.url, "/rooms/7") as socket:
        service = await world.chat.came.get()
        socket.transport.abort()
        assert await ending(service) == (1001, "the client has gone")


async def test_a_service_that_vanishes_is_told_to_the_client(world: World) -> None:
    async with opened(world.url, "/rooms/7") as socket:
        (await world.chat.came.get()).transport.abort()
        assert await ending(socket) == (1014, "the service has gone")


async def test_a_service_that_talks_nonsense_is_told_to_the_client(world: World) -> None:
    async with opened(world.url, "/rooms/7") as socket:
        (await world.chat.came.get()).transport.write(b"\xff\xff\xff\xff")
        assert await ending(socket) == (1014, "the service has gone")


async def test_without_a_message_for_long_it_is_closed(world: World) -> None:
    async with opened(world.url, "/brief") as socket:
        assert await ending(socket) == (1001, "idle")
    assert await ending(await world.chat.came.get()) == (1001, "idle")


async def test_it_lasts_no_longer_than_the_route_says_whatever_is_said(world: World) -> None:
    async def talk(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await socket.send("still here")
                await asyncio.sleep(0)

    world.chat.talk = talk
    async with opened(world.url, "/short") as socket:
        assert await ending(socket) == (1001, "it has lasted long enough")


async def test_a_failure_of_the_gateway_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_self: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(relay.Relay, "_watch", broken)
    async with opened(world.url, "/rooms/7") as socket:
        assert await ending(socket) == (1011, "the gateway failed")
    await until(lambda: world.metric("gateway_websocket_open", route="/rooms/{room}") == 0)


async def test_a_reload_ends_those_of_routes_that_changed_and_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "GRACE", 0.0)
    changed = ROUTES.replace('websocket = { largest = "4KiB" }', 'websocket = { largest = "8KiB" }')

    async with opened(world.url, "/rooms/7") as socket, opened(world.url, "/few") as other:
        assert await world.gateway.serve_table(table.parse(changed))
        assert await ending(socket) == (1012, "the route has changed")
        await other.send("still here")
        assert await other.recv() == "still here"
        async with opened(world.url, "/rooms/7") as again:
            await again.send("x" * 5000)
            assert len(await again.recv()) == 5000


async def test_a_reload_ends_those_of_routes_that_are_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "GRACE", 0.0)
    less = ROUTES.replace("websocket = { most = 1 }", "")

    async with opened(world.url, "/few") as socket:
        await world.gateway.serve_table(table.parse(less))
        assert await ending(socket) == (1012, "the route has changed")
