"""Compressed responses of a running gateway."""

import asyncio

import httpx
import pytest

from tests.conftest import MakeToken
from tests.support.codings import decoded
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World

ROUTES = route_table(
    route("/open", compression={}, cors={"origins": ["https://app.example"]}),
    route("/mine", auth="bearer", guest=True, compression={}),
    route(
        "/mine/numbers",
        auth="bearer",
        compression={"authenticated": True, "codings": ["gzip"], "min_size": "0B"},
    ),
    route("/service", auth="passthrough", compression={}),
    route("/plain"),
)

JSON = (b"content-type", b"application/json")
CONTENT = b'{"text": "%b"}' % (b"much the same again and again. " * 5000)


@pytest.fixture
async def edge(serve: Serve, open_world: OpenWorld) -> World:
    things = Stub(answering(200, CONTENT, JSON, (b"etag", b'"a"')))
    return await open_world(ROUTES, things=things)


async def raw(edge: World, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """A response, and its content as it came over the wire."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with edge.http.stream("GET", path, headers=named) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_a_response_comes_in_the_coding_that_is_accepted(edge: World, coding: str) -> None:
    answer, content = await raw(edge, "/open", accept_encoding=coding, origin="https://app.example")

    assert decoded(content, coding) == CONTENT
    assert len(content) < len(CONTENT) / 20
    assert (answer.headers["content-encoding"], answer.headers["etag"]) == (coding, 'W/"a"')
    assert answer.headers.get_list("vary") == ["Accept-Encoding", "Origin"]
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert edge.things.last.all(b"accept-encoding") == [b"identity"]


async def test_a_route_that_does_not_ask_for_it_leaves_it_to_the_service(edge: World) -> None:
    answer, content = await raw(edge, "/plain", accept_encoding="gzip")

    assert (content, "content-encoding" in answer.headers) == (CONTENT, False)
    assert "vary" not in answer.headers
    assert edge.things.last.all(b"accept-encoding") == [b"gzip"]


async def test_personal_responses_are_compressed_only_where_the_route_says_so(
    edge: World, bearer: MakeToken
) -> None:
    caller = bearer("reader", "shop")

    assert (await raw(edge, "/mine", accept_encoding="gzip", **caller))[1] == CONTENT
    assert decoded((await raw(edge, "/mine", accept_encoding="gzip"))[1], "gzip") == CONTENT
    numbers = await raw(edge, "/mine/numbers", accept_encoding="zstd, gzip;q=0.1", **caller)
    assert decoded(numbers[1], "gzip") == CONTENT
    assert (await raw(edge, "/service", accept_encoding="gzip", **caller))[1] == CONTENT
    assert decoded((await raw(edge, "/service", accept_encoding="gzip"))[1], "gzip") == CONTENT


async def test_head_has_the_headers_of_the_response_and_no_body(edge: World) -> None:
    answer = await edge.http.head("/open", headers={"Accept-Encoding": "br"})

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"a"')
    assert (answer.headers["vary"], answer.headers["content-type"]) == (
        "Accept-Encoding, Origin",
        "application/json",
    )
    assert "content-length" not in answer.headers
    assert (await edge.http.get("/open")).json()


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_events_arrive_compressed_and_at_once(edge: World, coding: str) -> None:
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.start(200, (b"content-type", b"text/event-stream"))
        await exchange.chunk(b"data: first\n\n")
        await go_on.wait()
        await exchange.end(b"data: last\n\n")

    edge.things.answer = answer

    async with (
        asyncio.timeout(60),
        edge.http.stream("GET", "/open", headers={"Accept-Encoding": coding}) as reply,
    ):
        assert reply.headers["content-encoding"] == coding
        chunks = reply.aiter_raw()
        content = await anext(chunks)
        assert decoded(content, coding) == b"data: first\n\n"
        go_on.set()
        content += b"".join([chunk async for chunk in chunks])
        assert decoded(content, coding) == b"data: first\n\ndata: last\n\n"
