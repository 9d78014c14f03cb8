"""Who waits for whom on a connection, and what it holds meanwhile."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from frontispiece.http.asgi import App
from frontispiece.http.messages import IncomingRequest, Reply
from tests.frontispiece.server.test_protocol import BOTH, GET, LAST, POST, MakeApp
from tests.support.direct import DirectApp, hello, streaming
from tests.support.recorder import connected
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub


async def test_a_client_that_sends_faster_than_the_app_reads_waits() -> None:
    go_on = asyncio.Event()

    async def respond(request: IncomingRequest) -> Reply:
        assert not isinstance(request.body, bytes)
        await go_on.wait()
        size = 0
        async for piece in request.body:
            assert len(piece) < 4 << 20
            size += len(piece)
        return Reply.whole(200, b"%d" % size, [])

    size = 64 << 20
    async with (
        asyncio.timeout(60),
        servers() as serve,
        connected(await serve(DirectApp(respond))) as (reader, writer),
    ):
        writer.write(POST + b"Content-Length: %d\r\n\r\n" % size)
        writer.write(b"x" * size)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await writer.drain()
        go_on.set()
        assert (await reader.read()).endswith(b"\r\n\r\n%d" % size)


@BOTH
async def test_an_app_that_sends_faster_than_the_client_reads_waits(app: MakeApp) -> None:
    produced = 0

    def chunks() -> Iterator[bytes]:
        nonlocal produced
        for _ in range(1000):
            produced += 1
            yield b"x" * 100_000

    async def respond(_request: IncomingRequest) -> Reply:
        async def body() -> AsyncIterator[bytes]:
            for chunk in chunks():
                yield chunk

        return Reply(status=200, headers=[], body=body())

    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        for chunk in chunks():
            await exchange.chunk(chunk)
        await exchange.end()

    served: App = DirectApp(respond) if app is streaming else Stub(answer)
    async with asyncio.timeout(60), servers() as serve, connected(await serve(served)) as (reader, writer):
        writer.write(LAST)
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(100):
            await asyncio.sleep(0)
        assert produced < 500
        size = 0
        while piece := await reader.read(1 << 20):
            size += len(piece)
        assert size > 100_000_000
    assert produced == 1000


async def test_a_response_that_ends_when_its_client_reads_on_closes_the_connection_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with servers() as serve:
        url = await serve(streaming(b"x" * 5_000_000))
        for _ in range(5):
            async with asyncio.timeout(60), connected(url, LAST) as (reader, _):
                assert len(await reader.read()) > 5_000_000
    assert not caplog.records


async def test_an_idle_connection_holds_nothing_of_a_large_request() -> None:
    cookies = b"Cookie: " + b"x" * 60_000 + b"\r\n"
    body = b"Content-Length: 1\r\n\r\nx"
    async with asyncio.timeout(60), servers() as serve, AsyncExitStack() as idle:
        url = await serve(_Forgetful(hello))
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        try:
            for rest in (b"\r\n", body) * 10:
                reader, writer = await idle.enter_async_context(connected(url))
                writer.write(GET + cookies)
                await asyncio.sleep(0)
                writer.write(rest)
                await reader.readuntil(b"hello")
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] - before < 20 * 30_000
        finally:
            tracemalloc.stop()


class _Forgetful(DirectApp):
    """Remembers no requests."""

    async def respond(self, request: IncomingRequest) -> Reply:
        return await hello(request)
