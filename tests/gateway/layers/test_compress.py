"""Which answers are compressed, and what is told of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from random import Random
from typing import Any

import pytest

from gateway.call import Call, Handler
from gateway.compression import Workers
from gateway.layers.compress import compressed
from gateway.policies.compress import Compress
from gateway.upstream import Headers, Nonsense, Reply
from kit.problems import Problem
from kit.tokens import NOBODY, Identity
from tests.support.codings import decoded

TEXT = b"much the same again and again. " * 100
JSON = (b"content-type", b"application/json")


def call(*headers: tuple[bytes, bytes], method: str = "GET", identity: Identity | None = None) -> Call:
    return Call(
        params={},
        method=method,
        query=b"",
        headers=[(b"accept-encoding", b"gzip"), *headers],
        body=b"",
        request_id=b"7",
        scheme="http",
        peer="192.0.2.7",
        identity=identity,
    )


def around(answer: Handler, policy: Mapping[str, Any] | None = None, **more: bool) -> Handler:
    return compressed(Compress.model_validate(policy or {}), Workers(), **more)(answer)


def saying(*headers: tuple[bytes, bytes], content: bytes = TEXT, status: int = 200) -> Handler:
    """Gives this whole answer, JSON unless the headers say otherwise."""
    typed = [JSON] if b"content-type" not in dict(headers) else []

    async def answer(_call: Call) -> Reply:
        return Reply.whole(status, content, [*typed, *headers])

    return answer


def streaming(*chunks: bytes, headers: Headers | None = None) -> Handler:
    """Gives an answer in these pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def answer(_call: Call) -> Reply:
        return Reply(status=200, headers=headers or [JSON], body=pieces())

    return answer


async def read(reply: Reply) -> bytes:
    return b"".join([chunk async for chunk in reply.chunks()])


async def test_an_answer_is_compressed_as_its_client_likes_it() -> None:
    reply = await around(saying((b"x-kept", b"1"), (b"accept-ranges", b"bytes")))(call())

    content = await read(reply)
    assert decoded(content, "gzip") == TEXT
    assert reply.headers == [
        JSON,
        (b"x-kept", b"1"),
        (b"vary", b"Accept-Encoding"),
        (b"content-encoding", b"gzip"),
        (b"content-length", b"%d" % len(content)),
    ]


async def test_several_fields_of_what_is_liked_count_as_one() -> None:
    reply = await around(saying())(call((b"accept-encoding", b"gzip;q=0.1"), (b"accept-encoding", b"br")))

    assert reply.header(b"content-encoding") in {b"br", b"gzip"}
    assert decoded(await read(reply), reply.header(b"content-encoding").decode()) == TEXT  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "media_type",
    [b"text/html; charset=utf-8", b"application/problem+json", b"image/svg+xml", b"Application/JSON;a=b"],
)
async def test_what_is_text_is_compressed(media_type: bytes) -> None:
    reply = await around(saying((b"content-type", media_type)))(call())

    assert reply.header(b"content-encoding") == b"gzip"


AS_IT_IS = {
    "encoded already": saying((b"content-encoding", b"br")),
    "not to be changed": saying((b"cache-control", b"public, no-transform")),
    "a part": saying((b"content-range", b"bytes 0-9/20"), status=206),
    "a part that does not say so": saying(status=206),
    "signed": saying((b"content-digest", b"sha-256=:a:")),
    "a picture": saying((b"content-type", b"image/png")),
    "of no type": streaming(TEXT, headers=[(b"x-a", b"b")]),
    "an archive": saying((b"content-type", b"application/zip")),
    "gRPC": saying((b"content-type", b"application/grpc+proto")),
    "short": saying(content=b"x" * 1023),
    "short and streamed": streaming(b"x" * 1023, headers=[JSON, (b"content-length", b"1023")]),
    "empty": saying(content=b"", status=204),
}


@pytest.mark.parametrize("answer", AS_IT_IS.values(), ids=AS_IT_IS)
async def test_what_would_gain_nothing_or_must_not_change_stays_as_it_is(answer: Handler) -> None:
    plain, reply = await answer(call()), await around(answer)(call())

    assert reply.headers == plain.headers
    assert await read(reply) == await read(plain)


@pytest.mark.parametrize(
    "header", [(b"range", b"bytes=0-9"), (b"cache-control", b"no-transform"), (b"accept-encoding", b"")]
)
async def test_a_client_that_wants_it_as_it_is_gets_it_so_and_caches_are_told(
    header: tuple[bytes, bytes],
) -> None:
    asked = call(header)
    if header[0] == b"accept-encoding":
        asked.replace(*header)

    reply = await around(saying())(asked)

    assert await read(reply) == TEXT
    assert reply.header(b"content-encoding") is None
    assert reply.header(b"vary") == b"Accept-Encoding"


async def test_what_does_not_get_shorter_is_sent_as_it_is() -> None:
    noise = Random(7).randbytes(2000)  # noqa: S311 (it guards nothing)

    reply = await around(saying((b"etag", b'"a"'), content=noise))(call())

    assert (await read(reply), reply.header(b"content-encoding")) == (noise, None)
    assert (reply.header(b"etag"), reply.header(b"vary")) == (b'"a"', b"Accept-Encoding")


