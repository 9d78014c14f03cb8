"""Requests and replies with streaming bodies, and the `Transport` that takes one and returns the other."""

from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Protocol, Self

from msgspec import Struct

Headers = list[tuple[bytes, bytes]]
"""Header fields in order, names in lower case."""


def field(headers: Headers, name: bytes) -> bytes | None:
    """The first header field of this name (in lower case)."""
    for known, value in headers:
        if known == name:
            return value
    return None


class HeaderSection(Headers):
    """The header fields of a request, which nobody changes.

    Connections repeat theirs: what has been found out about them stays with them.
    """

    __slots__ = ("by_name", "forwardable")

    def __init__(self, headers: Headers) -> None:
        super().__init__(headers)
        self.by_name = dict(reversed(headers))
        """Of several of one name, the first."""
        self.forwardable: Headers | None = None
        """What a gateway passes on of them, once it has checked them."""


class ClientDisconnected(Exception):
    """The client disconnected while its request's body was still on its way."""


class ResponseBrokeOff(Exception):
    """The body of a response cannot be completed, which has been logged: its connection is closed."""


class BodyTooLarge(Exception):
    """A body is longer than its reader allows.

    Args:
        limit: in bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is longer than {limit} bytes")
        self.limit = limit


class BodyStream:
    """The body of a client's request in chunks, which knows whether its client's time passes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.is_begun = False
        """Whether anything of it has been read."""
        self.is_ended = False
        """Whether it has come completely."""
        self.is_awaited = False
        """Whether a chunk is being waited for, or was when reading broke off: lateness is the client's."""
        self.moved = monotonic()
        """When the last chunk came, or the end, in the event loop's time; or when it was made."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self.is_begun = self.is_awaited = True
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self._move()
            self.is_ended = True
            raise
        self._move()
        return chunk

    def _move(self) -> None:
        self.is_awaited = False
        self.moved = monotonic()

    def service_seconds(self) -> float:
        """For how long the service has kept the exchange waiting, not the client."""
        return 0.0 if self.is_awaited else monotonic() - self.moved


def whole_or_stream(body: bytes | AsyncIterator[bytes]) -> bytes | BodyStream:
    """The same body, its chunks as a `BodyStream`, which they may be already."""
    return body if isinstance(body, bytes | BodyStream) else BodyStream(body)


class IncomingRequest(Struct, kw_only=True, eq=False):
    """A request from a client, as the server hands it to an app that has `respond(request) -> Reply`.

    Attributes:
        method: the HTTP method.
        target: path and query in origin form, percent-encoded as the client sent them.
        headers: every header field, without the trailers.
        body: bytes when it is complete, or an iterator over chunks, which raises `ClientDisconnected` when
            the client is gone.
        http_version: `1.1` or `1.0`.
        client_ip: the address of the connection's other end.
        scheme: `http` or `https`, of the connection.
        send_interim: writes an interim response, such as 103, before the final one; does nothing for
            clients that cannot read one.
    """

    method: str
    target: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    http_version: str
    client_ip: str
    scheme: str
    send_interim: Callable[[int, Headers], None]


class Request(Struct, kw_only=True, eq=False):
    """A request to an upstream.

    Attributes:
        method: the HTTP method.
        target: path and query, percent-encoded, beginning with `/`.
        headers: end-to-end headers; the transport adds `Host` and the framing.
        body: bytes, or an iterator over chunks, which raises `ClientDisconnected` when the client is gone.
        timeout: seconds until the response's headers, and between two chunks of its body. A body in chunks
            has as long itself; then the service has its time from the end of a `BodyStream` on.
        on_interim: called with status and headers of each interim response (1xx) but `100 Continue`, by a
            transport that has them: httpx and ASGI do not.
        lines: the headers, encoded; None where the transport has to do that.
    """

    method: str
    target: str
    headers: Headers = []
    body: bytes | AsyncIterator[bytes] = b""
    timeout: float = 10.0
    on_interim: Callable[[int, Headers], None] | None = None
    lines: bytes | None = None


async def read_whole(body: bytes | AsyncIterator[bytes], limit: int) -> bytes:
    """A whole body, at most `limit` bytes.

    Raises:
        BodyTooLarge: it is longer.
    """
    if isinstance(body, bytes):
        if len(body) > limit:
            raise BodyTooLarge(limit)
        return body
    chunks = []
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(limit)
        chunks.append(chunk)
    return b"".join(chunks)


async def _release_nothing() -> None:
    """The body holds no connection."""


async def _one_chunk(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content


class Reply(Struct, kw_only=True, eq=False):
    """A response whose body may still have to be read.

    Use it in `async with`, or pass it on to a caller that does: the exit releases the connection of its body.

    Attributes:
        status: the HTTP status code.
        headers: end-to-end and hop-by-hop headers as they came.
        body: bytes when it is complete, or an iterator over chunks.
        release: gives back the connection that the body is read from.
    """

    status: int
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    release: Callable[[], Awaitable[None]] = _release_nothing

    @classmethod
    def whole(cls, status: int, content: bytes, headers: Headers) -> Self:
        """A complete reply; `Content-Length` is added."""
        return cls(
            status=status,
            headers=[*headers, (b"content-length", str(len(content)).encode())],
            body=content,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.release()

    def header(self, name: bytes) -> bytes | None:
        """The first field of this name (in lower case)."""
        return field(self.headers, name)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body in chunks."""
        return _one_chunk(self.body) if isinstance(self.body, bytes) else self.body

    async def read(self, limit: int) -> bytes:
        """The whole body, at most `limit` bytes.

        Raises:
            BodyTooLarge: it is longer.
        """
        return await read_whole(self.body, limit)


class Transport(Protocol):
    """Sends requests to one address. Nothing else in the code knows which implementation is in use."""

    async def __aenter__(self) -> Self:
        """Open it for sending."""
        ...

    async def __aexit__(self, *exc: object) -> None:
        """Close every connection."""
        ...

    async def send(self, request: Request) -> Reply:
        """Send the request and return once the response's headers have arrived.

        Raises:
            UpstreamError: no response.
            ClientDisconnected: the client went away before its body was complete.
        """
        ...
