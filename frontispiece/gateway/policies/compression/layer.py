"""The layer that compresses responses.

Services are asked for uncompressed responses, so that all that lies behind, the cache included, has one form
of a response.
"""

import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.policies.cache.serving import StoredReply
from frontispiece.gateway.policies.compression.config import Compression
from frontispiece.gateway.policies.compression.encoders import ENCODERS, Encoder, Workers
from frontispiece.http.accept import preferred_coding
from frontispiece.http.cache_control import cache_control
from frontispiece.http.headers import CREDENTIALS
from frontispiece.security import ANONYMOUS
from frontispiece.upstream import Headers, Reply

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

ACCEPT_ENCODING: Final = b"accept-encoding"

COMPRESSIBLE: Final = re.compile(
    rb"(?:text/[^;\s]+|[^;\s]+\+(?:json|xml|text)|application/(?:json|json-seq|jsonl|x-ndjson|xml|javascript|"
    rb"x-javascript|ecmascript|graphql|wasm|yaml|toml|x-www-form-urlencoded)|font/(?:ttf|otf|collection)|"
    rb"image/(?:bmp|x-icon|vnd\.microsoft\.icon))\s*(?:;.*)?",
    re.IGNORECASE,
)
"""Media types that are not compressed by themselves."""

STREAMED: Final = re.compile(
    rb"(?:text/event-stream|application/(?:x-ndjson|jsonl|json-seq))\s*(?:;.*)?", re.IGNORECASE
)
"""Media types of which every chunk is sent at once."""

_WEAK_TAG: Final = re.compile(rb'W/("[^"]*")')

UNCHANGEABLE: Final = frozenset(
    {b"content-encoding", b"content-range", b"content-digest", b"repr-digest", b"digest", b"content-md5"}
)
"""A response with one of these fields is encoded already, a part, or has a digest of its content."""

UNCOMPRESSED_ONLY: Final = frozenset({b"content-length", b"accept-ranges"})
"""Fields that do not hold for the compressed response."""

NO_CONTENT: Final = frozenset({204, 205, 206})
NOT_MODIFIED: Final = 304

VARY: Final = (b"vary", b"Accept-Encoding")


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of a route whose responses are compressed."""
    if route.compression:
        yield compression_layer(
            route.compression,
            resources.runtime.compression,
            passthrough=route.auth == "passthrough",
        )


def compression_layer(policy: Compression, workers: Workers, *, passthrough: bool = False) -> Layer:
    """Compress responses in the coding that the client prefers.

    With `passthrough` the service authenticates callers: then credentials make a call authenticated.
    """

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            coding = _coding(call, policy)
            authenticated = passthrough and any(name in CREDENTIALS for name, _ in call.headers)
            _request_uncompressed(call)
            reply = await inner(call)
            authenticated |= call.identity is not None and call.identity is not ANONYMOUS
            if (authenticated and not policy.authenticated) or not _is_compressible(
                reply, call.method, policy.min_size
            ):
                return reply
            _add_vary(reply)
            if coding is None:
                return reply
            if reply.status == NOT_MODIFIED or call.method == "HEAD":  # as the response to a GET would be
                reply.headers = [_weakened(field) for field in reply.headers if field[0] != b"content-length"]
            elif isinstance(reply.body, bytes):
                await _compress_body(reply, reply.body, coding, workers)
            else:
                streamed = STREAMED.fullmatch(reply.header(b"content-type") or b"") is not None
                reply.body = _compressed_chunks(reply.body, ENCODERS[coding](), workers, flush=streamed)
                reply.headers = _compressed_headers(reply.headers, coding)
            return reply

        return handle

    return layer


def _coding(call: Call, policy: Compression) -> str | None:
    """The coding that the client prefers; None when the response must not be compressed for it."""
    accepted = [value for name, value in call.headers if name == ACCEPT_ENCODING]
    if not accepted or call.header(b"range") is not None or _forbids_transform(call.headers):
        return None
    return preferred_coding(b",".join(accepted).decode("latin-1"), policy.codings)


def _request_uncompressed(call: Call) -> None:
    """Ask for no coding, and send weak entity tags in their strong form, too: we may have weakened them."""
    call.replace(ACCEPT_ENCODING, b"identity")
    if b"if-none-match" in dict(call.headers):
        call.headers = [
            (name, _WEAK_TAG.sub(rb"W/\1, \1", value) if name == b"if-none-match" else value)
            for name, value in call.headers
        ]


def _is_compressible(reply: Reply, method: str, min_size: int) -> bool:
    is_encoded = not UNCHANGEABLE.isdisjoint(dict(reply.headers))
    if reply.status in NO_CONTENT or is_encoded or _forbids_transform(reply.headers):
        return False
    if reply.status == NOT_MODIFIED:
        return True
    if COMPRESSIBLE.fullmatch(reply.header(b"content-type") or b"") is None:
        return False
    length = reply.header(b"content-length")
    if length is not None:
        return length.isdigit() and int(length) >= min_size
    return method == "HEAD" or not isinstance(reply.body, bytes) or len(reply.body) >= min_size


def _forbids_transform(headers: Headers) -> bool:
    return "no-transform" in cache_control(headers)


async def _compress_body(reply: Reply, body: bytes, coding: str, workers: Workers) -> None:
    """Compress a whole body if that makes it shorter; one that is stored, once."""
    stored = reply.encoded_bodies if isinstance(reply, StoredReply) else None
    compressed = stored.get(coding) if stored else None
    if compressed is None:
        compressed = await workers.encode_body(ENCODERS[coding](), body)
        if compressed is None:  # all threads are busy
            return
        if len(compressed) >= len(body):
            compressed = b""
        if stored:
            stored.put(coding, compressed)
    if compressed:
        reply.body = compressed
        length = (b"content-length", b"%d" % len(compressed))
        reply.headers = [*_compressed_headers(reply.headers, coding), length]


async def _compressed_chunks(
    body: AsyncIterator[bytes], encoder: Encoder, workers: Workers, *, flush: bool
) -> AsyncIterator[bytes]:
    async for chunk in body:
        compressed = await workers.encode_chunk(encoder, chunk) + (encoder.flush() if flush else b"")
        if compressed:
            yield compressed
    yield encoder.finish()


def _compressed_headers(headers: Headers, coding: str) -> Headers:
    remaining = [_weakened(field) for field in headers if field[0] not in UNCOMPRESSED_ONLY]
    return [*remaining, (b"content-encoding", coding.encode())]


def _weakened(field: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The field, a strong entity tag made weak: it stood for the uncompressed bytes."""
    name, value = field
    return (name, b"W/" + value) if name == b"etag" and not value.startswith(b"W/") else field


def _add_vary(reply: Reply) -> None:
    for name, value in reply.headers:
        if name == b"vary" and (b"*" in value or b"accept-encoding" in value.lower()):
            return
    reply.headers = [*reply.headers, VARY]
