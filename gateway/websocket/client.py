"""The client's end of a WebSocket; to the edge, its handshake looks like any other request."""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from gateway.access.log import Exchange
from gateway.upstream.message import Headers, field
from gateway.websocket.ending import FAILED, NO_CODE, Ending
from kit.asgi import Message, Receive, Scope, Send

SOCKET: Final = "frontispiece.websocket"
"""Where a scope has the `ClientSocket` of a handshake."""

PROTOCOL: Final = b"sec-websocket-protocol"

OF_THE_SERVER: Final = frozenset({b"connection", b"date", b"content-length", b"content-type", PROTOCOL})
"""What an answer that opens a WebSocket has of its server, or has not."""

SCHEMES: Final = {"ws": "http", "wss": "https"}


class Left(Exception):
    """The client has closed the WebSocket, or has gone."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class ClientSocket:
    """A WebSocket that a client asks for, and then has.

    Args:
        receive: the server's.
        send: the server's.
        offered: the subprotocols of which the service may choose one.
    """

    def __init__(self, receive: Receive, send: Send, offered: list[str]) -> None:
        self.offered = [each for each in offered if each]
        self._receive = receive
        self._send = send
        self._opened = False
        self._ended = False
        self._first: asyncio.Task[Message] | None = None
        """Reads what comes first, where it was looked whether the client is still there."""

    # For the edge, before it is open.

    async def until_left(self) -> Message:
        """Return when the client goes before it has its answer; what it sends is not lost."""
        if not self._opened:
            self._first = asyncio.ensure_future(self._receive())
            message = await asyncio.shield(self._first)
            if message["type"] == "websocket.disconnect" and not self._opened:
                return {"type": "http.disconnect"}
        await asyncio.Event().wait()  # whoever relays its messages sees to it
        raise AssertionError

    async def answer(self, message: Message) -> None:
        """Send what answers the handshake: 101 opens the WebSocket, all else is told as it is."""
        if self._opened:  # messages go by `send`
            return
        if message["type"] != "http.response.start":
            await self._send({**message, "type": "websocket.http.response.body"})
        elif message["status"] == HTTPStatus.SWITCHING_PROTOCOLS:
            await self._open(message["headers"])
        else:
            await self._send({**message, "type": "websocket.http.response.start"})

    async def _open(self, headers: Headers) -> None:
        chosen = field(headers, PROTOCOL)
        self._opened = True
        await self._send(
            {
                "type": "websocket.accept",
                "subprotocol": chosen.decode("latin-1") if chosen else None,
                "headers": [field for field in headers if field[0] not in OF_THE_SERVER],
            }
        )

    async def fail(self) -> None:
        """Say that the gateway failed, if it is open."""
        if self._opened:
            await self.close(FAILED)

    def let_go(self) -> None:
        """Read no more."""
        if self._first is not None:
            self._first.cancel()

    # For whoever relays, while it is open.

    async def message(self) -> str | bytes:
        """The next message.

        Raises:
            Left: there is none.
        """
        if self._first is not None:
            first, self._first = self._first, None
            came = await first
        else:
            came = await self._receive()
        if came["type"] == "websocket.disconnect":
            self._ended = True
            raise Left(came.get("code", NO_CODE), came.get("reason") or "")
        text: str | None = came.get("text")
        content: str | bytes = came["bytes"] if text is None else text
        return content

    async def send(self, message: str | bytes) -> None:
        """Send a message as soon as there is room for it.

        Raises:
            OSError: the client has gone; `message` tells how.
        """
        kind = "text" if isinstance(message, str) else "bytes"
        await self._send({"type": "websocket.send", kind: message})

    async def close(self, ending: Ending) -> None:
        """Tell the client that this is the end, unless it was the client who said so."""
        if self._ended:
            return
        self._ended = True
        with suppress(OSError):  # it has gone just now
            await self._send({"type": "websocket.close", "code": ending.code, "reason": ending.reason})


async def upgraded(exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
    """Have a handshake answered by what answers requests, and messages relayed until the WebSocket ends."""
    await receive()  # it says that the client asks, as the scope does
    socket = ClientSocket(receive, send, scope["subprotocols"])
    request = {
        **scope,
        "type": "http",
        "method": "GET",
        "scheme": SCHEMES[scope["scheme"]],
        SOCKET: socket,
    }
    try:
        await exchange(request, socket.until_left, socket.answer)
    except Exception:
        await socket.fail()
        raise
    finally:
        socket.let_go()
