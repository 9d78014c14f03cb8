"""What the edge reads from an ASGI server and writes to it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from gateway.upstream import ClientLeft, Headers, Reply
from kit.asgi import Receive, Send


def field(headers: Headers, name: bytes) -> bytes | None:
    """The first header field of this name (in lower case)."""
    return next((value for known, value in headers if known.lower() == name), None)


class Incoming:
    """A request as it comes in: its body, and the moment its client goes away."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        self._read = asyncio.Event()
        length = field(headers, b"content-length")
        self._has_body = field(headers, b"transfer-encoding") is not None or length not in {None, b"0"}

    @property
    def body(self) -> bytes | AsyncIterator[bytes]:
        """Nothing, or chunks as they come; reading no faster is what holds a fast client back."""
        return self._chunks() if self._has_body else b""

    async def _chunks(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._read.set()
                raise ClientLeft
            if chunk := message.get("body", b""):
                yield chunk
            more = message.get("more_body", False)
        self._read.set()

    async def client_left(self) -> None:
        """Return when the client has gone; it is looked for once nothing of the body is to come."""
        if self._has_body:
            await self._read.wait()
        await client_left(self._receive)


async def client_left(receive: Receive) -> None:
    """Return when the client of a request that has been read has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def unless_left(work: Coroutine[Any, Any, None], left: Coroutine[Any, Any, None]) -> None:
    """Do the work, unless the client leaves first: then it is cancelled."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(left)
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.wait([working, leaving])
    if not working.cancelled():
        working.result()


async def send_reply(reply: Reply, send: Send) -> None:
    """Send the reply, each chunk as soon as there is room for it.

    Raises:
        UpstreamError: the answer broke off after it had begun.
    """
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if isinstance(reply.body, bytes):
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})
        return
    async for chunk in reply.body:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
