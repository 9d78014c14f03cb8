"""Answers as no service should give them, and what becomes of each; and odd ones that are right."""

import asyncio

import pytest

from frontispiece.upstream import Headers, InvalidResponse, Request, TimedOut
from frontispiece.upstream.transports.http1 import Http1Transport
from tests.frontispiece.upstream.peer import closing, get, peer, saying, whole

OK = b"HTTP/1.1 200 OK\r\n"
TWO = OK + b"content-length: 2\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n"
HI = b"2\r\nhi\r\n0\r\n\r\n"

MALFORMED = {
    "no HTTP at all": b"hello?\r\n\r\n",
    "no HTTP without an end of line": b"hello?",
    "another case": b"http/1.1 200 OK\r\n\r\n",
    "another protocol of the family": b"RTSP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "HTTP/1.9": b"HTTP/1.9 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    "a request": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "empty lines first": b"\r\n\r\n" + TWO + b"\r\nhi",
    "status of two digits": b"HTTP/1.1 99 OK\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status zero": b"HTTP/1.1 000 OK\r\ncontent-length: 2\r\n\r\nhi",
    "status above 599": b"HTTP/1.1 600 OK\r\ncontent-length: 2\r\n\r\nhi",
    "status with a letter": b"HTTP/1.1 20x OK\r\n\r\n",
    "two spaces before the status": b"HTTP/1.1  200 OK\r\n\r\n",
    "CR in the reason": b"HTTP/1.1 200 O\rK\r\n\r\n",
    "LF alone ends lines": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
    "LF alone ends a field": OK + b"a: b\ncontent-length: 2\r\n\r\nhi",
    "CR alone in a field": OK + b"a: b\rc: d\r\ncontent-length: 2\r\n\r\nhi",
    "CR twice": OK + b"a: b\r\r\ncontent-length: 2\r\n\r\nhi",
    "NUL in a value": OK + b"a: b\0c\r\n\r\n",
    "NUL in a name": OK + b"a\0b: c\r\n\r\n",
    "control character in a value": OK + b"a: b\x01c\r\n\r\n",
    "control character in a name": OK + b"a\x01b: c\r\n\r\n",
    "a name with a space": OK + b"a b: c\r\n\r\n",
    "space before the colon": OK + b"content-length : 2\r\n\r\nhi",
    "a name with a high byte": OK + b"a\xe4: c\r\n\r\n",
    "no name": OK + b": c\r\n\r\n",
    "no colon": OK + b"content-length\r\n\r\n",
    "space before the first field": OK + b" a: b\r\n\r\n",
    "a folded field": OK + b"a: b\r\n c\r\ncontent-length: 2\r\n\r\nhi",
    "a folded length": OK + b"content-length: 1\r\n 2\r\n\r\nhi",
    "two lengths": TWO + b"content-length: 3\r\n\r\nhi!",
    "the same length twice": TWO + b"content-length: 2\r\n\r\nhi",
    "a list of lengths": OK + b"content-length: 2, 2\r\n\r\nhi",
    "a length with a sign": OK + b"content-length: +2\r\n\r\nhi",
    "a negative length": OK + b"content-length: -2\r\n\r\nhi",
    "a length in hexadecimal": OK + b"content-length: 0x2\r\n\r\nhi",
    "a length with a space": OK + b"content-length: 1 2\r\n\r\nhi",
    "an empty length": OK + b"content-length: \r\n\r\nhi",
    "a length beyond all numbers": OK + b"content-length: 99999999999999999999\r\n\r\nhi",
    "a length and chunks": TWO + b"transfer-encoding: chunked\r\n\r\n" + HI,
    "chunks and a length": CHUNKED + b"content-length: 2\r\n\r\n" + HI,
    "chunked twice": OK + b"transfer-encoding: chunked, chunked\r\n\r\n" + HI,
    "chunked in two fields": CHUNKED + b"transfer-encoding: chunked\r\n\r\n" + HI,
    "chunked not at the end": OK + b"transfer-encoding: chunked, gzip\r\n\r\n" + HI,
    "a coding that was not accepted": OK + b"transfer-encoding: gzip, chunked\r\n\r\n" + HI,
    "an unknown coding": OK + b"transfer-encoding: xchunked\r\n\r\n" + HI,
    "the identity coding": OK + b"transfer-encoding: identity\r\n\r\nhi",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + HI,
    "a negative chunk": CHUNKED + b"\r\n-2\r\nhi\r\n0\r\n\r\n",
    "a chunk size with a prefix": CHUNKED + b"\r\n0x2\r\nhi\r\n0\r\n\r\n",
    "no chunk size": CHUNKED + b"\r\n\r\nhi\r\n0\r\n\r\n",
    "space after a chunk size": CHUNKED + b"\r\n2 \r\nhi\r\n0\r\n\r\n",
    "a chunk size beyond all numbers": CHUNKED + b"\r\nfffffffffffffffff\r\nhi\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"\r\n2\r\nhi!\r\n0\r\n\r\n",
    "a chunk size ended by LF alone": CHUNKED + b"\r\n2\nhi\r\n0\r\n\r\n",
    "NUL in a chunk extension": CHUNKED + b"\r\n2;a=\0\r\nhi\r\n0\r\n\r\n",
    "endless chunk extensions": CHUNKED + b"\r\n2;a=" + b"b" * 40_000,
    "endless zeros of a chunk size": CHUNKED + b"\r\n" + b"0" * 40_000,
    "more extension than content": CHUNKED + b"\r\n" + (b"1;" + b"b" * 1000 + b"\r\nx\r\n") * 100,
    "endless trailers": CHUNKED + b"\r\n2\r\nhi\r\n0\r\n" + b"a: b\r\n" * 8000,
    "a folded trailer": CHUNKED + b"\r\n2\r\nhi\r\n0\r\na: b\r\n c\r\n\r\n",
    "a length among the trailers": CHUNKED + b"\r\n2\r\nhi\r\n0\r\ncontent-length: 2\r\n\r\n",
    "an endless status line": b"HTTP/1.1 200 " + b"O" * 40_000,
    "an endless field name": OK + b"a" * 40_000,
    "an endless value": OK + b"a: " + b"b" * 40_000,
    "endless fields": OK + b"a: b\r\n" * 8000,
    "too many fields": OK + b"a: b\r\n" * 201 + b"\r\n",
    "a head of 33 KiB": OK + b"a: " + b"b" * 33 * 1024 + b"\r\n\r\n",
    "another protocol, politely": b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "another protocol, bluntly": b"HTTP/1.1 101 Switching\r\n\r\n",
    "interim answers without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 9,
    "garbage after an interim response": b"HTTP/1.1 100 Continue\r\n\r\nRTSP/1.0 200 OK\r\n\r\n",
}

