"""The service's end of a WebSocket: a connection to it, or an app in this process."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

from frontispiece.http.asgi import App, Message
from frontispiece.http.messages import Headers
from frontispiece.http.problems import Problem

log = logging.getLogger(__name__)

CLOSE_TIMEOUT: Final = 5.0
"""Seconds that the app may take to end after a disconnect."""

MAX_QUEUE: Final = 4
"""Messages either way that may wait."""


class RemoteSocket:
    """One WebSocket of a service that is reached by a connection, which has been opened.

    `headers` are those of the response that has opened it.
    """

    def __init__(self, connection: ClientConnection, headers: Headers) -> None:
        self.headers = headers
        self.subprotocol = connection.subprotocol
        self.recv = connection.recv
        self.send = connection.send
        self.close = connection.close
        self.abort = connection.transport.abort


class MountedSocket:
    """One WebSocket of an app that the gateway has mounted."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue(MAX_QUEUE)
        self._from_app: asyncio.Queue[Message] = asyncio.Queue(MAX_QUEUE)
        self._task: asyncio.Future[None] | None = None
        self.headers: Headers = []
        self.subprotocol: str | None = None

    async def open(self, path: str, query: bytes, headers: Headers, subprotocols: Sequence[str]) -> Self:
        """Open it.

        Raises:
            Problem: 403, the app refuses.
        """
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query,
            "headers": headers,
            "subprotocols": list(subprotocols),
        }
        self._task = asyncio.ensure_future(self._run(scope))
        self._to_app.put_nowait({"type": "websocket.connect"})
        try:
            answer = await self._from_app.get()
        except BaseException:
            self.abort()
            raise
        if answer["type"] != "websocket.accept":
            raise Problem(403, "websocket-refused", "The service opens no WebSocket with this subprotocol.")
        self.subprotocol = answer.get("subprotocol")
        return self

    async def recv(self) -> str | bytes:
        """The next message of the app.

        Raises:
            ConnectionClosed: there is none, with the app's close frame.
        """
        message = await self._from_app.get()
        if message["type"] == "websocket.close":
            self._from_app.put_nowait(message)  # for whoever reads again
            raise _closed(message)
        text: str | None = message.get("text")
        data: bytes = message.get("bytes") or b""
        return data if text is None else text

    async def send(self, message: str | bytes) -> None:
        """Send the app a message."""
        kind = "text" if isinstance(message, str) else "bytes"
        await self._to_app.put({"type": "websocket.receive", kind: message})

    async def close(self, code: int, reason: str) -> None:
        """Tell the app, and wait until it has ended."""
        assert self._task is not None
        if not self._task.done():
            await self._to_app.put({"type": "websocket.disconnect", "code": code, "reason": reason})
            await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT)

    def abort(self) -> None:
        """Cancel the app."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, scope: Message) -> None:
        left: Message = {"type": "websocket.close"}
        try:
            await self._app(scope, self._to_app.get, self._from_app.put)
        except Exception:
            log.exception("A mounted app failed in a WebSocket")
        else:
            left["code"] = 1000
        await self._from_app.put(left)


def _closed(message: Message) -> ConnectionClosedError:
    code = message.get("code")
    received = None if code is None else Close(code, message.get("reason") or "")
    return ConnectionClosedError(received, received, rcvd_then_sent=True if received else None)


ServiceSocket = RemoteSocket | MountedSocket
