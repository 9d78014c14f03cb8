"""What a client gets when a service cannot answer, and whether the gateway is ready."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from frontispiece.http.asgi import Message
from tests.frontispiece.conftest import assert_problem
from tests.support.clock import event_loop_clock
from tests.support.serving import Serve, raw_server
from tests.support.stub import Exchange, Stub, answering
from tests.support.tables import Services, part, route, route_table
from tests.support.world import OpenWorld, World, gateway_of

TIMEOUT = 10.0
"""Seconds that a route has which says nothing."""

THINGS = route_table(route(methods=["GET", "POST"], timeout="5s"))


async def test_a_service_that_is_late_is_a_504_and_its_call_is_cancelled(
    edge: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.things.answer = Exchange.until_left
    advance = event_loop_clock(monkeypatch)

    async with asyncio.timeout(60):
        calling = asyncio.create_task(edge.http.get("/things/7"))
        await edge.things.begun.wait()
        await advance(TIMEOUT + 1)
        answer = await calling
        await edge.things.last.ended.wait()

    assert_problem(answer, 504, "upstream-timeout")
    assert answer.json()["detail"] == "things: no answer in 10 s."


async def test_an_answer_that_has_begun_in_time_may_go_on_for_longer(
    edge: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        for piece in (b"and ", b"on ", b"and ", b"on"):
            await exchange.chunk(piece)
            await go_on.wait()
            go_on.clear()
        await exchange.end()

    edge.things.answer = answer
    advance = event_loop_clock(monkeypatch)
    async with edge.http.stream("GET", "/things/7") as reply:
        chunks = reply.aiter_raw()
        for piece in (b"and ", b"on ", b"and ", b"on"):
            assert await anext(chunks) == piece
            await advance(TIMEOUT - 1)
            go_on.set()
        assert [chunk async for chunk in chunks] == []


async def test_an_answer_that_stands_still_is_broken_off(
    edge: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(b"and then")
        await exchange.until_left()

    edge.things.answer = answer
    advance = event_loop_clock(monkeypatch)
    async with asyncio.timeout(60), edge.http.stream("GET", "/things/7") as reply:
        chunks = reply.aiter_raw()
        assert await anext(chunks) == b"and then"
        await advance(TIMEOUT + 1)
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)
        await edge.things.last.ended.wait()


async def test_a_service_that_is_not_there_is_a_503_that_says_when_to_try_again(edge: World) -> None:
    answer = await edge.http.get("/gone")

    assert_problem(answer, 503, "upstream-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-server\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"]
)
async def test_a_service_that_does_not_speak_http_is_a_502(open_world: OpenWorld, said: bytes) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with asyncio.timeout(60), raw_server(talk) as url:
        http = (await open_world(THINGS, things=url)).http
        assert_problem(await http.get("/a"), 502, "upstream-invalid-response")


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nX-Half"])
async def test_a_service_that_dies_in_the_middle_of_an_answer_is_a_503_where_the_call_may_be_repeated(
    open_world: OpenWorld, said: bytes
) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with asyncio.timeout(60), raw_server(talk) as url:
        http = (await open_world(THINGS, things=url)).http
        answers = [await http.request(method, "/a") for method in ("GET", "HEAD", "POST")]

    found = [(answer.status_code, answer.headers.get("retry-after")) for answer in answers]
    assert found == [(503, "1"), (503, "1"), (502, None)]


@pytest.mark.parametrize(
    ("written", "retry_after"), [("30", "30"), ("soon", "1"), (None, "1"), ("9" * 400, "1000000000")]
)
async def test_a_part_whose_service_is_unavailable_is_a_503_that_says_when_to_try_again(
    open_world: OpenWorld, written: str | None, retry_after: str
) -> None:
    fields = [(b"retry-after", written.encode())] if written else []
    things = Stub(answering(503, b"", *fields))
    http = (await open_world(route_table(route("/b", parts={"a": part("things:/a")})), things=things)).http

    refused = await http.get("/b")

    assert (refused.status_code, refused.headers["retry-after"]) == (503, retry_after)


@pytest.mark.parametrize(
    "head", [b"Content-Length: 100\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
async def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(
    open_world: OpenWorld, head: bytes
) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + head)

    async with asyncio.timeout(60), raw_server(talk) as url:
        http = (await open_world(THINGS, things=url)).http
        async with http.stream("GET", "/a") as reply:
            assert reply.status_code == 200
            chunks = reply.aiter_raw()
            assert await anext(chunks) == b"half"
            with pytest.raises(httpx.RemoteProtocolError):
                await anext(chunks)


# Health.


async def test_it_is_ready_when_all_services_are_and_else_names_those_that_are_not(
    serve: Serve, open_world: OpenWorld, edge: World
) -> None:
    stubs = {name: Stub() for name in ("things", "others")}
    routes = route_table(route(methods=["GET", "POST"], timeout="5s"), route("/b", to="others"))
    http = (await open_world(routes, **stubs)).http

    answer = await http.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})

    stubs["others"].ready = False
    answer = await http.get("/health/ready")
    assert_problem(answer, 503, "not-ready")
    assert (answer.json()["services"], answer.headers["retry-after"]) == (["others"], "1")

    stubs["things"].ready = False
    assert (await http.get("/health/ready")).json()["services"] == ["others", "things"]
    assert (await edge.http.get("/health/ready")).json()["services"] == ["gone"]


NEEDED: list[tuple[dict[str, Any], list[str]]] = [
    ({"to": "others"}, ["others"]),
    ({"to": "others", "needed": False}, []),
    ({"parts": {"a": part("others:/a")}}, ["others"]),
    ({"parts": {"a": part("things:/a"), "b": part("others:/b", optional=True)}}, []),
    (
        {"parts": {"a": part("things:/a"), "b": part("others:/b", optional=True)}, "needed": True},
        ["others"],
    ),
    ({"to": "things", "mirror": {"to": "others"}}, []),
    ({"to": "things", "split": [{"to": "others", "weight": 5}]}, ["others"]),
    ({"to": "things"}, []),
]


async def test_a_service_whose_absence_only_degrades_answers_does_not_make_it_unready(
    open_world: OpenWorld,
) -> None:
    world = await open_world(route_table(route("/a"), route("/b", to="others")))
    world.others.ready = False
    for keys, names in NEEDED:
        needed = {name: value for name, value in keys.items() if name == "needed"}
        routes = route("/b", **{name: value for name, value in keys.items() if name != "needed"})
        await world.serve_table(route_table(routes, services={"things": {}, "others": needed}))

        answer = await world.http.get("/health/ready")
        found = answer.status_code, answer.json().get("services", [])
        assert found == (503 if names else 200, names), keys


@pytest.mark.parametrize(("status", "readiness"), [(200, 200), (500, 503)])
async def test_a_health_path_is_configured_or_not_checked(
    open_world: OpenWorld, status: int, readiness: int
) -> None:
    async def foreign(exchange: Exchange) -> None:
        await answering(status if exchange.path == b"/healthz" else 404, b"")(exchange)

    services: Services = {"things": {"health": {"path": "/healthz"}}, "mute": {"health": "none"}}
    mute = Stub(foreign)
    mute.ready = False
    http = (await open_world(route_table(route(), services=services), things=Stub(foreign), mute=mute)).http

    assert (await http.get("/health/ready")).status_code == readiness
    assert mute.requests == []


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
    gateway = gateway_of(THINGS, {"things": f"app://{__name__}:cannot_start"})
    life = Life()

    async with asyncio.timeout(60):
        await gateway({"type": "lifespan"}, life.receive, life.send)

    (event,) = life.events
    assert event["type"] == "lifespan.startup.failed"
    assert "no database" in event["message"]


async def test_a_bug_of_a_mounted_service_is_its_own_and_a_502(open_world: OpenWorld) -> None:
    http = (await open_world(THINGS, things=f"app://{__name__}:buggy")).http

    assert_problem(await http.get("/a"), 502, "upstream-failed")


def buggy() -> Stub:
    """An app that fails before it has answered anything."""

    async def answer(_exchange: Exchange) -> None:
        raise ZeroDivisionError

    return Stub(answer)


async def test_a_mounted_service_that_is_not_ready_is_named(open_world: OpenWorld) -> None:
    http = (await open_world(THINGS, things=f"app://{__name__}:not_ready")).http

    unready = (await http.get("/health/ready")).json()
    assert unready["services"] == ["things"]
    assert "`health = 'none'` is for a service without one, `needed = false` for one" in unready["detail"]
    assert (await http.get("/a")).content == b"all the same"


def not_ready() -> Stub:
    """An app that answers but is not ready."""
    stub = Stub(answering(200, b"all the same"))
    stub.ready = False
    return stub