TRUNCATED = {
    "nothing": b"",
    "half a protocol": b"HTT",
    "half a status line": b"HTTP/1.1 20",
    "half a head": TWO,
    "an interim answer alone": b"HTTP/1.1 100 Continue\r\n\r\n",
    "no body": TWO + b"\r\n",
    "half a body": TWO + b"\r\nh",
    "no chunks": CHUNKED + b"\r\n",
    "half a chunk": CHUNKED + b"\r\n2\r\nh",
    "no last chunk": CHUNKED + b"\r\n2\r\nhi\r\n",
    "half a last chunk": CHUNKED + b"\r\n2\r\nhi\r\n0\r\n",
    "half the trailers": CHUNKED + b"\r\n2\r\nhi\r\n0\r\na: b\r\n",
}

OVERLONG = {
    "a second answer": TWO + b"\r\nhi" + TWO + b"\r\nno",
    "a second answer after chunks": CHUNKED + b"\r\n" + HI + TWO + b"\r\nno",
    "garbage": TWO + b"\r\nhigh",
    "garbage after chunks": CHUNKED + b"\r\n" + HI + b"garbage",
    "line breaks after chunks": CHUNKED + b"\r\n" + HI + b"\r\r\n\r\n",
    "an empty line": TWO + b"\r\nhi\r\n",
    "garbage after the last answer": TWO + b"connection: close\r\n\r\nhigh",
}

LAST = {
    "connection: close": TWO + b"connection: close\r\n\r\nhi",
    "connection: close in a second line": TWO + b"connection: x\r\nconnection: y, close\r\n\r\nhi",
    "connection: close among others": TWO + b"Connection: Foo, Close\r\n\r\nhi",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
}

FINE = {
    "a length": TWO + b"\r\nhi",
    "chunks": CHUNKED + b"\r\n" + HI,
    "chunks in capitals": OK + b"Transfer-Encoding: Chunked\r\n\r\n" + HI,
    "chunks with extensions": CHUNKED + b"\r\n1;a=b\r\nh\r\n1;c\r\ni\r\n0;d\r\n\r\n",
    "chunks with trailers": CHUNKED + b"\r\n2\r\nhi\r\n0\r\nset-cookie: a=b\r\ndigest: c\r\n\r\n",
    "spaces around a length": OK + b"content-length:  2 \t\r\n\r\nhi",
    "no reason": b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi",
    "interim answers": b"HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" * 8 + TWO + b"\r\nhi",
    "HTTP/1.0 that goes on": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi",
    "200 fields": TWO + b"a: b\r\n" * 199 + b"\r\nhi",
    "a head of 31 KiB": TWO + b"a: " + b"b" * 31 * 1024 + b"\r\n\r\nhi",
    "an offer of another protocol": TWO + b"connection: upgrade\r\nupgrade: h2c\r\n\r\nhi",
}

