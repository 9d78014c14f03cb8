"""Upstreams that speak HTTP/2: one connection carries everything."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.upstream import Reply, Request, Unreachable
from gateway.upstream.over_httpx import HttpxTransport
from tests.gateway.upstream.peer import get, whole
from tests.support.secure import secure_servers
from tests.support.stub import Exchange, Stub, answering


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
async def transport(stub: Stub) -> AsyncIterator[HttpxTransport]:
    async with secure_servers() as (serve, trusted):
        address = await serve(stub)
        async with HttpxTransport(address, http2=True, trusted=trusted) as transport:
            yield transport


async def test_a_request_and_its_answer_arrive_as_they_were_sent(
    transport: HttpxTransport, stub: Stub
) -> None:
    stub.answer = answering(201, b"made", (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))
    request = Request(method="POST", target="/a%20b?q=%zz", headers=[(b"x-one", b"1")], body=b"content")

    async with await transport.send(request) as reply:
        assert (reply.status, await reply.read(100)) == (201, b"made")

    assert [value for name, value in reply.headers if name == b"set-cookie"] == [b"a=1", b"b=2"]
    assert (stub.last.method, stub.last.path, stub.last.query) == ("POST", b"/a%20b", b"q=%zz")
    assert (stub.last.body, stub.last.all(b"x-one")) == (b"content", [b"1"])


async def test_bodies_stream_both_ways(transport: HttpxTransport, stub: Stub) -> None:
    async def echo(exchange: Exchange) -> None:
        await exchange.start()
        async for chunk in exchange.chunks():
            await exchange.chunk(chunk.upper())
        await exchange.end()

    async def body() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    stub.answer = echo

    assert await whole(transport, Request(method="PUT", target="/", body=body())) == (200, b"ONE TWO")


async def test_many_calls_go_at_the_same_time(transport: HttpxTransport, stub: Stub) -> None:
    together = asyncio.Barrier(20)

    async def answer(exchange: Exchange) -> None:
        await together.wait()
        await answering(200, exchange.path)(exchange)

    stub.answer = answer

    async with asyncio.timeout(10):
        answers = await asyncio.gather(*(whole(transport, get(f"/{n}")) for n in range(20)))

    assert answers == [(200, f"/{n}".encode()) for n in range(20)]


async def test_a_call_that_is_given_up_leaves_the_connection_to_the_others(
    transport: HttpxTransport, stub: Stub
) -> None:
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        if exchange.path == b"/slow":
            await go_on.wait()
        await answering(200, b"done")(exchange)

    stub.answer = answer
    slow: asyncio.Task[Reply] = asyncio.create_task(transport.send(get("/slow")))
    await stub.begun.wait()
    slow.cancel()
    await asyncio.wait([slow])

    assert await whole(transport, get("/quick")) == (200, b"done")
    go_on.set()


async def test_somebody_whom_nobody_trusts_is_not_spoken_to(stub: Stub) -> None:
    async with (
        secure_servers() as (serve, _trusted),
        HttpxTransport(await serve(stub), http2=True) as alone,
    ):
        with pytest.raises(Unreachable):
            await alone.send(get())

    assert stub.asked == []
