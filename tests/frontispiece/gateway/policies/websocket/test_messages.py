"""Messages pass as they are, each when there is room for it."""

import asyncio

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from tests.frontispiece.gateway.policies.websocket.conftest import World
from tests.support.sockets import ending, opened
from tests.support.waiting import until, until_still

ROOM = "/rooms/7"


async def test_text_stays_text_and_bytes_stay_bytes_in_their_order(world: World) -> None:
    messages: list[str | bytes] = ["grüß dich 👋", b"\x00\xff", "", b"", "last"]

    async with opened(world.url, ROOM) as socket:
        for message in messages:
            await socket.send(message)
        assert [await socket.recv() for _ in messages] == messages

    assert world.metric("gateway_websocket_messages_total", route="/rooms/{room}", direction="to-client") == 5


async def test_a_message_in_pieces_arrives_whole(world: World) -> None:
    async with opened(world.url, ROOM) as socket:
        await socket.send(["one, ", "two, ", "three"])
        assert await socket.recv() == "one, two, three"


async def test_a_message_of_the_maximum_size_passes_and_a_longer_one_closes_both_ends(world: World) -> None:
    async with opened(world.url, ROOM) as socket:
        await socket.send("x" * 4096)
        assert await socket.recv() == "x" * 4096
        await socket.send("ä" * 2049)  # bytes count
        assert await ending(socket) == (1009, "messages have at most 4096 bytes")
    service = await world.chat.came.get()
    assert await ending(service) == (1009, "messages have at most 4096 bytes")


async def test_text_that_is_no_utf_8_closes_it_without_a_word(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(world.url, ROOM) as socket:
        await socket.send(b"\xff", text=True)
        assert (await ending(socket))[0] == 1007
    assert (await ending(await world.chat.came.get()))[0] == 1007
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_message_beyond_the_server_s_own_limit_closes_it_too(world: World) -> None:
    async with opened(world.url, ROOM) as socket:
        await socket.send(b"x" * (2 << 20))
        assert (await ending(socket))[0] == 1009
    assert (await ending(await world.chat.came.get()))[0] == 1009


async def test_a_message_of_the_service_that_is_too_long_closes_it(world: World) -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.send("x" * 4097)
        await socket.wait_closed()

    world.chat.talk = talk
    async with opened(world.url, ROOM) as socket:
        assert await ending(socket) == (1009, "messages have at most 4096 bytes")


async def test_pings_are_answered_on_both_sides(world: World) -> None:
    async with opened(world.url, ROOM) as socket:
        await (await socket.ping("from the client"))
        service = await world.chat.came.get()
        await (await service.ping("from the service"))


async def test_a_client_that_reads_nothing_holds_the_service_back(world: World) -> None:
    sent = 0
    stuck = asyncio.Event()

    async def talk(socket: ServerConnection) -> None:
        nonlocal sent
        while not stuck.is_set():
            await socket.send(b"x" * 4096)
            sent += 1
        await socket.close(1000, "that is all")

    world.chat.talk = talk
    async with opened(world.url, ROOM, max_queue=1) as socket:
        await until(lambda: sent > 0)
        assert await until_still(lambda: sent) < 20_000
        stuck.set()
        assert await ending(socket) == (1000, "that is all")


async def test_a_service_that_reads_nothing_holds_the_client_back(world: World) -> None:
    stuck = asyncio.Event()
    sent = received = 0

    async def talk(socket: ServerConnection) -> None:
        nonlocal received
        await stuck.wait()
        async for _ in socket:
            received += 1

    async def send(socket: ClientConnection) -> None:
        nonlocal sent
        while not stuck.is_set():
            await socket.send(b"x" * 4096)
            sent += 1

    world.chat.talk = talk
    async with opened(world.url, ROOM) as socket:
        sending = asyncio.create_task(send(socket))
        await until(lambda: sent > 0)
        assert await until_still(lambda: sent) < 20_000
        stuck.set()
        await sending
    service = await world.chat.came.get()
    await service.wait_closed()
    assert sent == received


async def test_messages_of_many_websockets_do_not_mix(world: World) -> None:
    async def talk(number: int) -> None:
        async with opened(world.url, f"/rooms/{number}") as socket:
            for turn in range(20):
                await socket.send(f"{number}.{turn}")
                assert await socket.recv() == f"{number}.{turn}"

    await asyncio.gather(*(talk(number) for number in range(30)))
    await until(lambda: world.metric("gateway_websocket_open", route="/rooms/{room}") == 0)
