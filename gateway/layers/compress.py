"""Answers take less room on the way, where that tells nobody a secret.

Services are asked for what they say as it is: what is behind (a cache among it) has one form of it, and what
is compressed and what is not is decided here.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

from gateway.call import Call, Handler, Layer
from gateway.compression import Encoder, Workers, coding_for, encoder
from gateway.layers.auth import CREDENTIALS
from gateway.policies.compress import Compress
from gateway.upstream import Headers, Reply
from kit.tokens import NOBODY

ACCEPTS: Final = b"accept-encoding"

COMPRESSIBLE: Final = re.compile(
    rb"(?:text/[^;\s]+|[^;\s]+\+(?:json|xml|text)|application/(?:json|json-seq|jsonl|x-ndjson|xml|javascript|"
    rb"x-javascript|ecmascript|graphql|wasm|yaml|toml|x-www-form-urlencoded)|font/(?:ttf|otf|collection)|"
    rb"image/(?:bmp|x-icon|vnd\.microsoft\.icon))\s*(?:;.*)?",
    re.IGNORECASE,
)
"""Media types whose content is not compressed by itself already."""

STREAMED: Final = re.compile(
    rb"(?:text/event-stream|application/(?:x-ndjson|jsonl|json-seq))\s*(?:;.*)?", re.IGNORECASE
)
"""Media types whose every piece is wanted as soon as it is there."""

_NO_TRANSFORM: Final = re.compile(rb"(?:^|[\s,])no-transform(?:$|[\s,])", re.IGNORECASE)
_WEAK: Final = re.compile(rb'W/("[^"]*")')

AS_IT_IS: Final = frozenset(
    {b"content-encoding", b"content-range", b"content-digest", b"repr-digest", b"digest", b"content-md5"}
)
"""With one of these an answer is encoded already, a part, or would no longer be what was signed."""

OF_THE_CONTENT: Final = frozenset({b"content-length", b"accept-ranges"})
"""What is no longer true of an answer that is compressed on the way."""

WITHOUT_CONTENT: Final = frozenset({204, 205, 206})
NOT_MODIFIED: Final = 304

VARY: Final = (b"vary", b"Accept-Encoding")


def compressed(policy: Compress, workers: Workers, *, credentials_pass: bool = False) -> Layer:
    """Compress answers as their clients like it.

    Args:
        policy: which answers.
        workers: compress big ones.
        credentials_pass: whether nobody asks here who is calling: then credentials tell that somebody is.
    """

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            coding = _coding(call, policy)
            known = credentials_pass and any(name in CREDENTIALS for name, _ in call.headers)
            _ask_for_it_as_it_is(call)
            reply = await inner(call)
            personal = known or (call.identity is not None and call.identity is not NOBODY)
            if (personal and not policy.personal) or not _may_be(reply, call.method, policy.min):
                return reply
            _vary(reply)
            if coding is None:
                return reply
            if reply.status == NOT_MODIFIED or call.method == "HEAD":  # as the answer to a GET would be
                reply.headers = [_weakened(each) for each in reply.headers if each[0] != b"content-length"]
            elif isinstance(reply.body, bytes):
                await _whole(reply, reply.body, coding, workers)
            else:
                streamed = STREAMED.fullmatch(reply.header(b"content-type") or b"") is not None
                reply.body = _pieces(reply.body, encoder(coding), workers, flush=streamed)
                reply.headers = _encoded(reply.headers, coding)
            return reply

        return handle

    return layer


def _coding(call: Call, policy: Compress) -> str | None:
    """The coding in which the client would like the answer."""
    accepted = [value for name, value in call.headers if name == ACCEPTS]
    if not accepted or call.header(b"range") is not None or _is_not_to_be_changed(call.headers):
        return None
    return coding_for(b",".join(accepted), policy.codings)


def _ask_for_it_as_it_is(call: Call) -> None:
    """Ask for no coding. The weak validators that clients got for strong ones are sent as both."""
    call.replace(ACCEPTS, b"identity")
    if (known := call.header(b"if-none-match")) is not None and b"W/" in known:
        call.headers = [
            (name, _WEAK.sub(rb"W/\1, \1", value) if name == b"if-none-match" else value)
            for name, value in call.headers
        ]


def _may_be(reply: Reply, method: str, least: int) -> bool:
    """Whether this answer is one of those that are compressed."""
    if reply.status in WITHOUT_CONTENT or any(name in AS_IT_IS for name, _ in reply.headers):
        return False
    if _is_not_to_be_changed(reply.headers):
        return False
    if reply.status == NOT_MODIFIED:
        return True
    if COMPRESSIBLE.fullmatch(reply.header(b"content-type") or b"") is None:
        return False
    length = reply.header(b"content-length")
    if length is not None:
        return length.isdigit() and int(length) >= least
    return method == "HEAD" or not isinstance(reply.body, bytes) or len(reply.body) >= least


def _is_not_to_be_changed(headers: Headers) -> bool:
    return any(name == b"cache-control" and _NO_TRANSFORM.search(value) for name, value in headers)


async def _whole(reply: Reply, content: bytes, coding: str, workers: Workers) -> None:
    encoded = await workers.whole(encoder(coding), content)
    if encoded is not None and len(encoded) < len(content):
        reply.body = encoded
        length = (b"content-length", b"%d" % len(encoded))
        reply.headers = [*_encoded(reply.headers, coding), length]


async def _pieces(
    body: AsyncIterator[bytes], made: Encoder, workers: Workers, *, flush: bool
) -> AsyncIterator[bytes]:
    async for chunk in body:
        content = await workers.piece(made, chunk)
        if flush:
            content += made.flush()
        if content:
            yield content
    yield made.end()


def _encoded(headers: Headers, coding: str) -> Headers:
    kept = [_weakened(each) for each in headers if each[0] not in OF_THE_CONTENT]
    return [*kept, (b"content-encoding", coding.encode())]


def _weakened(each: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """A strong validator stands for the very bytes, which are others now; other fields stay as they are."""
    name, value = each
    return (name, b"W/" + value) if name == b"etag" and not value.startswith(b"W/") else each


def _vary(reply: Reply) -> None:
    """Tell caches that others are answered otherwise."""
    for name, value in reply.headers:
        if name == b"vary" and (b"*" in value or b"accept-encoding" in value.lower()):
            return
    reply.headers = [*reply.headers, VARY]
