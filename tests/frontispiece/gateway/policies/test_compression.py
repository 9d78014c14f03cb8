"""Which responses are compressed, and their header fields."""

import threading
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.policies.compression import encoders
from frontispiece.gateway.policies.compression.config import Compression
from frontispiece.gateway.policies.compression.encoders import BIG, Encoder, Workers
from frontispiece.gateway.policies.compression.layer import compression_layer
from frontispiece.security import Identity
from frontispiece.upstream import InvalidResponse, Reply
from tests.support import calls
from tests.support.codings import decoded

Header = tuple[bytes, bytes]

TEXT = b"much the same again and again. " * 100
JSON = (b"content-type", b"application/json")


def call(*headers: Header, identity: Identity | None = None) -> Call:
    return calls.call(headers=[(b"accept-encoding", b"gzip"), *headers], identity=identity)


def around(
    inner: Handler, *, workers: Workers | None = None, passthrough: bool = False, **policy: Any
) -> Handler:
    layer = compression_layer(Compression(**policy), workers or Workers(), passthrough=passthrough)
    return layer(inner)


def whole(*headers: Header, content: bytes = TEXT, status: int = 200) -> Handler:
    """Responds so, with JSON unless the headers say otherwise."""
    typed = [] if b"content-type" in dict(headers) else [JSON]

    async def handler(_call: Call) -> Reply:
        return Reply.whole(status, content, [*typed, *headers])

    return handler


def streamed(
    *chunks: bytes, headers: list[Header] | None = None, failure: Exception | None = None
) -> Handler:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        if failure:
            raise failure

    async def handler(_call: Call) -> Reply:
        return Reply(status=200, headers=headers or [JSON], body=body())

    return handler


async def read(reply: Reply) -> bytes:
    return b"".join([chunk async for chunk in reply.chunks()])


async def coding_of(handler: Handler, *headers: Header, identity: Identity | None = None) -> bytes | None:
    return (await handler(call(*headers, identity=identity))).header(b"content-encoding")


async def test_several_accept_encoding_fields_count_as_one() -> None:
    assert await coding_of(around(whole(), codings=["br"]), (b"accept-encoding", b"br")) == b"br"


@pytest.mark.parametrize(
    "media_type",
    [b"text/html; charset=utf-8", b"application/problem+json", b"image/svg+xml", b"Application/JSON;a=b"],
)
async def test_text_is_compressed(media_type: bytes) -> None:
    assert await coding_of(around(whole((b"content-type", media_type)))) == b"gzip"


UNCHANGED = {
    "encoded already": whole((b"content-encoding", b"br")),
    "no-transform": whole((b"cache-control", b"public, no-transform")),
    "a part": whole((b"content-range", b"bytes 0-9/20"), status=206),
    "a part without content-range": whole(status=206),
    "with a digest": whole((b"content-digest", b"sha-256=:a:")),
    "a picture": whole((b"content-type", b"image/png")),
    "without a type": streamed(TEXT, headers=[(b"x-a", b"b")]),
    "an archive": whole((b"content-type", b"application/zip")),
    "gRPC": whole((b"content-type", b"application/grpc+proto")),
    "short": whole(content=b"x" * 1023),
    "short and streamed": streamed(b"x" * 1023, headers=[JSON, (b"content-length", b"1023")]),
    "empty": whole(content=b"", status=204),
}


@pytest.mark.parametrize("inner", UNCHANGED.values(), ids=UNCHANGED)
async def test_a_response_that_would_not_gain_or_must_not_change_stays_as_it_is(inner: Handler) -> None:
    plain, reply = await inner(call()), await around(inner)(call())

    assert reply.headers == plain.headers
    assert await read(reply) == await read(plain)


NOISE = Random(7).randbytes(2000)  # noqa: S311 (it guards nothing)


@pytest.mark.parametrize(
    ("header", "content"),
    [
        ((b"range", b"bytes=0-9"), TEXT),
        ((b"cache-control", b"no-transform"), TEXT),
        ((b"accept-encoding", b""), TEXT),
        ((b"x-a", b"1"), NOISE),
    ],
    ids=["range", "no-transform", "accept-encoding", "no gain"],
)
async def test_an_uncompressed_response_that_may_be_compressed_for_others_has_vary(
    header: Header, content: bytes
) -> None:
    request = call()
    request.replace(*header)

    reply = await around(whole((b"etag", b'"a"'), content=content))(request)

    assert (await read(reply), reply.header(b"content-encoding")) == (content, None)
    assert (reply.header(b"vary"), reply.header(b"etag")) == (b"Accept-Encoding", b'"a"')


@pytest.mark.parametrize("vary", [b"Accept, accept-encoding", b"*"])
async def test_vary_is_not_repeated(vary: bytes) -> None:
    reply = await around(whole((b"vary", vary)))(call())

    assert [value for name, value in reply.headers if name == b"vary"] == [vary]


@pytest.mark.parametrize("tag", [b'"a"', b'W/"a"'])
async def test_the_entity_tag_of_a_compressed_response_is_weak(tag: bytes) -> None:
    assert (await around(whole((b"etag", tag)))(call())).header(b"etag") == b'W/"a"'


async def test_the_service_gets_no_accept_encoding_and_both_forms_of_an_entity_tag() -> None:
    requests: list[Call] = []

    async def inner(request: Call) -> Reply:
        requests.append(request)
        return Reply(status=304, headers=[(b"etag", b'"b"')], body=b"")

    reply = await around(inner)(call((b"if-none-match", b'W/"a", "c", W/"b"'), (b"x-a", b'W/"z"')))

    (request,) = requests
    assert [value for name, value in request.headers if name == b"accept-encoding"] == [b"identity"]
    assert request.header(b"if-none-match") == b'W/"a", "a", "c", W/"b", "b"'
    assert request.header(b"x-a") == b'W/"z"'
    assert reply.headers == [(b"etag", b'W/"b"'), (b"vary", b"Accept-Encoding")]


async def test_a_stream_that_breaks_off_does_not_end_as_if_it_were_whole() -> None:
    ndjson = [(b"content-type", b"application/x-ndjson")]
    reply = await around(streamed(TEXT, headers=ndjson, failure=InvalidResponse("it broke off")))(call())

    chunks = reply.chunks()
    assert decoded(await anext(chunks), "gzip") == TEXT
    with pytest.raises(InvalidResponse):
        await anext(chunks)


@pytest.mark.parametrize("size", [BIG - 1, BIG])
async def test_big_bodies_are_compressed_in_a_thread_and_small_ones_in_the_loop(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def encode(_chunk: bytes) -> bytes:
        threads.append(threading.current_thread())
        return b""

    monkeypatch.setitem(encoders.ENCODERS, "gzip", lambda: Encoder(encode, bytes, bytes))
    await read(await around(whole(content=b"x" * size))(call()))
    await read(await around(streamed(b"x" * size))(call()))

    assert [thread is threading.main_thread() for thread in threads] == [size < BIG] * 2


async def test_a_big_body_for_which_no_thread_is_free_is_not_compressed() -> None:
    big = whole(content=b"x" * BIG)
    one = around(big, workers=Workers(max_bodies=1))
    for _ in range(3):
        assert await coding_of(one) == b"gzip"

    assert await coding_of(around(big, workers=Workers(max_bodies=0))) is None
    assert await coding_of(around(whole(), workers=Workers(max_bodies=0))) == b"gzip"
