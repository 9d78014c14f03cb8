"""The transport for TLS and HTTP/2: httpx. Tests put respx under it."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Self

import httpx

from frontispiece.http.client import default_trust
from frontispiece.http.messages import Reply, Request, whole_or_stream
from frontispiece.upstream.errors import IncompleteResponse, InvalidResponse, TimedOut, Unreachable
from frontispiece.upstream.outcome import response_deadline

LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=4.0)
"""Idle connections expire before servers close theirs (uvicorn: 5 s): no request meets a closing one."""

GRACE = 0.02
"""Seconds more for a request than for its connecting, reading or writing, whose timeouts say what is late."""

DISCONNECTED = ("disconnected", "closed connection")
"""In the messages of httpx for a connection that was closed, which has no type of its own."""


class HttpxTransport:
    """Sends to one address, such as `https://things`.

    Args:
        http2: speak HTTP/2, which the upstream must support. httpcore sends no RST_STREAM for a cancelled
            request: the upstream finishes its work.
        trusted: the certificates to trust; by default those of the machine, or of `SSL_CERT_FILE`.
    """

    def __init__(self, address: str, *, http2: bool = False, trusted: ssl.SSLContext | None = None) -> None:
        self._address = address.rstrip("/")
        verify = trusted or default_trust()
        self._transport = httpx.AsyncHTTPTransport(limits=LIMITS, verify=verify, http1=not http2, http2=http2)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._transport.aclose()

    async def send(self, request: Request) -> Reply:
        """Send through a pooled connection; the reply gives it back when it is released."""
        body, timeout = whole_or_stream(request.body), request.timeout
        outgoing = httpx.Request(
            request.method,
            self._address + request.target,
            headers=request.headers,
            content=body or None,
            extensions={
                "timeout": httpx.Timeout(timeout).as_dict(),
                "target": request.target.encode("latin-1"),  # to the byte, where a URL would be made neater
            },
        )
        with response_deadline(body, timeout, GRACE), _named_failures(request.method, timeout):
            response = await self._transport.handle_async_request(outgoing)
        return Reply(
            status=response.status_code,
            headers=[(name.lower(), value) for name, value in response.headers.raw],
            body=_chunks(response, request.method, timeout),
            release=response.aclose,
        )


async def _chunks(response: httpx.Response, method: str, seconds: float) -> AsyncIterator[bytes]:
    with _named_failures(method, seconds):
        async for chunk in response.aiter_raw():
            yield chunk


@contextmanager
def _named_failures(method: str, seconds: float) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unreachable("no connection could be made") from error
    except httpx.TimeoutException as error:
        raise TimedOut(f"no answer in {seconds:.3g} s") from error
    except httpx.TransportError as error:
        if isinstance(error, httpx.NetworkError) or any(word in str(error) for word in DISCONNECTED):
            raise IncompleteResponse("it broke off", method) from error
        raise InvalidResponse("it does not speak HTTP") from error
