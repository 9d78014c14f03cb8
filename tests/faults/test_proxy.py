"""The proxy does to messages what it is told, and passes on all else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import nats
import pytest
from nats.aio.client import Client

from frontispiece.cli.run.nats import NatsAddresses
from tests.faults.proxy import Mishaps, Proxy

Connect = Callable[[Mishaps], AbstractAsyncContextManager[tuple[Client, Client]]]


@pytest.fixture
def connect(nats_server: NatsAddresses) -> Connect:
    """Two clients of one server; the first speaks to it through a proxy with these mishaps."""

    @asynccontextmanager
    async def connected(mishaps: Mishaps) -> AsyncIterator[tuple[Client, Client]]:
        async with Proxy(nats_server.url, mishaps).listening() as url:
            clients = [await nats.connect(each, allow_reconnect=False) for each in (url, nats_server.url)]
            try:
                yield clients[0], clients[1]
            finally:
                for client in clients:
                    await client.close()

    return connected


async def settled(client: Client) -> None:
    """Return when the server has handled all that the client has sent: a first ping may overtake it."""
    for _ in range(2):
        await client.flush()


async def received(
    connect: Connect, mishaps: Mishaps, count: int, headers: dict[str, str] | None
) -> list[bytes]:
    """What arrives of `count` messages that are sent through the proxy, and after them one that is not."""
    async with connect(mishaps) as (proxied, direct):
        subscription = await direct.subscribe("things.*")
        await settled(direct)
        for number in range(count):
            await proxied.publish("things.one", b"%d\r\n%d" % (number, number), headers=headers)
        await settled(proxied)
        await asyncio.sleep(mishaps.max_delay if mishaps.delayed else 0)
        await settled(proxied)
        await direct.publish("things.last", b"")
        bodies: list[bytes] = []
        async for message in subscription.messages:
            if message.subject == "things.last":
                return bodies
            bodies.append(message.data)
    raise AssertionError


BODIES = [b"%d\r\n%d" % (number, number) for number in range(3)]
HEADERS = pytest.mark.parametrize("headers", [None, {"Nats-Msg-Id": "1"}])


@HEADERS
async def test_without_mishaps_every_message_passes(connect: Connect, headers: dict[str, str] | None) -> None:
    assert await received(connect, Mishaps(), 3, headers) == BODIES


@HEADERS
async def test_a_dropped_message_does_not_arrive(connect: Connect, headers: dict[str, str] | None) -> None:
    assert await received(connect, Mishaps(dropped=1), 3, headers) == []


@HEADERS
async def test_a_doubled_message_arrives_twice(connect: Connect, headers: dict[str, str] | None) -> None:
    expected = [body for body in BODIES for _ in range(2)]
    assert await received(connect, Mishaps(doubled=1), 3, headers) == expected


async def test_delayed_messages_arrive_later_in_any_order(connect: Connect) -> None:
    bodies = await received(connect, Mishaps(delayed=1, max_delay=0.1), 20, None)

    assert sorted(bodies) == sorted(b"%d\r\n%d" % (number, number) for number in range(20))
    assert bodies != sorted(bodies)


async def test_what_arrives_through_the_proxy_meets_with_mishaps_too(connect: Connect) -> None:
    async with connect(Mishaps(doubled=1)) as (proxied, direct):
        subscription = await proxied.subscribe("things.*")
        await settled(proxied)
        await direct.publish("things.one", b"1")

        assert [(await subscription.next_msg()).data for _ in range(2)] == [b"1", b"1"]
