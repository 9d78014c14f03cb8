"""Methods that llhttp does not know: their requests are read, framed and checked as all others are."""

import pytest

from frontispiece.http.messages import IncomingRequest, Reply
from tests.support.direct import DirectApp, answer_to, hello
from tests.support.recorder import statuses

LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
BREW = b"BREW /pot HTTP/1.1\r\nHost: a\r\nOrigin: b\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        [BREW + b"Content-Length: 5\r\n\r\nhello" + LAST],
        [BREW + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + LAST],
        [b"\r\nBR", b"EW", b" ", BREW[5:30], BREW[30:] + b"Content-Length: 5\r\n\r\nhel", b"lo", LAST],
        [BREW.replace(b"BREW", b"PAUSE") + b"Content-Length: 5\r\n\r\nhello" + LAST],  # one of RTSP's
    ],
    ids=["length", "chunks", "in pieces", "of another protocol"],
)
async def test_any_token_is_a_method_and_frames_no_request_otherwise(sent: list[bytes]) -> None:
    bodies = []

    async def read(request: IncomingRequest) -> Reply:
        body = request.body
        bodies.append(body if isinstance(body, bytes) else b"".join([chunk async for chunk in body]))
        return await hello(request)

    app = DirectApp(read)

    assert statuses(await answer_to(app, *sent)) == [200, 200]
    assert [request.method for request in app.requests] in (["BREW", "GET"], ["PAUSE", "GET"])
    assert [request.target for request in app.requests] == [b"/pot", b"/"]
    assert bodies == [b"hello", b""]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (BREW + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (BREW + b"X-A : b\r\n\r\n", 400),
        (b"BREW pot HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"BREW /pot\r\n\r\n", 505),
        (b"BREW\t/pot HTTP/1.1\r\n", 501),
        (b"B" * 65, 501),
        (BREW + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ],
)
async def test_of_a_request_with_another_method_all_else_is_checked(sent: bytes, status: int) -> None:
    app = DirectApp()

    assert statuses(await answer_to(app, sent)) == [status]
    assert not app.requests
