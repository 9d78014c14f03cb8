"""An exchange with its time, repeated where a kept connection turned out closed."""

import asyncio
from typing import Self
from urllib.parse import urlsplit

from gateway.upstream.bounds import IDEMPOTENT
from gateway.upstream.errors import TimedOut, Unreachable
from gateway.upstream.message import Reply, Request
from gateway.upstream.native.answer import Answer
from gateway.upstream.native.connection import Closed, Connection
from gateway.upstream.native.opening import declared_length, opening
from gateway.upstream.native.pool import NOT_MADE, Pool


class NativeTransport:
    """Sends to one address in the clear, such as `http://catalog:8000`.

    Args:
        address: scheme, host and port.
        most: connections there may be; further requests wait, first come first served.
        idle: connections that are kept for later requests.
        expiry: seconds that they are kept: less than servers keep theirs (uvicorn: 5 s), so that no request
            meets a closing one.
    """

    def __init__(self, address: str, *, most: int = 256, idle: int = 256, expiry: float = 4.0) -> None:
        parts = urlsplit(address)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{address!r} is no address in the clear.")
        self._host = parts.netloc.encode("idna")
        self._pool = Pool(parts.hostname, parts.port or 80, most=most, idle=idle, expiry=expiry)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._pool.close()

    async def send(self, request: Request) -> Reply:
        """Send through a pooled connection; a small answer is whole, and the connection back in the pool.

        Raises:
            UpstreamError: there is no answer.
            ClientLeft: the request's body broke off.
            ValueError: what is asked for cannot be written as one request, or its length is another.
        """
        start = opening(self._host, request)
        deadline = asyncio.get_running_loop().time() + request.timeout
        connection = self._pool.take() or await self._connection(request, deadline)
        try:
            return await _exchange(connection, start, request, deadline)
        except Closed:  # it crossed our request on the way, which then was not looked at: nearly for certain
            if request.method not in IDEMPOTENT or not isinstance(request.body, bytes):
                raise
        connection = await self._connection(request, deadline, new=True)
        return await _exchange(connection, start, request, deadline)

    async def _connection(self, request: Request, deadline: float, *, new: bool = False) -> Connection:
        connecting = False
        try:
            async with asyncio.timeout_at(deadline):
                kept = await self._pool.place()
                while kept is not None and not kept.is_open():
                    kept = await self._pool.place()
                if kept is not None and not new:
                    return kept
                if kept is not None:
                    self._pool.instead_of(kept)
                connecting = True
                return await self._pool.connect()
        except TimeoutError:
            if connecting:
                raise Unreachable(NOT_MADE) from None
            raise TimedOut(f"no answer in {request.timeout:.3g} s") from None


async def _exchange(connection: Connection, start: bytes, request: Request, deadline: float) -> Reply:
    """Send a request by this connection and wait for its reply, or for the head of one."""
    answer = Answer(bodyless=request.method == "HEAD")
    waiting = connection.ask(start, answer, request.timeout)
    upload = None
    if not isinstance(request.body, bytes):
        upload = connection.upload(answer, request.body, declared_length(request.headers))
    timer = asyncio.get_running_loop().call_at(deadline, connection.late, answer)
    try:
        reply = await waiting
    except BaseException:
        await connection.give_up(answer)
        if upload is not None:
            await asyncio.wait([upload])
        raise
    finally:
        timer.cancel()
    if upload is not None and isinstance(reply.body, bytes):
        await asyncio.wait([upload])  # it is over, or cancelled where the answer did not wait for its end
    return reply
