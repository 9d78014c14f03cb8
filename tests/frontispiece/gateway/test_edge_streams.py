"""Bodies pass through the gateway as they come; no work goes on for a client that has left."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.frontispiece.conftest import ROUTES
from tests.support.issuer import Issuer
from tests.support.stub import Exchange, Stub, answering
from tests.support.waiting import until, until_still
from tests.support.world import OpenWorld, World

MOUNTED = f"app://{__name__}:mounted"
BIG = 3 * 1024 * 1024

mounted_stub = Stub()


def mounted() -> Stub:
    """What `MOUNTED` names."""
    return mounted_stub


@pytest.fixture(params=["over a socket", "mounted"])
async def edge(request: pytest.FixtureRequest, open_world: OpenWorld) -> World:
    """The gateway in front of an upstream of each kind."""
    if request.param == "over a socket":
        return await open_world(ROUTES)
    global mounted_stub  # noqa: PLW0603 (an address in a table can only name what a module has)
    mounted_stub = Stub()
    world = await open_world(ROUTES, things=MOUNTED)
    world.stubs["things"] = mounted_stub
    return world


async def test_the_head_and_the_first_chunk_arrive_before_the_service_sends_its_last(edge: World) -> None:
    head_arrived, go_on = asyncio.Event(), asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.start(200, (b"content-type", b"text/event-stream"))
        await head_arrived.wait()
        await exchange.chunk(b"first")
        await go_on.wait()
        await exchange.end(b"last")

    edge.things.answer = answer

    async with asyncio.timeout(60), edge.http.stream("GET", "/things/7") as reply:
        head_arrived.set()
        chunks = reply.aiter_raw()
        assert await anext(chunks) == b"first"
        go_on.set()
        assert [chunk async for chunk in chunks] == [b"last"]


async def test_the_service_sees_the_first_chunk_before_the_client_sends_its_last(edge: World) -> None:
    arrived = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        async for chunk in exchange.chunks():
            exchange.body += chunk
            arrived.set()
        await exchange.start()
        await exchange.end(exchange.body)

    async def upload() -> AsyncIterator[bytes]:
        yield b"first,"
        await arrived.wait()
        yield b"last"

    edge.things.answer = answer

    async with asyncio.timeout(60):
        reply = await edge.http.post("/things/7", content=upload())
    assert reply.content == b"first,last"


async def test_both_directions_can_flow_at_once_in_pieces_of_any_size(edge: World) -> None:
    content = bytes(range(256)) * (BIG // 256)

    async def answer(exchange: Exchange) -> None:
        await exchange.read()
        await exchange.start()
        for at in range(0, len(exchange.body), 70_001):
            await exchange.chunk(exchange.body[at : at + 70_001])
        await exchange.end()

    edge.things.answer = answer

    async with asyncio.timeout(60):
        sized, chunked = await asyncio.gather(
            edge.http.put("/things/7", content=content),
            edge.http.put("/things/8", content=in_pieces(content)),
        )

    assert sized.content == chunked.content == content
    lengths = {e.path: e.all(b"content-length") for e in edge.things.requests}
    assert lengths[b"/inner/7"] == [str(BIG).encode()]
    assert lengths[b"/inner/8"] == []


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 50_003):
        yield content[at : at + 50_003]


async def test_a_content_length_is_passed_on(edge: World) -> None:
    edge.things.answer = answering(200, b"four", (b"content-length", b"4"))

    reply = await edge.http.get("/things/7")

    assert (reply.headers["content-length"], "transfer-encoding" in reply.headers) == ("4", False)


async def test_a_slow_reader_holds_the_service_back(edge: World) -> None:
    sent = 0

    async def answer(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.start()
        while sent < 1000:
            await exchange.chunk(b"x" * 100_000)
            sent += 1

    edge.things.answer = answer

    async with edge.http.stream("GET", "/things/7") as reply:
        assert reply.status_code == 200
        await until(lambda: sent > 0)
        assert await until_still(lambda: sent) < 500


async def test_a_client_that_goes_away_while_it_reads_ends_the_call_to_the_service(edge: World) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"first")
        await exchange.until_left()

    edge.things.answer = answer

    async with asyncio.timeout(60):
        async with edge.http.stream("GET", "/things/7") as reply:
            assert await anext(reply.aiter_raw()) == b"first"
        await edge.things.last.ended.wait()


async def test_a_client_that_goes_away_while_it_sends_ends_the_call_to_the_service(
    edge: World, caplog: pytest.LogCaptureFixture
) -> None:
    arrived = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        async for _ in exchange.chunks():
            arrived.set()
        await exchange.start()
        await exchange.end()

    async def upload() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.Event().wait()

    edge.things.answer = answer

    sending = asyncio.create_task(edge.http.post("/things/7", content=upload()))
    async with asyncio.timeout(60):
        await arrived.wait()
        sending.cancel()
        await edge.things.last.ended.wait()
    assert not [record for record in caplog.records if record.exc_info], "nobody has a bug"


async def test_clients_that_go_away_while_they_wait_end_their_calls_and_the_gateway_serves_on(
    edge: World,
) -> None:
    edge.things.answer = Exchange.until_left
    waiting = [asyncio.create_task(edge.http.get("/things/7")) for _ in range(20)]
    async with asyncio.timeout(60):
        while len(edge.things.requests) < 20:
            await edge.things.begun.wait()
            edge.things.begun.clear()
        for each in waiting:
            each.cancel()
        for exchange in edge.things.requests:
            await exchange.ended.wait()

    edge.things.answer = answering(200, b"still here")
    assert (await edge.http.get("/things/7")).content == b"still here"


async def test_an_early_refusal_reaches_a_client_that_is_still_sending(edge: World) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.receive()
        await exchange.start(413, (b"content-length", b"0"), (b"connection", b"close"))
        await exchange.end()

    edge.things.answer = answer

    async with asyncio.timeout(60):
        reply = await edge.http.post("/things/7", content=b"x" * 1000)
    assert reply.status_code == 413


async def test_a_stream_breaks_off_when_the_token_of_its_call_expires(edge: World, issuer: Issuer) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.start(200)
        await exchange.chunk(b"first")
        await exchange.until_left()

    edge.things.answer = endless
    headers = issuer.bearer("reader", exp=int(time.time()) + 2)
    async with edge.http.stream("GET", "/mine", headers=headers) as reply:
        assert reply.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await reply.aread()
    await until(edge.things.last.ended.is_set)
