"""Whose failure it is, and what clients see: while a body is on its way, lateness is the client's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from frontispiece.http.messages import BodyStream
from frontispiece.http.problems import Problem
from frontispiece.settings import Directory
from frontispiece.upstream import Request, Upstream, UpstreamError, open_upstream
from frontispiece.upstream.config import BreakerPolicy, ConcurrencyPolicy
from frontispiece.upstream.errors import IncompleteResponse
from frontispiece.upstream.transports.http1 import Http1Transport
from frontispiece.upstream.transports.httpx import HttpxTransport
from tests.frontispiece.upstream.fakes import GET, ask
from tests.frontispiece.upstream.peer import Line, Peer, peer, whole
from tests.support.serving import raw_server
from tests.support.waiting import until, until_still

TIMEOUT = 0.2
ATTEMPTS = 3


async def body(*chunks: bytes, ends: bool) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if not ends:
        await asyncio.Event().wait()


def upload(*, ends: bool) -> Request:
    return Request(method="POST", target="/a", body=BodyStream(body(b"first", ends=ends)), timeout=TIMEOUT)


async def read_all(line: Line) -> None:
    """Answer what has no body, and wait for the rest of what has one."""
    while (await line.request()).startswith(b"GET "):
        await line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    await line.left()


def guarded(*servers: Peer) -> Upstream:
    """A service with every policy that learns from failures."""
    return open_upstream(
        "things",
        [server.url for server in servers],
        Directory(),
        breaker=BreakerPolicy(min_requests=2),
        concurrency=ConcurrencyPolicy(adaptive=True, max_queue=10),
    )


@pytest.mark.parametrize("share", [2.0, 0.97], ids=["the transport's timeout", "a deadline around it"])
async def test_slow_clients_open_no_circuit_and_eject_no_address(share: float) -> None:
    talks = [read_all] * 10
    async with asyncio.timeout(30), peer(*talks) as one, peer(*talks) as other, guarded(one, other) as things:
        for _ in range(ATTEMPTS):
            await asyncio.gather(ask(things, GET), ask(things, GET))  # connects: that is no client's time
            with pytest.raises((Problem, TimeoutError)):
                async with asyncio.timeout(share * TIMEOUT):
                    await things.send(upload(ends=False))

        state = things.state()
        assert [address["failures"] for address in state["addresses"]] == [0, 0]
        assert (state["breaker"]["state"], state["breaker"]["failures"]) == ("closed", 0)
        assert await ask(things, GET) == 200


async def test_a_service_that_is_late_after_the_whole_body_has_failed() -> None:
    talks = [read_all] * 10
    async with asyncio.timeout(30), peer(*talks) as one, peer(*talks) as other, guarded(one, other) as things:
        for _ in range(ATTEMPTS):
            with suppress(UpstreamError):
                await things.send(upload(ends=True))

        assert things.state()["breaker"]["state"] == "open"


async def test_a_service_that_takes_nothing_of_a_long_body_has_failed() -> None:
    async def deaf(line: Line) -> None:
        await line.request()
        await line.ended.wait()

    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 1_000_000

    async def stall() -> None:
        body = BodyStream(endless())
        request = Request(method="POST", target="/a", body=body, timeout=0.8)
        call = asyncio.create_task(things.send(request))
        await until(lambda: body.is_begun)
        await until_still(lambda: read)
        body.moved -= 60  # as if it had taken nothing for a minute
        with pytest.raises(UpstreamError, match="no answer"):
            await call

    async with asyncio.timeout(30), peer(deaf, deaf, deaf) as server, guarded(server) as things:
        for _ in range(2):
            await stall()

        assert things.state()["breaker"]["state"] == "open"


@pytest.mark.parametrize("kind", [Http1Transport, HttpxTransport])
@pytest.mark.parametrize(("method", "status"), [("GET", 503), ("POST", 502), ("PUT", 502)])
@pytest.mark.parametrize(
    "sent_bytes", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]
)
async def test_a_service_that_is_killed_is_unavailable_to_reads_which_may_be_repeated(
    kind: type[Http1Transport] | type[HttpxTransport], method: str, status: int, sent_bytes: bytes
) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent_bytes)

    async with raw_server(talk) as url, kind(url) as transport:
        with pytest.raises(IncompleteResponse, match="it broke off") as failure:
            await whole(transport, Request(method=method, target="/a"))

    problem = failure.value.problem("things")
    assert (problem.status, "Retry-After" in problem.headers) == (status, status == 503)
