"""What every transport promises, tried on each of them with the same upstream."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from frontispiece.http.asgi import App
from frontispiece.http.messages import BodyStream, BodyTooLarge, ClientDisconnected
from frontispiece.http.problems import Problem
from frontispiece.upstream import (
    InvalidResponse,
    Request,
    TimedOut,
    Transport,
    UpstreamServerError,
)
from frontispiece.upstream.transports.asgi import AsgiTransport
from frontispiece.upstream.transports.http1 import Http1Transport
from frontispiece.upstream.transports.httpx import HttpxTransport
from tests.frontispiece.upstream.peer import get, whole
from tests.support.secure import secure_servers
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub, answering

Open = Callable[[App], Awaitable[Transport]]


NETWORK = {"native": Http1Transport, "httpx": HttpxTransport}
ENDING = [*NETWORK, "tls", "mounted"]
"""Transports that tell the service when an exchange ends early, which httpcore does not over HTTP/2."""

ends_exchanges = pytest.mark.parametrize("open_transport", ENDING, indirect=True)


@pytest.fixture(params=[*ENDING, "h2"])
async def open_transport(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """`transport = await open_transport(app)`: a way to the app, of each kind."""
    async with AsyncExitStack() as stack:

        async def open_transport(app: App) -> Transport:
            transport: Transport
            if request.param == "mounted":
                transport = AsgiTransport(app)
            elif request.param in NETWORK:
                serve = await stack.enter_async_context(servers())
                transport = NETWORK[request.param](await serve(app))
            else:
                serve_securely, trusted = await stack.enter_async_context(secure_servers())
                address, http2 = await serve_securely(app), request.param == "h2"
                transport = HttpxTransport(address, trusted=trusted, http2=http2)
            return await stack.enter_async_context(transport)

        yield open_transport


@pytest.fixture
async def transport(open_transport: Open, stub: Stub) -> Transport:
    return await open_transport(stub)


@pytest.fixture
async def connected(transport: Transport) -> Transport:
    """The transport with an idle connection: no short timeout ends while it connects."""
    await whole(transport, get())
    return transport


async def test_a_request_arrives_as_it_was_sent(transport: Transport, stub: Stub) -> None:
    request = Request(
        method="PATCH",
        target="/a%20b/%2Ec?q=%zz&q=\"2'<>",
        headers=[(b"x-many", b"1"), (b"content-type", b"text/plain"), (b"x-many", b"2")],
        body=b"content",
    )

    assert await whole(transport, request) == (200, b"{}")

    requested = stub.last
    assert (requested.method, requested.path, requested.query) == ("PATCH", b"/a%20b/%2Ec", b"q=%zz&q=\"2'<>")
    assert (requested.body, requested.all(b"content-length")) == (b"content", [b"7"])
    assert [field for field in requested.headers if field[0] == b"x-many"] == [
        (b"x-many", b"1"),
        (b"x-many", b"2"),
    ]
    assert len(requested.all(b"host")) == 1
    assert requested.all(b"content-type") == [b"text/plain"]


async def test_a_response_comes_back_whatever_its_status(transport: Transport, stub: Stub) -> None:
    headers = (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"X-Case", b"1")
    for status in (200, 204, 302, 304, 404, 500, 503):
        content = b"" if status in {204, 304} else b"content"
        stub.answer = answering(status, content, *headers)

        async with await transport.send(get()) as reply:
            assert (reply.status, await reply.read(100)) == (status, content)

        assert [value for name, value in reply.headers if name == b"set-cookie"] == [b"a=1", b"b=2"]
        assert reply.header(b"x-case") == b"1"


async def test_the_answer_streams_down(transport: Transport, stub: Stub) -> None:
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"first")
        await go_on.wait()
        await exchange.end(b"last")

    stub.answer = answer

    async with asyncio.timeout(30), await transport.send(get()) as reply:
        chunks = reply.chunks()
        assert await anext(chunks) == b"first"
        go_on.set()
        assert [chunk async for chunk in chunks] == [b"last"]


@ends_exchanges
async def test_the_service_is_held_back_until_its_answer_is_taken(transport: Transport, stub: Stub) -> None:
    sent = 0

    async def answer(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.start()
        while sent < 100:
            await exchange.chunk(b"x" * 1_000_000)
            sent += 1
        await exchange.until_left()

    stub.answer = answer

    async with asyncio.timeout(30):
        async with await transport.send(get()) as reply:
            chunks = reply.chunks()
            await anext(chunks)
            await anext(chunks)
            assert sent < 20  # sockets hold some; of a mounted app, test_asgi says it to the chunk
        await stub.last.ended.wait()


async def stalling(exchange: Exchange) -> None:
    """Begin a response that never ends."""
    await exchange.start()
    await exchange.chunk(b"first")
    await exchange.until_left()


@ends_exchanges
async def test_leaving_in_the_middle_ends_the_exchange(transport: Transport, stub: Stub) -> None:
    stub.answer = stalling

    async with asyncio.timeout(30):
        async with await transport.send(get()) as reply:
            chunks = reply.chunks()
            assert await anext(chunks) == b"first"
        await stub.last.ended.wait()


@ends_exchanges
async def test_cancelling_while_waiting_ends_the_exchange(transport: Transport, stub: Stub) -> None:
    stub.answer = Exchange.until_left
    waiting = asyncio.create_task(transport.send(get()))

    async with asyncio.timeout(30):
        await stub.begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await stub.last.ended.wait()


@ends_exchanges
async def test_a_response_that_does_not_come_in_time_is_a_timeout_and_ends_the_exchange(
    connected: Transport, stub: Stub
) -> None:
    stub.answer = Exchange.until_left

    async with asyncio.timeout(30):
        with pytest.raises(TimedOut, match=r"no answer in 0\.1 s"):
            await connected.send(get(timeout=0.1))
        await stub.last.ended.wait()


@ends_exchanges
async def test_a_response_that_stalls_is_a_timeout(connected: Transport, stub: Stub) -> None:
    stub.answer = stalling

    async with asyncio.timeout(30):
        async with await connected.send(get(timeout=0.3)) as reply:
            chunks = reply.chunks()
            assert await anext(chunks) == b"first"
            with pytest.raises(TimedOut, match=r"no answer in 0\.3 s"):
                await anext(chunks)
        await stub.last.ended.wait()


@ends_exchanges
async def test_a_response_that_breaks_off_is_a_failure(transport: Transport, stub: Stub) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"first")
        raise ZeroDivisionError

    stub.answer = answer

    async with asyncio.timeout(30), await transport.send(get()) as reply:
        chunks = reply.chunks()
        assert await anext(chunks) == b"first"
        with pytest.raises(
            (UpstreamServerError, InvalidResponse), match=r"it (broke off|ended in the middle)"
        ):
            await anext(chunks)


@ends_exchanges
async def test_a_client_that_disconnects_while_it_sends_ends_the_exchange(
    transport: Transport, stub: Stub
) -> None:
    arrived = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        async for _ in exchange.chunks():
            arrived.set()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await arrived.wait()
        raise ClientDisconnected

    stub.answer = answer

    async with asyncio.timeout(30):
        with pytest.raises(ClientDisconnected):
            await transport.send(Request(method="POST", target="/a", body=body()))
        await stub.last.ended.wait()


async def test_a_body_longer_than_the_readers_limit_is_refused(transport: Transport, stub: Stub) -> None:
    stub.answer = answering(200, b"x" * 100)

    assert await whole(transport, get()) == (200, b"x" * 100)
    async with await transport.send(get()) as reply:
        with pytest.raises(BodyTooLarge, match="longer than 99 bytes"):
            await reply.read(99)


# A body that comes late.


@ends_exchanges
async def test_a_body_that_does_not_come_in_time_is_the_clients_failure_and_ends_the_exchange(
    connected: Transport, stub: Stub
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.read()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    stub.answer = answer

    async with asyncio.timeout(30):
        with pytest.raises(Problem) as failure:
            await connected.send(Request(method="POST", target="/a", body=body(), timeout=0.1))
        await stub.last.ended.wait()

    assert (failure.value.status, failure.value.kind) == (408, "body-too-slow")


@pytest.mark.parametrize(
    ("open_transport", "seconds", "upload_time"),
    [("native", 0.3, 0.0), ("mounted", 0.3, 0.0), ("httpx", 1.0, 0.5)],  # httpx itself limits each phase
    indirect=["open_transport"],
)
async def test_the_time_of_the_service_begins_at_the_end_of_the_body(
    connected: Transport, stub: Stub, seconds: float, upload_time: float
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.read()
        body.moved += 60  # as if its end had come a minute later
        await asyncio.sleep(1.1 * seconds - upload_time)
        await exchange.start()
        await exchange.end(exchange.body)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"content"
        await asyncio.sleep(upload_time)

    stub.answer, body = answer, BodyStream(chunks())

    async with asyncio.timeout(30):
        request = Request(method="POST", target="/a", body=body, timeout=seconds)
        assert await whole(connected, request) == (200, b"content")
