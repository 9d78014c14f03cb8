"""Compressed answers of a running gateway."""

import asyncio

import httpx
import pytest

from tests.conftest import MakeToken
from tests.gateway.conftest import Edge, OpenGateway
from tests.support.codings import decoded
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering

ROUTES = """
[services.things]
url = "registry://things"

[[routes]]
path = "/open"
to = "things"
auth = "none"
compress = {}
cors = { origins = ["https://app.example"] }

[[routes]]
path = "/mine"
to = "things"
auth = "bearer"
guest = true
compress = {}

[[routes]]
path = "/mine/numbers"
to = "things"
auth = "bearer"
compress = { personal = true, codings = ["gzip"], min = "0B" }

[[routes]]
path = "/service"
to = "things"
auth = "service"
compress = {}

[[routes]]
path = "/plain"
to = "things"
auth = "none"
"""

JSON = (b"content-type", b"application/json")
CONTENT = b'{"said": "%b"}' % (b"much the same again and again. " * 5000)


@pytest.fixture
async def edge(serve: Serve, open_gateway: OpenGateway) -> Edge:
    things = Stub(answering(200, CONTENT, JSON, (b"etag", b'"a"')))
    return Edge(http=await open_gateway(ROUTES, things=await serve(things)), things=things)


async def raw(edge: Edge, path: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its content as it came over the wire."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with edge.http.stream("GET", path, headers=named) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_an_answer_comes_in_the_coding_that_is_liked(edge: Edge, coding: str) -> None:
    answer, content = await raw(edge, "/open", accept_encoding=coding, origin="https://app.example")

    assert decoded(content, coding) == CONTENT
    assert len(content) < len(CONTENT) / 20
    assert (answer.headers["content-encoding"], answer.headers["etag"]) == (coding, 'W/"a"')
    assert answer.headers.get_list("vary") == ["Accept-Encoding", "Origin"]
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert edge.things.last.all(b"accept-encoding") == [b"identity"]


async def test_a_route_that_does_not_ask_for_it_leaves_it_to_the_service(edge: Edge) -> None:
    answer, content = await raw(edge, "/plain", accept_encoding="gzip")

    assert (content, "content-encoding" in answer.headers) == (CONTENT, False)
    assert "vary" not in answer.headers
    assert edge.things.last.all(b"accept-encoding") == [b"gzip"]


async def test_what_is_somebodys_is_compressed_only_where_the_route_says_so(
    edge: Edge, bearer: MakeToken
) -> None:
    somebody = bearer("reader", "shop")

    assert (await raw(edge, "/mine", accept_encoding="gzip", **somebody))[1] == CONTENT
    assert decoded((await raw(edge, "/mine", accept_encoding="gzip"))[1], "gzip") == CONTENT
    numbers = await raw(edge, "/mine/numbers", accept_encoding="zstd, gzip;q=0.1", **somebody)
    assert decoded(numbers[1], "gzip") == CONTENT
    assert (await raw(edge, "/service", accept_encoding="gzip", **somebody))[1] == CONTENT
    assert decoded((await raw(edge, "/service", accept_encoding="gzip"))[1], "gzip") == CONTENT


async def test_a_client_that_has_the_answer_already_is_told_so(edge: Edge) -> None:
    async def answer(exchange: Exchange) -> None:
        known = exchange.all(b"if-none-match")[0].split(b", ")
        await exchange.start(304 if b'"a"' in known else 200, (b"etag", b'"a"'))
        await exchange.end()

    edge.things.answer = answer

    answered, content = await raw(edge, "/open", accept_encoding="br", if_none_match='W/"a"')

    assert (answered.status_code, content, answered.headers["etag"]) == (304, b"", 'W/"a"')


async def test_head_tells_of_the_answer_and_has_none(edge: Edge) -> None:
    answer = await edge.http.head("/open", headers={"Accept-Encoding": "br"})

    assert (answer.status_code, answer.headers["etag"]) == (200, 'W/"a"')
    assert "content-length" not in answer.headers
    assert (await edge.http.get("/open")).json()


async def test_a_part_is_a_part_of_what_the_service_has(edge: Edge) -> None:
    part = (b"content-range", b"bytes 0-1999/%d" % len(CONTENT))
    edge.things.answer = answering(206, CONTENT[:2000], JSON, part)

    answer, content = await raw(edge, "/open", accept_encoding="br", range="bytes=0-1999")

    assert (answer.status_code, content) == (206, CONTENT[:2000])
    assert "content-encoding" not in answer.headers


async def test_events_arrive_compressed_and_at_once(edge: Edge) -> None:
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await exchange.start(200, (b"content-type", b"text/event-stream"))
        await exchange.chunk(b"data: first\n\n")
        await go_on.wait()
        await exchange.end(b"data: last\n\n")

    edge.things.answer = answer

    async with (
        asyncio.timeout(5),
        edge.http.stream("GET", "/open", headers={"Accept-Encoding": "gzip"}) as reply,
    ):
        assert reply.headers["content-encoding"] == "gzip"
        texts = reply.aiter_text()
        assert await anext(texts) == "data: first\n\n"
        go_on.set()
        assert "".join([text async for text in texts]) == "data: last\n\n"
