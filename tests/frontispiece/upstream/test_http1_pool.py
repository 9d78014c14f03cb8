"""The connections of the native transport: how many, whose turn it is, and when they end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from frontispiece.upstream import InvalidResponse, Reply, Request, TimedOut, Unreachable
from frontispiece.upstream.errors import IncompleteResponse
from frontispiece.upstream.transports.http1 import Http1Transport
from tests.frontispiece.upstream.fakes import settled
from tests.frontispiece.upstream.peer import GOOD, Line, Peer, closing, get, peer, saying, whole
from tests.support.serving import nobody_there


class Turnstile:
    """Answers with the target of each request, one request for each `open`."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self._moved = asyncio.Condition()
        self._open = asyncio.Semaphore(0)

    async def talk(self, line: Line) -> None:
        while True:
            target = (await line.request()).split()[1]
            async with self._moved:
                self.requests.append(target)
                self._moved.notify_all()
            await self._open.acquire()
            await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(target), target))

    def open(self) -> None:
        self._open.release()

    async def until_asked(self, count: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: len(self.requests) >= count)


@pytest.fixture
async def gate() -> Turnstile:
    return Turnstile()


@pytest.fixture
async def server(gate: Turnstile) -> AsyncIterator[Peer]:
    async with asyncio.timeout(30), peer(*[gate.talk] * 20) as server:
        yield server


async def test_there_are_never_more_connections_than_allowed_and_all_get_their_turn_in_order(
    server: Peer, gate: Turnstile
) -> None:
    async with Http1Transport(server.url, max_connections=2) as transport:
        calls = [asyncio.create_task(whole(transport, get(f"/{n}"))) for n in range(10)]
        for requested in range(2, 11):
            await gate.until_asked(requested)
            gate.open()
        gate.open()
        assert [content for _, content in await asyncio.gather(*calls)] == [b"/%d" % n for n in range(10)]
    assert len(server.lines) == 2
    assert sorted(gate.requests[:2]) == [b"/0", b"/1"]
    assert gate.requests[2:] == [b"/%d" % n for n in range(2, 10)]


async def test_a_waiter_that_is_cancelled_leaves_the_connection_to_the_next(
    server: Peer, gate: Turnstile
) -> None:
    async with Http1Transport(server.url, max_connections=1) as transport:
        calls = [asyncio.create_task(whole(transport, get(f"/{n}"))) for n in range(4)]
        await gate.until_asked(1)
        calls[1].cancel()
        await asyncio.wait([calls[1]])
        gate.open()
        gate.open()
        gate.open()

        assert [await calls[n] for n in (0, 2, 3)] == [(200, b"/0"), (200, b"/2"), (200, b"/3")]
        assert gate.requests == [b"/0", b"/2", b"/3"]
    assert len(server.lines) == 1


@pytest.mark.parametrize("ticks", range(0, 24, 2))
async def test_whenever_one_is_cancelled_the_next_gets_the_turn(
    server: Peer, gate: Turnstile, ticks: int
) -> None:
    async with Http1Transport(server.url, max_connections=1) as transport:
        calls = [asyncio.create_task(whole(transport, get(f"/{n}"))) for n in range(3)]
        await gate.until_asked(1)
        for _ in range(3):
            gate.open()
        for _ in range(ticks):  # somewhere among them it is given the connection and does not know yet
            await asyncio.sleep(0)
        calls[1].cancel()

        assert (await calls[0], await calls[2]) == ((200, b"/0"), (200, b"/2"))


async def test_waiting_for_a_connection_counts_as_waiting_for_the_answer(
    server: Peer, gate: Turnstile
) -> None:
    async with Http1Transport(server.url, max_connections=1) as transport:
        first = asyncio.create_task(whole(transport, get("/0")))
        await gate.until_asked(1)
        with pytest.raises(TimedOut, match=r"no answer in 0\.05 s"):
            await transport.send(get("/1", timeout=0.05))
        gate.open()
        gate.open()

        assert await first == (200, b"/0")
        assert await whole(transport, get("/2")) == (200, b"/2")
        assert gate.requests == [b"/0", b"/2"]


async def test_a_place_is_not_lost_with_a_connection_that_cannot_be_made() -> None:
    async with asyncio.timeout(30), Http1Transport(nobody_there(), max_connections=1) as transport:
        for _ in range(3):
            failures = await asyncio.gather(
                *(transport.send(get()) for _ in range(3)), return_exceptions=True
            )
            assert [type(failure) for failure in failures] == [Unreachable] * 3


async def test_an_idle_connection_ends_by_itself() -> None:
    async with (
        asyncio.timeout(30),
        peer(saying(GOOD), saying(GOOD)) as server,
        Http1Transport(server.url, idle_timeout=0.02) as transport,
    ):
        for n in range(2):
            assert await whole(transport) == (200, b"good")
            await server.lines[n].ended.wait()
        assert len(server.lines) == 2


