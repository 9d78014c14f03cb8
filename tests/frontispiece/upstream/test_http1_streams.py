"""Bodies that stream through the native transport, and exchanges that end before their time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from frontispiece.aio import InlineTask
from frontispiece.upstream import ClientDisconnected, Request
from frontispiece.upstream.transports.http1 import Http1Transport
from frontispiece.upstream.transports.http1.connection import Connection
from tests.frontispiece.upstream.peer import GOOD, Line, get, peer, saying, whole

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
FIRST = CHUNKED + b"5\r\nfirst\r\n"
MEGABYTE = b"x" * 1_000_000


def post(body: AsyncIterator[bytes], *headers: tuple[bytes, bytes], timeout: float = 30.0) -> Request:
    return Request(method="POST", target="/a", headers=list(headers), body=body, timeout=timeout)


async def pieces(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


async def never() -> AsyncIterator[bytes]:
    yield b"first"
    await asyncio.Event().wait()


async def test_a_streamed_answer_that_is_read_to_its_end_leaves_a_connection_to_go_on_with() -> None:
    async def talk(line: Line) -> None:
        await line.request()
        await line.say(FIRST, b"4\r\nlast\r\n", b"0\r\n\r\n")
        await line.serve()

    async with asyncio.timeout(30), peer(talk) as server, Http1Transport(server.url) as transport:
        async with await transport.send(get()) as reply:
            assert b"".join([chunk async for chunk in reply.chunks()]) == b"firstlast"
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 1


@pytest.mark.parametrize("declared", [True, False], ids=["a length", "chunks"])
async def test_a_body_is_read_no_faster_than_the_peer_takes_it(declared: bool) -> None:  # noqa: FBT001 (a case)
    read = 0
    go_on = asyncio.Event()
    size = 100 * len(MEGABYTE)

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield MEGABYTE

    async def talk(line: Line) -> None:
        await line.request()
        await go_on.wait()
        if declared:
            await line.reader.readexactly(size)
        else:
            for _ in range(100):
                assert await line.reader.readline() == b"f4240\r\n"
                await line.reader.readexactly(len(MEGABYTE) + 2)
            assert await line.reader.readexactly(5) == b"0\r\n\r\n"
        await line.say(GOOD)
        await line.serve()

    async with asyncio.timeout(20), peer(talk) as server, Http1Transport(server.url) as transport:
        headers = [(b"content-length", b"%d" % size)] if declared else []
        call = asyncio.create_task(whole(transport, post(body(), *headers, timeout=20)))
        await server.until_lines(1)
        for _ in range(200):
            await asyncio.sleep(0)
        assert read < 20
        go_on.set()

        assert await call == (200, b"good")
        assert read == 100
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 1


async def test_an_empty_piece_does_not_end_a_body() -> None:
    async def talk(line: Line) -> None:
        await line.request()
        line.requests.append(await line.reader.readuntil(b"0\r\n\r\n"))
        await line.say(GOOD)
        await line.left()

    async with asyncio.timeout(30), peer(talk) as server, Http1Transport(server.url) as transport:
        assert await whole(transport, post(pieces(b"", b"a", b"", b"b"))) == (200, b"good")
        assert server.lines[0].requests[1] == b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"


@pytest.mark.parametrize("length", [b"6", b"8"], ids=["longer", "shorter"])
async def test_a_body_of_another_length_than_declared_is_an_error(length: bytes) -> None:
    async with asyncio.timeout(30), peer(saying()) as server, Http1Transport(server.url) as transport:
        with pytest.raises(ValueError, match="A body is"):
            await transport.send(post(pieces(b"con", b"tent"), (b"content-length", length)))
        await server.lines[0].ended.wait()
        assert await whole(transport) == (200, b"good")


@pytest.mark.parametrize(
    "failure", [ClientDisconnected(), ZeroDivisionError()], ids=["the client left", "a bug"]
)
async def test_an_error_of_the_body_is_raised_to_the_caller(failure: Exception) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        raise failure

    async with asyncio.timeout(30), peer(saying()) as server, Http1Transport(server.url) as transport:
        with pytest.raises(type(failure)):
            await transport.send(post(body()))
        await server.lines[0].ended.wait()
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "in pieces"])
async def test_a_response_before_the_end_of_the_body_closes_the_connection(
    streams: bool,  # noqa: FBT001 (a case)
) -> None:
    closed = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            closed.set()

    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n"
    sent_bytes = [refusal, b"no"] if streams else [refusal + b"no"]
    async with (
        asyncio.timeout(30),
        peer(saying(*sent_bytes)) as server,
        Http1Transport(server.url) as transport,
    ):
        assert await whole(transport, post(body())) == (413, b"no")
        await closed.wait()
        await server.lines[0].ended.wait()
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


async def test_a_response_to_half_of_a_long_body_closes_the_connection() -> None:
    put = Request(method="PUT", target="/a", body=MEGABYTE * 20)
    async with asyncio.timeout(30), peer(saying(GOOD)) as server, Http1Transport(server.url) as transport:
        assert await whole(transport, put) == (200, b"good")
        await server.lines[0].ended.wait()
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


async def test_the_body_goes_on_while_the_answer_streams() -> None:
    answered = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await answered.wait()
        yield b"last"

    async def talk(line: Line) -> None:
        await line.request()
        await line.say(FIRST)
        await line.reader.readuntil(b"4\r\nlast\r\n0\r\n\r\n")
        await line.say(b"4\r\nlast\r\n0\r\n\r\n")
        await line.serve()

    async with asyncio.timeout(30), peer(talk) as server, Http1Transport(server.url) as transport:
        async with await transport.send(post(body())) as reply:
            chunks = reply.chunks()
            assert await anext(chunks) == b"first"
            answered.set()
            assert [chunk async for chunk in chunks] == [b"last"]
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 1


@pytest.mark.parametrize("body", [None, never], ids=["nothing to send", "a body on its way"])
@pytest.mark.parametrize(
    "sent_bytes", [[], [b"HTTP/1.1 200"], [FIRST]], ids=["nothing", "half a head", "a piece"]
)
async def test_cancelling_and_leaving_close_the_connection(sent_bytes: list[bytes], body: object) -> None:
    async with (
        asyncio.timeout(30),
        peer(saying(*sent_bytes)) as server,
        Http1Transport(server.url) as transport,
    ):
        call = asyncio.create_task(whole(transport, post(never()) if body else get()))
        await server.until_lines(1)
        for _ in range(20):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.lines[0].ended.wait()
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


async def test_what_awaits_a_response_goes_on_as_soon_as_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    over: list[bool] = []
    received = Connection.data_received

    def receive(connection: Connection, data: bytes) -> None:
        received(connection, data)
        over.append(task.done())

    monkeypatch.setattr(Connection, "data_received", receive)
    async with asyncio.timeout(30), peer() as server, Http1Transport(server.url) as transport:
        task = InlineTask(whole(transport), asyncio.get_running_loop())
        assert await task == (200, b"good")

    assert over == [True]
