"""Clients that dawdle, or are too many: they hold nothing for long, and hold nobody up who does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from frontispiece.server.limits import ConnectionLimits
from tests.support.recorder import connected, everything, said, statuses
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
LAST = GET + b"Connection: close\r\n\r\n"
EXPECTING = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 1\r\n\r\n"
SOON = 0.05


@asynccontextmanager
async def served(stub: Stub, **limits: float) -> AsyncIterator[str]:
    """The address of a server with these limits."""
    async with asyncio.timeout(60), servers(ConnectionLimits(**limits)) as serve:  # type: ignore[arg-type]
        yield await serve(stub)


async def while_others_are_cut_off(url: str) -> None:
    """Return when several other clients, that send nothing, were cut off, one after another."""
    for _ in range(3):
        assert await said(url) == b""


async def trickle(url: str, start: bytes, piece: bytes) -> bytes:
    """What is answered to this start and then to pieces that come on and on."""
    async with connected(url, start) as (reader, writer):
        answer = asyncio.create_task(everything(reader))
        while not answer.done():
            writer.write(piece)
            await asyncio.wait([answer], timeout=SOON / 10)
        return answer.result()


async def test_blank_lines_do_not_keep_a_connection_open() -> None:
    async with served(Stub(), header_timeout=SOON) as url:
        assert await trickle(url, b"", b"\r\n") == b""
        assert statuses(await trickle(url, GET + b"\r\n", b"\r\n")) == [200]


@pytest.mark.parametrize("sent", [b"G", GET, GET + b"X-A: b\r"])
async def test_half_a_head_is_not_waited_for(sent: bytes) -> None:
    stub = Stub()
    async with served(stub, header_timeout=SOON) as url:
        answer = await said(url, sent)

    assert statuses(answer) == [408]
    assert b"urn:frontispiece:problem:request-too-slow" in answer
    assert not stub.requests


async def test_a_head_that_comes_byte_by_byte_is_not_waited_for() -> None:
    stub = Stub()
    async with served(stub, header_timeout=SOON) as url:
        assert statuses(await trickle(url, GET + b"X-A: ", b"b")) == [408]
    assert not stub.requests


async def test_half_a_head_does_not_end_what_is_being_answered() -> None:
    late = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await late.wait()
        await exchange.start()
        await exchange.end(b"done")

    stub = Stub(answer)
    async with served(stub, header_timeout=SOON) as url:
        answered = asyncio.create_task(said(url, GET + b"\r\n" + GET))
        await stub.begun.wait()
        await while_others_are_cut_off(url)
        late.set()
        assert statuses(await answered) == [200, 408]
    assert b"done" in answered.result()


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 1000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"]
)
async def test_half_a_body_is_not_waited_for_and_the_app_receives_a_disconnect(framing: bytes) -> None:
    stub = Stub(Exchange.until_left)
    async with served(stub, body_timeout=SOON) as url:
        assert statuses(await said(url, POST + framing, b"1\r\nx\r\n")) == [408]
        await stub.last.ended.wait()


async def test_a_body_that_comes_too_slowly_is_cut_off() -> None:
    async with served(Stub(Exchange.until_left), body_timeout=SOON, min_body_rate=1e9) as url:
        assert statuses(await trickle(url, POST + b"Content-Length: 1000000000\r\n\r\n", b"x" * 100)) == [408]


async def test_framing_does_not_count_as_body() -> None:
    start = POST + b"Transfer-Encoding: chunked\r\n\r\n1;"
    async with served(Stub(Exchange.until_left), body_timeout=SOON, min_body_rate=10) as url:
        assert statuses(await trickle(url, start, b"a" * 10)) == [408]


async def test_a_body_that_comes_fast_enough_may_take_its_time() -> None:
    async with (
        served(Stub(), body_timeout=SOON, header_timeout=SOON, min_body_rate=1) as url,
        connected(url, POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n") as (reader, writer),
    ):
        late = asyncio.create_task(while_others_are_cut_off(url))
        while not late.done():
            writer.write(b"1\r\nx\r\n")
            await asyncio.wait([late], timeout=SOON / 10)
        writer.write(b"0\r\n\r\n")
        assert statuses(await reader.read()) == [200]


@pytest.mark.parametrize("sent", [b"x" * 300_000, b"x" * 1000], ids=["more than is held", "a little"])
async def test_a_client_is_not_cut_off_because_the_app_reads_slowly(sent: bytes) -> None:
    late = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await late.wait()
        await exchange.read()
        await exchange.start()
        await exchange.end(b"%d" % len(exchange.body))

    stub = Stub(answer)
    length = b"Content-Length: %d\r\n\r\n" % (len(sent) + 1)
    async with (
        served(stub, body_timeout=SOON, header_timeout=SOON, min_body_rate=1e9) as url,
        connected(url, POST + b"Connection: close\r\n" + length + sent[:1000]) as (reader, writer),
    ):
        writer.write(sent[1000:])
        await stub.begun.wait()
        await while_others_are_cut_off(url)
        writer.write(b"x")
        late.set()
        assert b"\r\n%d" % (len(sent) + 1) in await reader.read()


async def test_a_client_that_waits_for_100_continue_is_not_cut_off() -> None:
    late = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await late.wait()
        await exchange.read()
        await exchange.start()
        await exchange.end()

    stub = Stub(answer)
    async with (
        served(stub, body_timeout=SOON, header_timeout=SOON) as url,
        connected(url, POST + EXPECTING) as (reader, writer),
    ):
        await stub.begun.wait()
        await while_others_are_cut_off(url)
        late.set()
        assert statuses(await reader.readuntil(b"\r\n\r\n")) == [100]
        writer.write(b"x")
        assert statuses(await reader.read()) == [200]


async def test_a_client_that_goes_on_sending_after_the_answer_is_read_for_a_while_only() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start(413)
        await exchange.end()

    async with served(Stub(answer), body_timeout=SOON) as url:
        start = POST + b"Content-Length: 1000000000\r\n\r\n"
        assert statuses(await trickle(url, start, b"x" * 10_000)) == [413]


async def test_a_client_that_takes_nothing_of_its_answer_is_cut_off() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        for _ in range(1000):
            await exchange.chunk(b"x" * 100_000)
        await exchange.end()

    stub = Stub(answer)
    async with served(stub, send_timeout=SOON) as url, connected(url) as (_, writer):
        writer.write(GET + b"\r\n")
        await stub.begun.wait()
        await stub.last.ended.wait()


async def test_connections_above_the_limit_get_a_503_with_retry_after_and_do_no_harm_to_others() -> None:
    async with served(Stub(), max_connections=2) as url, connected(url) as one, connected(url) as two:
        for reader, writer in (one, two):
            writer.write(GET + b"\r\n")
            assert statuses(await reader.readuntil(b"{}")) == [200]

        refused = await said(url)

        assert statuses(refused) == [503]
        assert b"retry-after: 1\r\n" in refused
        for reader, writer in (one, two):
            writer.write(LAST)
            assert statuses(await reader.read()) == [200]


async def test_one_address_takes_no_more_connections_than_its_share() -> None:
    async with (
        served(Stub(), max_connections_per_address=1) as url,
        connected(url) as (reader, writer),
    ):
        writer.write(GET + b"\r\n")
        await reader.readuntil(b"{}")

        assert statuses(await said(url)) == [503]
        host, port = url.removeprefix("http://").split(":")
        other, sending = await asyncio.open_connection(host, int(port), local_addr=("127.0.0.2", 0))
        sending.write(LAST)
        assert statuses(await other.read()) == [200]
        sending.close()
        writer.write(LAST)
        assert statuses(await reader.read()) == [200]
        assert statuses(await said(url, LAST)) == [200]


async def test_a_connection_that_is_idle_between_requests_is_closed_and_one_that_is_not_goes_on() -> None:
    async with (
        served(Stub(), keep_alive_timeout=10 * SOON) as url,
        connected(url) as (reader, writer),
        connected(url) as (idle, other),
    ):
        other.write(GET + b"\r\n")
        await idle.readuntil(b"{}")
        closed = asyncio.create_task(idle.read())
        while not closed.done():
            writer.write(GET + b"\r\n")
            await reader.readuntil(b"{}")
        assert closed.result() == b""
        writer.write(LAST)
        assert statuses(await reader.read()) == [200]