async def test_vary_is_said_once() -> None:
    for said in (b"Accept, accept-encoding", b"*"):
        reply = await around(saying((b"vary", said)))(call())
        assert [value for name, value in reply.headers if name == b"vary"] == [said]


# Secrets.


SOMEBODY = Identity(subject="reader", scopes=frozenset())
GUEST = Identity(subject="guest:7", scopes=frozenset())


@pytest.mark.parametrize("identity", [SOMEBODY, GUEST])
async def test_what_is_said_to_somebody_in_particular_keeps_its_length_to_itself(identity: Identity) -> None:
    personal = await around(saying())(call(identity=identity))
    allowed = await around(saying(), {"personal": True})(call(identity=identity))
    nobodys = await around(saying())(call(identity=NOBODY))

    assert personal.headers == (await saying()(call())).headers
    assert await read(personal) == TEXT
    assert allowed.header(b"content-encoding") == nobodys.header(b"content-encoding") == b"gzip"


@pytest.mark.parametrize("name", [b"authorization", b"cookie"])
async def test_credentials_that_a_service_looks_at_itself_tell_that_somebody_is_calling(name: bytes) -> None:
    with_them = call((name, b"x"))

    assert (await around(saying(), credentials_pass=True)(with_them)).header(b"content-encoding") is None
    assert (await around(saying(), credentials_pass=True)(call())).header(b"content-encoding") == b"gzip"
    assert (await around(saying())(call((name, b"x")))).header(b"content-encoding") == b"gzip"


# Validators.


async def test_a_strong_validator_becomes_a_weak_one_and_a_weak_one_stays() -> None:
    for tag in (b'"a"', b'W/"a"'):
        reply = await around(saying((b"etag", tag)))(call())
        assert reply.header(b"etag") == b'W/"a"'
    unchanged = await around(saying((b"etag", b'"a"')))(call((b"range", b"bytes=0-")))
    assert unchanged.header(b"etag") == b'"a"'


async def test_the_service_is_asked_for_no_coding_and_by_both_forms_of_a_validator() -> None:
    seen: list[Call] = []

    async def answer(asked: Call) -> Reply:
        seen.append(asked)
        return Reply(status=304, headers=[(b"etag", b'"b"')], body=b"")

    reply = await around(answer)(call((b"if-none-match", b'W/"a", "c", W/"b"'), (b"x-a", b'W/"z"')))

    (asked,) = seen
    assert [value for name, value in asked.headers if name == b"accept-encoding"] == [b"identity"]
    assert asked.header(b"if-none-match") == b'W/"a", "a", "c", W/"b", "b"'
    assert asked.header(b"x-a") == b'W/"z"'
    assert reply.headers == [(b"etag", b'W/"b"'), (b"vary", b"Accept-Encoding")]


async def test_head_is_told_what_get_would_be_and_no_length_that_would_be_wrong() -> None:
    async def answer(_call: Call) -> Reply:
        return Reply(status=200, headers=[JSON, (b"content-length", b"5000"), (b"etag", b'"a"')], body=b"")

    reply = await around(answer)(call(method="HEAD"))

    assert (reply.headers, reply.body) == ([JSON, (b"etag", b'W/"a"'), (b"vary", b"Accept-Encoding")], b"")


# Streams.


@pytest.mark.parametrize("coding", [b"gzip", b"br", b"zstd"])
async def test_events_are_each_sent_as_soon_as_they_are_there(coding: bytes) -> None:
    turns: asyncio.Queue[bytes] = asyncio.Queue()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield await turns.get()

    async def answer(_call: Call) -> Reply:
        return Reply(status=200, headers=[(b"content-type", b"text/event-stream")], body=endless())

    asked = call()
    asked.replace(b"accept-encoding", coding)
    reply = await around(answer)(asked)

    chunks, come = reply.chunks(), b""
    for n in range(3):
        turns.put_nowait(b"data: %d\n\n" % n)
        come += await anext(chunks)
        assert decoded(come, coding.decode()).endswith(b"data: %d\n\n" % n)


async def test_a_stream_is_compressed_without_its_length() -> None:
    told = [JSON, (b"content-length", b"%d" % (2 * len(TEXT)))]
    reply = await around(streaming(TEXT, TEXT, headers=told))(call())

    assert decoded(await read(reply), "gzip") == TEXT * 2
    assert reply.header(b"content-length") is None


async def test_a_stream_that_breaks_off_does_not_end_as_if_it_were_whole() -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield TEXT
        raise Nonsense("it broke off")

    async def answer(_call: Call) -> Reply:
        return Reply(status=200, headers=[(b"content-type", b"application/x-ndjson")], body=breaking())

    reply = await around(answer)(call())

    chunks = reply.chunks()
    assert decoded(await anext(chunks), "gzip") == TEXT
    with pytest.raises(Nonsense):
        await anext(chunks)


async def test_a_failure_is_none_of_its_business() -> None:
    async def failing(_call: Call) -> Reply:
        raise Problem(409, "taken")

    with pytest.raises(Problem, match="taken"):
        await around(failing)(call())
