"""What goes to an upstream and comes back, and the one method of a transport."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, Self

from gateway.upstream.errors import Nonsense

Headers = list[tuple[bytes, bytes]]
"""Header fields in order, names in lower case."""


def field(headers: Headers, name: bytes) -> bytes | None:
    """The first header field of this name (in lower case)."""
    for known, value in headers:
        if known == name:
            return value
    return None


class ClientLeft(Exception):
    """The client went away in the middle of its request: nobody waits for an answer."""


@dataclass(kw_only=True, slots=True)
class Request:
    """A request to an upstream.

    Args:
        method: the HTTP method.
        target: path and query, percent-encoded, from `/`.
        headers: end-to-end headers; the transport adds `Host` and the framing.
        body: whole, or in chunks as they come; `ClientLeft` comes instead of a chunk that never will.
        timeout: seconds until the answer's headers, and between two chunks of its body.
    """

    method: str
    target: str
    headers: Headers = dataclasses.field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""
    timeout: float = 10.0


async def _nothing() -> None:
    """Release nothing: the body holds no connection."""


async def _one_chunk(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content


@dataclass(kw_only=True, slots=True)
class Reply:
    """An answer whose body may still have to be read.

    Use it in `async with`, or hand it on to somebody who does: leaving it releases what the body holds.

    Args:
        status: the HTTP status code.
        headers: end-to-end headers, and those of the connection that it came by.
        body: whole, when it is there already, or in chunks as they come.
        release: lets go of what the body holds.
    """

    status: int
    headers: Headers
    body: bytes | AsyncIterator[bytes]
    release: Callable[[], Awaitable[None]] = _nothing

    @classmethod
    def whole(cls, status: int, content: bytes, headers: Headers) -> Self:
        """A reply that is there already; its length is told."""
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
        """The body as it comes."""
        return _one_chunk(self.body) if isinstance(self.body, bytes) else self.body

    async def read(self, limit: int) -> bytes:
        """The whole body, at most `limit` bytes.

        Raises:
            Nonsense: it is longer.
        """
        if isinstance(self.body, bytes):
            if len(self.body) > limit:
                raise Nonsense(f"its answer is longer than {limit} bytes")
            return self.body
        chunks = []
        size = 0
        async for chunk in self.body:
            size += len(chunk)
            if size > limit:
                raise Nonsense(f"its answer is longer than {limit} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


class Transport(Protocol):
    """A way to reach one address. Nothing else in the code knows which one is in use."""

    async def __aenter__(self) -> Self:
        """Make ready to send."""
        ...

    async def __aexit__(self, *exc: object) -> None:
        """Let go of every connection."""
        ...

    async def send(self, request: Request) -> Reply:
        """Send and return as soon as the answer's headers are there.

        Raises:
            UpstreamError: there is no answer.
            ClientLeft: the request's body broke off.
        """
        ...
