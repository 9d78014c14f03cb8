"""`Http1Transport`: an exchange within its timeout, repeated if a reused connection turned out closed."""

import asyncio
from typing import Self
from urllib.parse import urlsplit

from frontispiece.http.headers import IDEMPOTENT_METHODS
from frontispiece.http.messages import BodyStream, Reply, Request
from frontispiece.upstream.call_context import now
from frontispiece.upstream.errors import TimedOut, Unreachable
from frontispiece.upstream.transports.http1.connection import Connection, ConnectionClosed
from frontispiece.upstream.transports.http1.pool import NO_CONNECTION, Pool
from frontispiece.upstream.transports.http1.request_writer import declared_length, encode_request_head
from frontispiece.upstream.transports.http1.response_parser import ResponseParser


class Http1Transport:
    """Sends to one address without TLS, such as `http://things:8000`.

    Args:
        host: what requests have as their `Host`; that of the address when left out.
        idle_timeout: seconds that idle ones are kept: less than servers keep theirs (uvicorn: 5 s), so that
            no request meets a closing one.
    """

    def __init__(
        self, address: str, *, host: str = "", max_connections: int = 256, idle_timeout: float = 4.0
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{address!r} is no address without TLS.")
        self._host = b"host: %b\r\n" % (host or parts.netloc).encode("idna")
        self._pool = Pool(
            parts.hostname,
            parts.port or 80,
            max_connections=max_connections,
            idle_timeout=idle_timeout,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._pool.close()

    async def send(self, request: Request) -> Reply:
        """Send through a pooled connection; the reply to a small response is complete.

        Raises:
            UpstreamError: there is no response.
            ClientDisconnected: the client went away before its body was complete.
            ValueError: the request cannot be encoded, or its body has another length than declared.
        """
        head = encode_request_head(self._host, request)
        began = now()
        deadline = began + request.timeout
        connection = self._pool.take_idle(began) or await self._connection(request, deadline)
        if not isinstance(request.body, bytes):
            body = request.body if isinstance(request.body, BodyStream) else BodyStream(request.body)
            return await _send_stream(connection, head, request, body, deadline)
        while True:
            response = ResponseParser(request.method, request.on_interim)
            try:
                return await connection.send(head, response, deadline, request.timeout)
            except ConnectionClosed:  # it crossed the request, which was almost certainly not processed
                if request.method not in IDEMPOTENT_METHODS:
                    raise
            except BaseException:
                await connection.abandon(response)
                raise
            connection = await self._connection(request, deadline, new=True)

    async def _connection(self, request: Request, deadline: float, *, new: bool = False) -> Connection:
        connecting = False
        try:
            async with asyncio.timeout_at(deadline):
                idle = await self._pool.acquire()
                while idle is not None and idle.is_closing():
                    idle = await self._pool.acquire()
                if idle is not None and not new:
                    return idle
                if idle is not None:
                    self._pool.replace(idle)
                connecting = True
                return await self._pool.connect()
        except TimeoutError:
            if connecting:
                raise Unreachable(NO_CONNECTION) from None
            raise TimedOut(f"no answer in {request.timeout:.3g} s") from None


async def _send_stream(
    connection: Connection, head: bytes, request: Request, body: BodyStream, deadline: float
) -> Reply:
    """Send a request whose body comes in chunks, once, and wait for the head of the response."""
    response = ResponseParser(request.method, request.on_interim)
    waiting = connection.send(head, response, deadline, request.timeout)
    upload = connection.upload(response, body, declared_length(request.headers))
    try:
        reply = await waiting
    except BaseException:
        await connection.abandon(response)
        await upload.ended()
        raise
    if isinstance(reply.body, bytes):
        await upload.ended()  # it is over, or cancelled when the response came before its end
    return reply