REASON = {
    "no HTTP at all": "it does not speak HTTP",
    "two lengths": "it does not speak HTTP: Duplicate Content-Length",
    "another protocol, politely": "it wants to speak another protocol",
    "another protocol, bluntly": "it wants to speak another protocol",
    "endless fields": "the head of its answer is longer than 32768 bytes",
    "too many fields": "its answer has more than 200 header fields",
    "endless trailers": "its answer has more framing than content",
    "status above 599": "it answered 600",
    "an unknown coding": "its answer has an unsupported transfer coding",
}


def table(answers: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "sent"), list(answers.items()), ids=list(answers))


@table(MALFORMED)
async def test_what_is_malformed_is_invalid_and_the_connection_is_closed(name: str, sent: bytes) -> None:
    async with asyncio.timeout(30), peer(saying(sent)) as server, Http1Transport(server.url) as transport:
        with pytest.raises(InvalidResponse, match=REASON.get(name, "^it|^its answer|^the head")):
            await whole(transport)
        await server.lines[0].ended.wait()

        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


@table(TRUNCATED)
async def test_what_ends_too_early_broke_off(name: str, sent: bytes) -> None:
    async with asyncio.timeout(30), peer(closing(sent)) as server, Http1Transport(server.url) as transport:
        with pytest.raises(InvalidResponse, match="it broke off"):
            await whole(transport)

        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


@table({**OVERLONG, **LAST})
async def test_an_answer_is_taken_and_nothing_after_it(name: str, sent: bytes) -> None:
    async with asyncio.timeout(30), peer(saying(sent)) as server, Http1Transport(server.url) as transport:
        assert await whole(transport) == (200, b"hi")
        await server.lines[0].ended.wait()

        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


@table(FINE)
async def test_an_answer_may_come_in_many_ways_and_the_connection_goes_on(name: str, sent: bytes) -> None:
    async with (
        asyncio.timeout(30),
        peer(lambda line: line.serve(sent)) as server,
        Http1Transport(server.url) as transport,
    ):
        for _ in range(3):
            async with await transport.send(get()) as reply:
                assert (reply.status, await reply.read(10)) == (200, b"hi")
        assert len(server.lines) == 1


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("framing", [b"", b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n"])
async def test_an_answer_without_a_body_has_none_whatever_it_says(status: int, framing: bytes) -> None:
    sent = b"HTTP/1.1 %d OK\r\n%b\r\n" % (status, framing)
    async with peer(*[lambda line: line.serve(sent)] * 2) as server, Http1Transport(server.url) as transport:
        assert await whole(transport) == (status, b"")
        assert await whole(transport) == (status, b"")
        may_follow = status == 204 and framing  # nothing of the kind may be in a 204: perhaps content is, too
        assert len(server.lines) == (2 if may_follow else 1)


@pytest.mark.parametrize("framing", [b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n"])
async def test_head_is_answered_without_a_body_and_the_next_answer_is_read_anew(framing: bytes) -> None:
    sent = OK + framing + b"\r\n"
    async with peer(lambda line: line.serve(sent)) as server, Http1Transport(server.url) as transport:
        for _ in range(2):
            assert await whole(transport, Request(method="HEAD", target="/a")) == (200, b"")
        assert len(server.lines) == 1


async def test_a_body_sent_after_head_all_the_same_is_no_answer_to_the_next_request() -> None:
    async with (
        peer(saying(TWO + b"\r\n" + TWO + b"\r\nno")) as server,
        Http1Transport(server.url) as transport,
    ):
        assert await whole(transport, Request(method="HEAD", target="/a")) == (200, b"")
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


async def test_a_body_without_an_end_of_its_own_ends_with_the_connection() -> None:
    async with (
        peer(closing(OK + b"\r\nall ", b"there is")) as server,
        Http1Transport(server.url) as transport,
    ):
        assert await whole(transport) == (200, b"all there is")
        assert await whole(transport) == (200, b"good")
        assert len(server.lines) == 2


async def test_a_head_that_never_ends_takes_no_longer_than_the_request_may() -> None:
    async with asyncio.timeout(30), peer(saying(OK)) as server, Http1Transport(server.url) as transport:
        with pytest.raises(TimedOut):
            await whole(transport, get(timeout=0.3))
        await server.lines[0].ended.wait()


async def test_interim_responses_are_passed_on_as_they_come_but_the_one_that_only_says_go_on() -> None:
    sent = [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nlink: </b.css>\r\n\r\nHTTP/1.1 102 Pro",
        b"cessing\r\n\r\n" + TWO + b"\r\nhi",
    ]
    interim: list[tuple[int, Headers]] = []
    request = get()
    request.on_interim = lambda status, headers: interim.append((status, headers))

    async with asyncio.timeout(30), peer(saying(*sent)) as server, Http1Transport(server.url) as transport:
        assert await whole(transport, request) == (200, b"hi")

    assert interim == [(103, [(b"link", b"</a.css>"), (b"link", b"</b.css>")]), (102, [])]
