"""Server-sent events (WHATWG HTML, 9.2): a response that goes on as things happen."""

import asyncio
from collections.abc import AsyncGenerator

from fastapi import Response

from frontispiece.http import ServerSentEvent
from frontispiece.http.asgi import Receive, Scope, Send

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that nobody on the way takes the stream for dead."""


class EventStream(Response):
    """A response of events, until there are no more or the client goes away; then the generator is closed."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[ServerSentEvent, None]) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _send(send, b":\n\n")  # the client knows at once that the stream is open
        gone = asyncio.create_task(_disconnect(receive))
        tasks: set[asyncio.Task[object]] = {gone}
        try:
            following = self._next(tasks)
            while True:
                done, _ = await asyncio.wait(tasks, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED)
                if gone in done:
                    return
                if not done:
                    await _send(send, b":\n\n")
                    continue
                tasks.discard(following)
                if (event := following.result()) is None:
                    break
                await _send(send, event.encode())
                following = self._next(tasks)
            await send({"type": "http.response.body", "body": b""})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await self._events.aclose()

    def _next(self, tasks: set[asyncio.Task[object]]) -> "asyncio.Task[ServerSentEvent | None]":
        async def following() -> ServerSentEvent | None:
            return await anext(self._events, None)

        task = asyncio.create_task(following())
        tasks.add(task)
        return task


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnect(receive: Receive) -> None:
    """Return when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
