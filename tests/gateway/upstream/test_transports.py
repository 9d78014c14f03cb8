"""What every transport promises, tried on each of them with the same upstream."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from gateway.upstream import Failed, Nonsense, Reply, Request, TimedOut, Transport, Unreachable
from gateway.upstream.message import ClientLeft
from gateway.upstream.mounted import MountedTransport
from gateway.upstream.native import NativeTransport
from gateway.upstream.over_httpx import HttpxTransport
from kit.asgi import App
from tests.gateway.upstream.peer import get, whole
from tests.support.secure import secure_servers
from tests.support.serving import nobody_there, raw_server, servers
from tests.support.stub import Exchange, Stub, answering

Open = Callable[[App], Awaitable[Transport]]


NETWORK = {"native": NativeTransport, "httpx": HttpxTransport}


@pytest.fixture(params=[*NETWORK, "tls", "mounted"])
async def open_transport(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """`transport = await open_transport(app)`: a way to the app, of each kind."""
    async with servers() as serve, secure_servers() as (serve_securely, trusted), AsyncExitStack() as stack:

        async def open_transport(app: App) -> Transport:
            if request.param == "tls":
                return await stack.enter_async_context(
                    HttpxTransport(await serve_securely(app), trusted=trusted)
                )
            if request.param == "mounted":
                return await stack.enter_async_context(MountedTransport(app))
            return await stack.enter_async_context(NETWORK[request.param](await serve(app)))

        yield open_transport


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
async def transport(open_transport: Open, stub: Stub) -> Transport:
    return await open_transport(stub)


async def test_a_request_arrives_as_it_was_sent(transport: Transport, stub: Stub) -> None:
    request = Request(
        method="PATCH",
        target="/a%20b/%2Ec?q=%zz&q=\"2'<>",
        headers=[(b"x-many", b"1"), (b"content-type", b"text/plain"), (b"x-many", b"2")],
        body=b"content",
    )

    assert await whole(transport, request) == (200, b"{}")

    asked = stub.last
    assert (asked.method, asked.path, asked.query) == ("PATCH", b"/a%20b/%2Ec", b"q=%zz&q=\"2'<>")
    assert (asked.body, asked.all(b"content-length")) == (b"content", [b"7"])
    assert [field for field in asked.headers if field[0] == b"x-many"] == [
        (b"x-many", b"1"),
        (b"x-many", b"2"),
    ]
    assert len(asked.all(b"host")) == 1
    assert asked.all(b"content-type") == [b"text/plain"]


async def test_nothing_is_added_that_a_service_could_take_for_the_clients_wish(
    transport: Transport, stub: Stub
) -> None:
    await whole(transport, get())

    assert {name for name, _ in stub.last.headers} <= {b"host"}


@pytest.mark.parametrize("status", [200, 204, 302, 304, 404, 500, 503])
async def test_an_answer_comes_back_whatever_its_status(
    transport: Transport, stub: Stub, status: int
) -> None:
    content = b"" if status in {204, 304} else b"said"
    stub.answer = answering(
        status, content, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"X-Case", b"1")
    )

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

    async with asyncio.timeout(5), await transport.send(get()) as reply:
        chunks = reply.chunks()
        assert await anext(chunks) == b"first"
        go_on.set()
        assert [chunk async for chunk in chunks] == [b"last"]


async def test_the_body_streams_up(transport: Transport, stub: Stub) -> None:
    arrived = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        async for chunk in exchange.chunks():
            exchange.body += chunk
            arrived.set()
        await exchange.start()
        await exchange.end(exchange.body)

    async def body() -> AsyncIterator[bytes]:
        yield b"first,"
        await arrived.wait()
        yield b"last"

    stub.answer = answer

    async with asyncio.timeout(5):
        request = Request(method="POST", target="/a", body=body())
        assert await whole(transport, request) == (200, b"first,last")


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

    async with asyncio.timeout(10):
        async with await transport.send(get()) as reply:
            chunks = reply.chunks()
            await anext(chunks)
            await anext(chunks)
            assert sent < 20  # sockets hold some; how tightly a mounted app is held, see test_mounted
        await stub.last.ended.wait()


async def test_leaving_in_the_middle_ends_the_exchange(transport: Transport, stub: Stub) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"first")
        await exchange.until_left()

    stub.answer = answer

    async with asyncio.timeout(5):
        async with await transport.send(get()) as reply:
            chunks = reply.chunks()
            assert await anext(chunks) == b"first"
        await stub.last.ended.wait()


async def test_cancelling_while_waiting_ends_the_exchange(transport: Transport, stub: Stub) -> None:
    stub.answer = Exchange.until_left
    waiting = asyncio.create_task(transport.send(get()))

    async with asyncio.timeout(5):
        await stub.begun.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await stub.last.ended.wait()


async def test_no_answer_in_time_is_told_and_ends_the_exchange(transport: Transport, stub: Stub) -> None:
    stub.answer = Exchange.until_left

    async with asyncio.timeout(5):
        with pytest.raises(TimedOut, match=r"no answer in 0\.05 s"):
            await transport.send(get(timeout=0.05))
        await stub.last.ended.wait()


async def test_an_answer_that_stands_still_is_told(transport: Transport, stub: Stub) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"first")
        await exchange.until_left()

    stub.answer = answer

    async with asyncio.timeout(5):
        async with await transport.send(get(timeout=0.05)) as reply:
            chunks = reply.chunks()
            assert await anext(chunks) == b"first"
            with pytest.raises(TimedOut, match=r"no answer in 0\.05 s"):
                await anext(chunks)
        await stub.last.ended.wait()


async def test_a_service_that_breaks_off_in_the_middle_of_its_answer_is_told(
    transport: Transport, stub: Stub
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"first")
        raise ZeroDivisionError

    stub.answer = answer

    async with asyncio.timeout(5), await transport.send(get()) as reply:
        chunks = reply.chunks()
        assert await anext(chunks) == b"first"
        with pytest.raises((Failed, Nonsense), match=r"it (broke off|ended in the middle)"):
            await anext(chunks)


async def test_a_body_that_its_sender_gives_up_is_the_callers_to_know_and_ends_the_exchange(
    transport: Transport, stub: Stub
) -> None:
    arrived = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        async for _ in exchange.chunks():
            arrived.set()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await arrived.wait()
        raise ClientLeft

    stub.answer = answer

    async with asyncio.timeout(5):
        with pytest.raises(ClientLeft):
            await transport.send(Request(method="POST", target="/a", body=body()))
        await stub.last.ended.wait()


async def test_an_answer_longer_than_the_reader_takes_is_nonsense(transport: Transport, stub: Stub) -> None:
    stub.answer = answering(200, b"x" * 100)

    assert await whole(transport, get()) == (200, b"x" * 100)
    async with await transport.send(get()) as reply:
        with pytest.raises(Nonsense, match="longer than 99 bytes"):
            await reply.read(99)


async def test_many_requests_go_at_once_and_none_waits_for_another(transport: Transport, stub: Stub) -> None:
    everyone = asyncio.Barrier(20)

    async def answer(exchange: Exchange) -> None:
        await everyone.wait()
        await exchange.start()
        await exchange.end(exchange.path)

    stub.answer = answer

    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(whole(transport, get(f"/{n}")) for n in range(20)))
    assert answers == [(200, b"/%d" % n) for n in range(20)]


# Of the network alone.

on_the_network = pytest.mark.parametrize("kind", NETWORK.values(), ids=list(NETWORK))
Kind = type[NativeTransport] | type[HttpxTransport]


@on_the_network
async def test_where_nobody_listens_nobody_can_be_reached(kind: Kind) -> None:
    async with kind(nobody_there()) as transport:
        with pytest.raises(Unreachable, match="no connection"):
            await transport.send(get())


@on_the_network
@pytest.mark.parametrize("said", [b"", b"hello?\r\n\r\n", b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n"])
async def test_what_is_no_http_is_nonsense(kind: Kind, said: bytes) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with raw_server(talk) as url, kind(url) as transport:
        with pytest.raises(Nonsense):
            await transport.send(get())


async def test_a_reply_that_is_there_already_tells_its_length() -> None:
    async with Reply.whole(404, b"gone", [(b"x-a", b"1")]) as reply:
        assert (reply.status, await reply.read(10)) == (404, b"gone")
    assert reply.headers == [(b"x-a", b"1"), (b"content-length", b"4")]