@pytest.mark.parametrize("sent", [b"", b"x", b"\r\n", GOOD], ids=["nothing", "a byte", "a line", "an answer"])
async def test_an_idle_connection_that_its_peer_ends_or_uses_is_dropped_at_once(sent: bytes) -> None:
    go_on = asyncio.Event()

    async def talk(line: Line) -> None:
        await line.request()
        await line.say(GOOD)
        await go_on.wait()
        if sent:
            await line.say(sent)
        else:
            line.writer.write_eof()
        await line.left()

    async with asyncio.timeout(30), peer(talk) as server, Http1Transport(server.url) as transport:
        assert await whole(transport) == (200, b"good")
        go_on.set()
        await server.lines[0].ended.wait()

        post = Request(method="POST", target="/a", body=b"once")
        assert await whole(transport, post) == (200, b"good")
        assert len(server.lines) == 2


async def good_then_gone(line: Line) -> None:
    """Answer the first request and close the connection at the second."""
    await line.serve_once()
    await line.request()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_an_idempotent_request_on_a_closing_connection_is_sent_again(method: str) -> None:
    body = b"again" if method == "PUT" else b""

    async with asyncio.timeout(30), peer(good_then_gone) as server, Http1Transport(server.url) as transport:
        assert await whole(transport) == (200, b"good")
        answer = b"" if method == "HEAD" else b"good"
        assert await whole(transport, Request(method=method, target="/b", body=body)) == (200, answer)
        assert [len(line.requests) for line in server.lines] == [2, 1]


async def test_a_request_is_sent_again_once_only_and_by_a_new_connection() -> None:
    async with (
        asyncio.timeout(30),
        peer(good_then_gone, closing()) as server,
        Http1Transport(server.url) as transport,
    ):
        assert await whole(transport) == (200, b"good")
        with pytest.raises(InvalidResponse, match="it broke off without an answer"):
            await transport.send(get())
        assert [len(line.requests) for line in server.lines] == [2, 1]


async def nothing_more() -> AsyncIterator[bytes]:
    yield b"a"


@pytest.mark.parametrize(
    "request_",
    [
        Request(method="POST", target="/b"),
        Request(method="PATCH", target="/b", body=b"x"),
        Request(method="PUT", target="/b", body=nothing_more()),
    ],
    ids=["POST", "PATCH", "a body that streams"],
)
async def test_a_request_that_is_not_idempotent_is_sent_once(request_: Request) -> None:
    async with asyncio.timeout(30), peer(good_then_gone) as server, Http1Transport(server.url) as transport:
        assert await whole(transport) == (200, b"good")
        with pytest.raises(InvalidResponse, match="it broke off"):
            await transport.send(request_)
        assert len(server.lines) == 1


async def test_a_request_whose_response_has_begun_is_not_sent_again() -> None:
    async def talk(line: Line) -> None:
        await line.serve_once()
        await line.request()
        await line.say(b"H")

    async with asyncio.timeout(30), peer(talk) as server, Http1Transport(server.url) as transport:
        assert await whole(transport) == (200, b"good")
        with pytest.raises(InvalidResponse, match="it broke off in the middle"):
            await transport.send(get())
        assert len(server.lines) == 1


async def test_closing_closes_all_connections_and_fails_the_waiters() -> None:
    started = asyncio.Event()

    async def stream(line: Line) -> None:
        await line.request()
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nfirst")
        started.set()
        await line.left()

    async with asyncio.timeout(30), peer(stream, saying(), saying(GOOD)) as server:
        async with Http1Transport(server.url, max_connections=3) as transport:
            reply: Reply = await transport.send(get())
            chunks = reply.chunks()
            assert await anext(chunks) == b"first"
            silent = asyncio.create_task(transport.send(get()))
            await server.until_lines(2)
            assert await whole(transport) == (200, b"good")
            waiting = [asyncio.create_task(whole(transport)) for _ in range(2)]
            await settled()
        with pytest.raises(InvalidResponse, match="it broke off"):
            await anext(chunks)
        with pytest.raises(InvalidResponse, match="it broke off"):
            await silent
        failures = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(failure) for failure in failures] == [IncompleteResponse, Unreachable]
        for line in server.lines[:3]:
            await line.ended.wait()
        with pytest.raises(Unreachable, match="no connection could be made"):
            await transport.send(get())
        assert len(server.lines) == 3


async def test_a_connection_that_is_made_while_the_transport_closes_is_closed() -> None:
    async with asyncio.timeout(30), peer(saying()) as server:
        async with Http1Transport(server.url) as transport:
            call = asyncio.create_task(transport.send(get()))
            await asyncio.sleep(0)  # it connects
        with pytest.raises(Unreachable, match="no connection could be made"):
            await call
        await server.until_lines(1)
        assert server.lines[0].requests == []


@pytest.mark.parametrize("address", ["https://a", "catalog:80", "http://", "app://a:b"])
def test_it_reaches_addresses_without_tls_only(address: str) -> None:
    with pytest.raises(ValueError, match="no address without TLS"):
        Http1Transport(address)
