"""Servers start, stop and drain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from frontispiece.http.asgi import Receive, Scope, Send, respond_over_asgi
from frontispiece.server.server import Server, Shutdown, running
from frontispiece.server.sockets import address, bound
from tests.support.direct import hello
from tests.support.recorder import connected, said
from tests.support.stub import Exchange, Stub

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Responding(Stub):
    """Responds without ASGI, and by it where it has to."""

    respond = staticmethod(hello)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
        else:
            await respond_over_asgi(self.respond, scope, receive, send)


async def test_a_response_has_one_date() -> None:
    sock = bound()
    url = f"http://{address(sock)}"

    async with asyncio.timeout(60), running([(Server("a", Responding(), Shutdown()), sock)]):
        answer = await said(url, LAST)

    assert answer.lower().count(b"\r\ndate: ") == 1


async def test_a_server_says_so_when_it_drains_and_finishes_what_it_has_begun() -> None:
    go_on = asyncio.Event()
    drained = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"begun")
        await go_on.wait()
        await exchange.end(b"ended")

    stub = Stub(answer)
    server = Server("a", stub, Shutdown(begin_drain=drained.set))
    sock = bound()
    url = f"http://{address(sock)}"
    async with asyncio.timeout(60), running([(server, sock)]), connected(url) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"begun")
        server.stop()
        await drained.wait()
        while True:
            try:
                await said(url)
            except ConnectionResetError:  # it was about to be accepted
                continue
            except ConnectionRefusedError:
                break
        go_on.set()
        assert (await reader.read()).endswith(b"5\r\nended\r\n0\r\n\r\n")


@asynccontextmanager
async def client_of(server: Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that runs meanwhile."""
    sock = bound()
    url = f"http://{address(sock)}"
    async with asyncio.timeout(60), running([(server, sock)]), connected(url) as client:
        yield client


async def test_an_idle_connection_does_not_hold_up_a_stop() -> None:
    server = Server("a", Stub(), Shutdown(graceful_timeout=600))
    async with client_of(server) as (reader, writer):
        writer.write(GET)
        await reader.readuntil(b"{}")
        server.stop()
        assert await reader.read() == b""


async def test_a_server_that_is_forced_waits_for_no_connection() -> None:
    stub = Stub(Exchange.until_left)
    server = Server("a", stub, Shutdown(drain_delay=600, graceful_timeout=600))
    async with client_of(server) as (_, writer):
        writer.write(GET)
        await stub.begun.wait()
        server.force_stop()
        await stub.last.ended.wait()


async def test_a_server_that_is_cancelled_listens_no_longer() -> None:
    sock = bound()
    url = f"http://{address(sock)}"
    server = Server("a", Stub(), Shutdown())
    serving = asyncio.create_task(server.serve(sock))
    await server.until_started(serving)

    serving.cancel()
    await asyncio.wait([serving])

    with pytest.raises(ConnectionRefusedError):
        async with connected(url):
            pass
