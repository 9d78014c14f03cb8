"""What of HTTP/2 is beside the contract of all transports: one connection carries everything."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from frontispiece.upstream import Reply, Unreachable
from frontispiece.upstream.transports.httpx import HttpxTransport
from tests.frontispiece.upstream.peer import get, whole
from tests.support.secure import secure_servers
from tests.support.stub import Exchange, Stub, answering


@pytest.fixture
async def transport(stub: Stub) -> AsyncIterator[HttpxTransport]:
    async with secure_servers() as (serve, trusted):
        address = await serve(stub)
        async with HttpxTransport(address, http2=True, trusted=trusted) as transport:
            yield transport


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


async def test_a_server_with_an_untrusted_certificate_is_unreachable(stub: Stub) -> None:
    async with (
        secure_servers() as (serve, _trusted),
        HttpxTransport(await serve(stub), http2=True) as alone,
    ):
        with pytest.raises(Unreachable):
            await alone.send(get())

    assert stub.requests == []
