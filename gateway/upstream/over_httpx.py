"""The transport for upstreams that speak TLS, HTTP/2 among them: httpx. Tests put respx under it, too."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Self

import httpx

from gateway.upstream.errors import Nonsense, TimedOut, Unreachable
from gateway.upstream.message import Reply, Request

LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=4.0)
"""Idle connections end before servers end theirs (uvicorn: 5 s), so that no request meets a closing one."""


@cache
def _trusted() -> ssl.SSLContext:
    """Whom TLS upstreams are believed to be: read once, for it takes a while."""
    return httpx.create_ssl_context()


class HttpxTransport:
    """Sends to one address, such as `https://catalog`.

    Args:
        address: scheme, host and port.
        http2: speak HTTP/2, which the upstream must. A call that is given up is then only forgotten here:
            httpcore does not tell the upstream, whose work goes on until it is done.
        trusted: whom a TLS upstream is believed to be; by default whom this machine trusts, and with
            `SSL_CERT_FILE` in the environment whom that file names.
    """

    def __init__(self, address: str, *, http2: bool = False, trusted: ssl.SSLContext | None = None) -> None:
        self._address = address.rstrip("/")
        verify = trusted or _trusted()
        self._transport = httpx.AsyncHTTPTransport(limits=LIMITS, verify=verify, http1=not http2, http2=http2)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._transport.aclose()

    async def send(self, request: Request) -> Reply:
        """Send through a pooled connection; the reply gives it back when it is released."""
        outgoing = httpx.Request(
            request.method,
            self._address + request.target,
            headers=request.headers,
            content=request.body or None,
            extensions={
                "timeout": httpx.Timeout(request.timeout).as_dict(),
                "target": request.target.encode("latin-1"),  # to the byte, where a URL would be made neater
            },
        )
        with _named_failures(request.timeout):
            response = await self._transport.handle_async_request(outgoing)
        return Reply(
            status=response.status_code,
            headers=[(name.lower(), value) for name, value in response.headers.raw],
            body=_chunks(response, request.timeout),
            release=response.aclose,
        )


async def _chunks(response: httpx.Response, seconds: float) -> AsyncIterator[bytes]:
    with _named_failures(seconds):
        async for chunk in response.aiter_raw():
            yield chunk


@contextmanager
def _named_failures(seconds: float) -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as fault:
        raise Unreachable("no connection could be made") from fault
    except httpx.TimeoutException as fault:
        raise TimedOut(f"no answer in {seconds:.3g} s") from fault
    except httpx.TransportError as fault:
        raise Nonsense("it broke off or does not speak HTTP") from fault
