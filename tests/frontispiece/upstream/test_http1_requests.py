"""What goes over the wire for a request, and what never does."""

import asyncio

import pytest

from frontispiece.upstream import Headers, Request
from frontispiece.upstream.transports.http1 import Http1Transport
from tests.frontispiece.upstream.peer import Line, peer, whole

FINE = Request(method="GET", target="/a")


async def sent(request: Request) -> bytes:
    """The bytes of this request."""
    came = b""

    async def talk(line: Line) -> None:
        nonlocal came
        came = await line.reader.read(10_000)

    async with asyncio.timeout(30), peer(talk) as server, Http1Transport(server.url) as transport:
        call = asyncio.create_task(whole(transport, request))
        await asyncio.wait([call])
        assert call.exception() is not None
        return came.replace(server.url.removeprefix("http://").encode(), b"HOST")


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (FINE, b"GET /a HTTP/1.1\r\nhost: HOST\r\n\r\n"),
        (
            Request(method="GET", target="/a?b=%0d", headers=[(b"x-a", b"1"), (b"x-a", b"\xfc 2")]),
            b"GET /a?b=%0d HTTP/1.1\r\nhost: HOST\r\nx-a: 1\r\nx-a: \xfc 2\r\n\r\n",
        ),
        (
            Request(method="PUT", target="/a", body=b"a\r\nb\0"),
            b"PUT /a HTTP/1.1\r\nhost: HOST\r\ncontent-length: 5\r\n\r\na\r\nb\0",
        ),
        (
            Request(method="PUT", target="/a", headers=[(b"content-length", b"1")], body=b"a"),
            b"PUT /a HTTP/1.1\r\nhost: HOST\r\ncontent-length: 1\r\n\r\na",
        ),
        (
            Request(method="POST", target="/a"),
            b"POST /a HTTP/1.1\r\nhost: HOST\r\ncontent-length: 0\r\n\r\n",
        ),
        (Request(method="DELETE", target="/a"), b"DELETE /a HTTP/1.1\r\nhost: HOST\r\n\r\n"),
    ],
    ids=["the least", "fields", "a body", "a body with its length", "a body that is empty", "no body"],
)
async def test_a_request_is_written_to_the_byte(request_: Request, wire: bytes) -> None:
    assert await sent(request_) == wire


BREAKS = ["\r\n", "\r", "\n", "\0"]


@pytest.mark.parametrize("bad", [*BREAKS, " "], ids=repr)
@pytest.mark.parametrize("where", ["method", "target"])
async def test_a_request_line_is_one_line_of_three_words(where: str, bad: str) -> None:
    request = Request(method="GET", target="/a")
    setattr(request, where, f"/a{bad}b")

    await refused(request)


@pytest.mark.parametrize("bad", BREAKS, ids=repr)
@pytest.mark.parametrize("end", ["", "x-b: c"])
async def test_a_field_is_one_line(bad: str, end: str) -> None:
    broken = b"b" + bad.encode() + end.encode()

    await refused(Request(method="GET", target="/a", headers=[(b"x-a", broken)]))
    await refused(Request(method="GET", target="/a", headers=[(broken, b"a")]))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([(b"host", b"elsewhere")], b""),
        ([(b"connection", b"close")], b""),
        ([(b"upgrade", b"h2c")], b""),
        ([(b"transfer-encoding", b"chunked")], b"2\r\nhi\r\n0\r\n\r\n"),
        ([(b"content-length", b"2")], b""),
        ([(b"content-length", b"1")], b"hi"),
        ([(b"content-length", b"2"), (b"content-length", b"2")], b"hi"),
        ([(b"content-length", b"+2")], b"hi"),
        ([(b"content-length", b"")], b""),
    ],
)
async def test_the_framing_of_a_request_is_not_the_callers(headers: Headers, body: bytes) -> None:
    await refused(Request(method="PUT", target="/a", headers=headers, body=body))


async def test_a_target_is_ascii_or_at_least_bytes() -> None:
    await refused(Request(method="GET", target="/\u20ac"))


async def refused(request: Request) -> None:
    """The request is a mistake of ours, and nothing of it is sent."""
    async with asyncio.timeout(30), peer() as server, Http1Transport(server.url) as transport:
        with pytest.raises(ValueError):  # noqa: PT011 (of which sort, the table tells)
            await transport.send(request)
        assert await whole(transport) == (200, b"good")
        assert [line.requests[0].split()[1] for line in server.lines] == [b"/a"]
