"""What a client is told when a service cannot answer, and whether the gateway is ready."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from kit.asgi import Message
from tests.gateway.conftest import Edge, OpenGateway
from tests.support.gateways import gateway_of
from tests.support.serving import Serve, raw_server
from tests.support.stub import Exchange, Stub, answering

THINGS = """
[services.things]
url = "registry://things"
[[routes]]
path = "/a"
methods = ["GET", "POST"]
to = "things"
auth = "none"
timeout = "5s"
"""


def assert_problem(answer: httpx.Response, status: int, kind: str) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], told["type"]) == (status, f"urn:frontispiece:problem:{kind}")
    assert told["request_id"] == answer.headers["x-request-id"]


async def test_a_service_that_does_not_answer_in_time_is_a_504_and_is_told_that_nobody_waits(
    edge: Edge,
) -> None:
    edge.things.answer = Exchange.until_left

    async with asyncio.timeout(5):
        answer = await edge.http.get("/hasty")
        await edge.things.last.ended.wait()

    assert_problem(answer, 504, "upstream-timeout")
    assert answer.json()["detail"] == "things: no answer in 0.1 s."


async def test_a_service_that_takes_the_body_too_slowly_is_a_504_as_well(edge: Edge) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.receive()
        await exchange.until_left()

    edge.things.answer = answer
    async with asyncio.timeout(5):
        assert_problem(await edge.http.post("/hasty", content=b"x"), 504, "upstream-timeout")


async def test_an_answer_that_has_begun_in_time_may_go_on_for_longer(edge: Edge) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        for piece in (b"and ", b"on ", b"and ", b"on"):
            passed = asyncio.Event()
            asyncio.get_running_loop().call_later(0.04, passed.set)
            await passed.wait()
            await exchange.chunk(piece)
        await exchange.end()

    edge.things.answer = answer
    async with asyncio.timeout(5):
        assert (await edge.http.get("/hasty")).content == b"and on and on"


async def test_an_answer_that_stands_still_is_broken_off(edge: Edge) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"and then")
        await exchange.until_left()

    edge.things.answer = answer

    async with asyncio.timeout(5):
        with pytest.raises(httpx.RemoteProtocolError):
            await edge.http.get("/hasty")
        await edge.things.last.ended.wait()


async def test_a_service_that_is_not_there_is_a_503_that_says_when_to_try_again(edge: Edge) -> None:
    answer = await edge.http.get("/gone")

    assert_problem(answer, 503, "upstream-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: much\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"SSH-2.0-server\r\n",
        b"HTTP/1.1 200 OK\r\nX-Half",
    ],
)
async def test_a_service_that_does_not_speak_http_is_a_502(open_gateway: OpenGateway, said: bytes) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with asyncio.timeout(5), raw_server(talk) as url:
        http = await open_gateway(THINGS, things=url)
        assert_problem(await http.get("/a"), 502, "upstream-nonsense")


@pytest.mark.parametrize(
    "head", [b"Content-Length: 100\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
async def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(
    open_gateway: OpenGateway, head: bytes
) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + head)

    async with asyncio.timeout(5), raw_server(talk) as url:
        http = await open_gateway(THINGS, things=url)
        async with http.stream("GET", "/a") as reply:
            assert reply.status_code == 200
            chunks = reply.aiter_raw()
            assert await anext(chunks) == b"half"
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(chunks)


async def test_a_service_that_is_back_is_served_from_at_once(edge: Edge, open_gateway: OpenGateway) -> None:
    broken = True

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"" if broken else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup")

    async with raw_server(talk) as url:
        http = await open_gateway(THINGS, things=url)
        assert_problem(await http.get("/a"), 502, "upstream-nonsense")
        broken = False
        assert (await http.get("/a")).text == "up"
    assert (await edge.http.get("/things/7")).status_code == 200


# Health.


async def test_the_gateway_is_live_whatever_its_services_are(edge: Edge) -> None:
    answer = await edge.http.get("/health/live")

    assert (answer.status_code, answer.json()) == (200, {"status": "live"})
    assert answer.headers["cache-control"] == "no-store"
    assert (await edge.http.head("/health/live")).status_code == 200
    assert_problem(await edge.http.post("/health/live"), 404, "no-route")


async def test_it_is_ready_when_all_services_are_and_else_names_those_that_are_not(
    serve: Serve, open_gateway: OpenGateway, edge: Edge
) -> None:
    stubs = {name: Stub() for name in ("things", "others")}
    routes = THINGS + '[services.others]\nurl = "registry://others"\n'
    http = await open_gateway(routes, **{name: await serve(stub) for name, stub in stubs.items()})

    answer = await http.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})

    stubs["others"].ready = False
    answer = await http.get("/health/ready")
    assert_problem(answer, 503, "not-ready")
    assert (answer.json()["services"], answer.headers["retry-after"]) == (["others"], "1")

    stubs["things"].ready = False
    assert (await http.get("/health/ready")).json()["services"] == ["others", "things"]
    assert (await edge.http.get("/health/ready")).json()["services"] == ["gone"]


# Mounted services start and stop with the gateway.


class Life:
    """A lifespan as a server tells it; `events` is what the app answers."""

    def __init__(self) -> None:
        self.events: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "lifespan.shutdown" if self.events else "lifespan.startup"}

    async def send(self, message: Message) -> None:
        self.events.append(message)


def cannot_start() -> FastAPI:
    """An app whose database is not there."""
    return FastAPI(lifespan=lambda _app: Broken())


class Broken:
    """A lifespan that fails."""

    async def __aenter__(self) -> None:
        raise ConnectionError("no database")

    async def __aexit__(self, *_exc: object) -> None:
        raise AssertionError("never entered")


async def test_a_gateway_whose_mounted_service_cannot_start_does_not_start() -> None:
    gateway = gateway_of(THINGS, {"things": "app://tests.gateway.test_edge_failures:cannot_start"})
    life = Life()

    async with asyncio.timeout(5):
        await gateway({"type": "lifespan"}, life.receive, life.send)

    (told,) = life.events
    assert told["type"] == "lifespan.startup.failed"
    assert "no database" in told["message"]


async def test_a_bug_of_a_mounted_service_is_its_own_and_a_502(open_gateway: OpenGateway) -> None:
    http = await open_gateway(THINGS, things="app://tests.gateway.test_edge_failures:buggy")

    assert_problem(await http.get("/a"), 502, "upstream-failed")


def buggy() -> Stub:
    """An app that fails before it has answered anything."""

    async def answer(_exchange: Exchange) -> None:
        raise ZeroDivisionError

    return Stub(answer)


async def test_a_mounted_service_that_is_not_ready_is_named(open_gateway: OpenGateway) -> None:
    http = await open_gateway(THINGS, things="app://tests.gateway.test_edge_failures:not_ready")

    assert (await http.get("/health/ready")).json()["services"] == ["things"]
    assert (await http.get("/a")).content == b"all the same"


def not_ready() -> Stub:
    """An app that answers but is not ready."""
    stub = Stub(answering(200, b"all the same"))
    stub.ready = False
    return stub
