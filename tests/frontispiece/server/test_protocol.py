"""What goes over a connection: what the app gets, in which order, and who closes."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar

import pytest

from frontispiece.http.messages import ClientDisconnected, IncomingRequest, Reply
from frontispiece.server.protocol import HttpProtocol
from tests.support.direct import DirectApp, answer_to, hello, replying, sending, streaming
from tests.support.recorder import connected, said, statuses
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
LAST = GET + b"Connection: close\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"

MakeApp = Callable[..., DirectApp | Stub]
BOTH = pytest.mark.parametrize("app", [streaming, sending], ids=["direct", "asgi"])


# What the app gets.


async def test_white_space_around_a_value_is_not_part_of_it() -> None:
    app = DirectApp()

    await answer_to(app, POST + b"X-A: \t b\tc \t\r\nContent-Length: 5 \r\n", b"X-B: d \r\n\r\nhello")

    (request,) = app.requests
    assert (b"x-a", b"b\tc") in request.headers
    assert (b"x-b", b"d") in request.headers
    assert (b"content-length", b"5") in request.headers


@pytest.mark.parametrize("pieces", [(b"hello",), (b"hel", b"lo")], ids=["at once", "in pieces"])
async def test_a_request_that_an_app_leaves_to_asgi_comes_there_with_its_body(
    pieces: tuple[bytes, ...],
) -> None:
    class Leaving(Stub):
        async def respond(self, _request: IncomingRequest) -> Reply | None:
            return None

    async def echo(exchange: Exchange) -> None:
        content = await exchange.read()
        await exchange.start()
        await exchange.end(content)

    first, *rest = pieces
    answer = await answer_to(Leaving(echo), POST + b"Content-Length: 5\r\n\r\n" + first, *rest)

    assert statuses(answer) == [200]
    assert answer.endswith(b"hello")


async def test_after_a_trailer_named_connection_no_request_is_swallowed_but_the_connection_ends() -> None:
    request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
    end = b"0\r\nConnection: close\r\n\r\n"
    async with asyncio.timeout(60), servers() as serve:
        url = await serve(DirectApp())
        whole = await said(url, request + end + LAST)
        async with connected(url) as (reader, writer):  # answered before the trailer comes
            writer.write(request)
            answer = await reader.readuntil(b"hello")
            writer.write(end + LAST)
            answer += await reader.read()

    assert statuses(whole) == statuses(answer) == [200]
    assert b"\r\nconnection: close\r\n" in whole


@BOTH
async def test_a_request_sees_no_context_variable_of_the_one_before_it(app: MakeApp) -> None:
    of_request: ContextVar[bytes] = ContextVar("of_request", default=b"clean")

    def seen() -> bytes:
        value = of_request.get()
        of_request.set(b"leaked")
        return value

    async def respond(_request: IncomingRequest) -> Reply:
        async def body() -> AsyncIterator[bytes]:
            yield value
            await asyncio.sleep(0)

        value = seen()
        return Reply(status=200, headers=[], body=body())

    async def answer(exchange: Exchange) -> None:
        value = seen()
        await asyncio.sleep(0)
        await exchange.start()
        await exchange.end(value)

    async with asyncio.timeout(60), servers() as serve:
        url = await serve(DirectApp(respond) if app is streaming else Stub(answer))
        answers = await said(url, GET + b"\r\n" + GET + b"\r\n" + LAST)

    assert answers.count(b"clean") == 3
    assert b"leaked" not in answers


# The client goes, or goes on.


@pytest.mark.parametrize("ahead", [0, 1, 10])
async def test_when_the_client_goes_its_request_is_cancelled_at_once(ahead: int) -> None:
    cancelled = asyncio.Event()

    async def respond(_request: IncomingRequest) -> Reply:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    app = DirectApp(respond)
    async with asyncio.timeout(60), servers() as serve:
        async with connected(await serve(app)) as (_, writer):
            writer.write(GET + b"\r\n")
            writer.write((GET + b"\r\n") * ahead)  # sent before the response to the first
            await app.begun.wait()
        await cancelled.wait()


async def test_when_the_client_goes_in_the_middle_of_its_body_the_app_receives_a_disconnect() -> None:
    told = asyncio.Event()

    async def respond(request: IncomingRequest) -> Reply:
        assert not isinstance(request.body, bytes)
        try:
            async for _ in request.body:
                pass
        except ClientDisconnected:
            told.set()
            raise
        raise AssertionError

    app = DirectApp(respond)
    async with asyncio.timeout(60), servers() as serve:
        async with connected(await serve(app)) as (_, writer):
            writer.write(POST + b"Content-Length: 5\r\n\r\nhel")
            await app.begun.wait()
        await told.wait()


async def test_an_asgi_app_receives_a_disconnect_when_the_client_goes() -> None:
    stub = Stub(Exchange.until_left)
    async with asyncio.timeout(60), servers() as serve:
        async with connected(await serve(stub)) as (_, writer):
            writer.write(GET + b"\r\n")
            await stub.begun.wait()
        await stub.last.ended.wait()


async def test_requests_that_come_at_once_are_answered_in_order() -> None:
    async def respond(request: IncomingRequest) -> Reply:
        for _ in range(3 if request.target == b"/0" else 0):
            await asyncio.sleep(0)
        return Reply.whole(200, request.target, [])

    sent = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(50)) + LAST
    answer = await answer_to(DirectApp(respond), sent)

    assert statuses(answer) == [200] * 51
    assert [
        line for line in answer.replace(b"HTTP/1.1 200 OK", b"\r\n").split(b"\r\n") if line[:1] == b"/"
    ] == [
        *(b"/%d" % number for number in range(50)),
        b"/",
    ]


async def test_100_continue_is_sent_when_the_app_reads_and_not_when_it_answers_unread() -> None:
    async def read(request: IncomingRequest) -> Reply:
        assert not isinstance(request.body, bytes)
        return Reply.whole(200, b"".join([piece async for piece in request.body]), [])

    expecting = POST + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
    async with servers() as serve:
        url = await serve(DirectApp(read))
        async with connected(url) as (reader, writer):
            writer.write(expecting)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hi")
            assert (await reader.read()).endswith(b"\r\n\r\nhi")
        async with connected(await serve(DirectApp())) as (reader, writer):
            writer.write(expecting)
            assert statuses(await reader.readuntil(b"hello")) == [200]
        assert statuses(await said(url, POST + b"Expect: 100-continue\r\n\r\n")) == [500]  # there is no body


async def test_interim_responses_come_before_the_final_one_to_clients_that_can_read_them() -> None:
    async def respond(request: IncomingRequest) -> Reply:
        request.send_interim(103, [(b"link", b"</a.css>; rel=preload")])
        request.send_interim(101, [])
        return await hello(request)

    app = DirectApp(respond)

    answer = await answer_to(app, LAST)
    assert statuses(answer) == [103, 200]
    assert answer.startswith(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 ")
    assert statuses(await answer_to(app, OLD)) == [200]


@BOTH
async def test_a_connection_that_has_ended_is_freed_without_a_garbage_collection(app: MakeApp) -> None:
    gc.collect(0)  # what is there belongs to an older generation from now on
    gc.disable()
    try:
        served = app(b"one", b"two")
        await answer_to(served, GET + b"\r\n" + LAST)
        await answer_to(served, b"BREW / HTTP/1.1\r\n\r\n" + LAST)
        await answer_to(served, b"B{W / HTTP/1.1\r\n")
        served.requests.clear()  # a test's app keeps them
        await asyncio.sleep(0)
        assert not [known for known in gc.get_objects(generation=0) if type(known) is HttpProtocol]
    finally:
        gc.enable()


# Refusals by the server.


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"B{W / HTTP/1.1\r\n", 501),
        (b"GET /a HTTP/1.1\r\nOrigin: https://app.test\r\nAccept: a\r\nX-A : b\r\n\r\n", 400),
        (b"GET /a HTTP/1.1\r\nOrigin: https://app.test\r\nX-A: " + b"b" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /a HTTP/2.0\r\nOrigin: https://app.test\r\n\r\n", 505),
    ],
)
async def test_the_app_adds_header_fields_to_a_refusal_from_what_was_read(sent: bytes, status: int) -> None:
    app = DirectApp(refusal_headers=[(b"access-control-allow-origin", b"https://app.test")])

    answer = await answer_to(app, sent)

    assert statuses(answer) == [status]
    assert b"\r\naccess-control-allow-origin: https://app.test\r\n" in answer
    assert not app.requests
    ((target, headers),) = app.refused
    if status != 501:
        assert target == b"/a"
        assert (b"origin", b"https://app.test") in headers


@pytest.mark.parametrize(
    ("before", "pieces", "origins"),
    [
        (b"GET /a", (b"Origin: https://app.test\r\n", b"b\0d: 1\r\n\r\n"), [b"https://app.test"]),
        (b"GET /a", (b"Origin: https://ap", b"p.test\r\nb\0d: 1\r\n\r\n"), [b"https://app.test"]),
        (b"GET http://b/a", (b"Origin: https://app.test\r\nb\0d: 1\r\n\r\n",), [b"https://app.test"]),
        (b"GET /a", (b"Origin: a\r\nOrigin: b\r\nb\0d: 1\r\n\r\n",), [b"a", b"b"]),
        (b"GET /a", (b"b\0d: 1\r\n\r\nGET / HTTP/1.1\r\nOrigin: a\r\n\r\n",), []),
        (b"GET / HTTP/1.1\r\nOrigin: a\r\n\r\nGET /a", (b"b\0d: 1\r\n\r\n",), []),
    ],
    ids=["later", "in two reads", "absolute form", "two", "of what follows", "of what went before"],
)
async def test_of_a_malformed_request_the_app_sees_the_target_and_its_own_origins(
    before: bytes, pieces: tuple[bytes, ...], origins: list[bytes]
) -> None:
    app = DirectApp()

    await answer_to(app, before + b" HTTP/1.1\r\n", *pieces)

    ((target, headers),) = app.refused
    assert target == b"/a"
    assert [value for name, value in headers if name == b"origin"] == origins


async def test_nothing_is_written_behind_the_response_that_closes_a_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = DirectApp(replying(400, b"", (b"connection", b"close")))

    answer = await answer_to(app, GET + b"\r\nGARBAGE\0\r\n\r\n")

    assert statuses(answer) == [400]
    assert not caplog.records


async def test_a_refusal_costs_no_more_than_the_length_of_what_was_read_warrants() -> None:
    spaces = b"\r\nOrigin:" + b" " * 60_000

    answer = await answer_to(DirectApp(), GET + b"b\0d: 1" + spaces + b"b")  # and not hours

    assert statuses(answer) == [400]
