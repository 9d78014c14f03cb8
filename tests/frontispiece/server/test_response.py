"""What a response is on the wire, whatever the app says about it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from frontispiece.http.asgi import App
from frontispiece.http.messages import IncomingRequest, Reply
from tests.support.direct import DirectApp, answer_to, parts, replying, sending, streaming
from tests.support.recorder import connected, statuses
from tests.support.serving import servers
from tests.support.stub import Exchange, Stub, answering

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
LAST = GET + b"Connection: close\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"

MakeApp = Callable[..., App]
BOTH = pytest.mark.parametrize("app", [streaming, sending], ids=["direct", "asgi"])


@BOTH
async def test_a_client_of_http_1_0_finds_the_end_of_the_content_at_the_end_of_the_connection(
    app: MakeApp,
) -> None:
    lines, content = parts(await answer_to(app(b"one", b"two"), OLD))

    assert not [line for line in lines if line.startswith((b"transfer-encoding", b"content-length"))]
    assert b"connection: close" in lines
    assert content == b"onetwo"


@pytest.mark.parametrize("kind", ["direct", "asgi"])
async def test_a_client_of_http_1_0_takes_no_part_of_the_content_for_all_of_it(kind: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"part"
        await go_on.wait()
        raise OSError("the source has gone")

    async def respond(_request: IncomingRequest) -> Reply:
        return Reply(status=200, headers=[], body=pieces())

    async def answer(exchange: Exchange) -> None:
        await exchange.start()
        async for piece in pieces():
            await exchange.chunk(piece)

    go_on = asyncio.Event()
    async with asyncio.timeout(60), servers() as serve:
        url = await serve(DirectApp(respond) if kind == "direct" else Stub(answer))
        async with connected(url) as (reader, writer):
            writer.write(OLD)
            await reader.readuntil(b"part")
            go_on.set()
            with pytest.raises(ConnectionResetError):
                await reader.read()


@BOTH
async def test_the_answer_to_head_has_no_content(app: MakeApp) -> None:
    lines, content = parts(await answer_to(app(b"hello", headers=((b"content-length", b"5"),)), HEAD))

    assert b"content-length: 5" in lines
    assert content == b""


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize(
    "app",
    [
        lambda status: DirectApp(replying(status, b"", (b"content-length", b"0"))),
        lambda status: Stub(
            answering(status, b"", (b"content-length", b"7"), (b"transfer-encoding", b"chunked"))
        ),
    ],
    ids=["direct", "asgi"],
)
async def test_statuses_without_content_have_no_framing(app: Callable[[int], App], status: int) -> None:
    lines, content = parts(await answer_to(app(status), LAST))

    assert not [line for line in lines if line.startswith((b"transfer-encoding", b"content-length"))]
    assert content == b""


@pytest.mark.parametrize(("said", "sent"), [(b"7", b"hello"), (b"3", b"hel")], ids=["shorter", "longer"])
@pytest.mark.parametrize(
    "app",
    [
        lambda length: DirectApp(replying(200, b"hello", length)),
        lambda length: Stub(answering(200, b"hello", length)),
        lambda length: streaming(b"hel", b"lo", headers=(length,)),
        lambda length: sending(b"hel", b"lo", headers=(length,)),
    ],
    ids=["direct", "asgi", "direct in pieces", "asgi in pieces"],
)
async def test_content_of_another_length_than_it_says_is_the_last_and_no_next_response(
    app: MakeApp, said: bytes, sent: bytes
) -> None:
    answer = await answer_to(app((b"content-length", said)), GET + b"\r\n" + LAST)

    assert statuses(answer) == [200]
    assert answer.endswith(b"\r\n\r\n" + sent)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-a", b"b\r\nSet-Cookie: c=d")],
        [(b"x-a\r\nset-cookie", b"c=d")],
        [(b"x a", b"b")],
        [(b"", b"b")],
        [(b"x-a", b"b\nc")],
        [(b"x-a", b"b\x00")],
        [(b"content-length", b"1, 1")],
        [(b"content-length", b"5"), (b"content-length", b"6")],
    ],
)
async def test_a_head_that_readers_could_split_elsewhere_is_a_bug_that_no_client_sees(
    headers: list[tuple[bytes, bytes]],
) -> None:
    for app in (DirectApp(replying(200, b"hello", *headers)), Stub(answering(200, b"hello", *headers))):
        answer = await answer_to(app, LAST)

        assert statuses(answer) == [500]
        assert b"urn:frontispiece:problem:internal-error" in answer
        assert b"c=d" not in answer


async def test_a_date_is_added_where_the_app_has_none() -> None:
    for date in ((), ((b"date", b"Sun, 06 Nov 1994 08:49:37 GMT"),)):
        lines, _ = parts(await answer_to(DirectApp(replying(200, b"", *date)), LAST))
        (line,) = [line for line in lines if line.startswith(b"date: ")]
        assert line.endswith(b"1994 08:49:37 GMT") is bool(date)
