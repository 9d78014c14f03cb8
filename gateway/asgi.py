"""What the edge reads from an ASGI server and writes to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from gateway.upstream import ClientLeft, Headers, Reply, field
from kit.asgi import Receive, Send
from kit.problems import MEDIA_TYPE, Problem


class Incoming:
    """A request as it comes in: its body, and the moment its client goes away."""

    def __init__(self, headers: Headers, receive: Receive) -> None:
        self._receive = receive
        length = field(headers, b"content-length")
        has_body = field(headers, b"transfer-encoding") is not None or length not in {None, b"0"}
        self._read = asyncio.Event() if has_body else None

    @property
    def body(self) -> bytes | AsyncIterator[bytes]:
        """Nothing, or chunks as they come; reading no faster is what holds a fast client back."""
        return b"" if self._read is None else self._chunks(self._read)

    async def _chunks(self, read: asyncio.Event) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                read.set()
                raise ClientLeft
            if chunk := message.get("body", b""):
                yield chunk
            more = message.get("more_body", False)
        read.set()

    async def client_left(self) -> None:
        """Return when the client has gone; it is looked for once nothing of the body is to come."""
        if self._read is not None:
            await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


LOOKS_AFTER = 0.1
"""Seconds until it is looked whether the client is still there: most answers are there before."""


async def unless_left(
    work: Coroutine[Any, Any, None], client_left: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Do the work, unless the client leaves first: then it is cancelled.

    It is looked for in a task of its own, but only of an answer that takes a while: a task for each request
    would cost more than many an answer.
    """
    loop = asyncio.get_running_loop()
    working = asyncio.current_task()
    assert working is not None
    before = working.cancelling()
    watching: asyncio.Task[None] | None = None
    left = False

    async def watch() -> None:
        nonlocal left
        await client_left()
        left = True
        working.cancel()

    def begin() -> None:
        nonlocal watching
        watching = loop.create_task(watch())

    timer = loop.call_later(LOOKS_AFTER, begin)
    try:
        await work
    except asyncio.CancelledError:
        if not left or working.cancelling() > before + 1:  # somebody else ends it as well
            raise
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()
        if left:
            working.uncancel()


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


def told(problem: Problem, request_id: bytes | None) -> Reply:
    """A problem as clients get it."""
    headers = [
        (key.lower().encode(), value.encode("latin-1", "replace")) for key, value in problem.headers.items()
    ]
    headers.append((b"content-type", MEDIA_TYPE.encode()))
    return Reply.whole(
        problem.status, problem.body(request_id.decode("latin-1") if request_id else None), headers
    )
