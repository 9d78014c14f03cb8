"""The client's end of a WebSocket, whose handshake is a request like any other, and how it closes."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from frontispiece.http.asgi import Message, Receive, Scope, Send, respond_over_asgi
from frontispiece.http.messages import Headers, IncomingRequest, Reply, field

PROTOCOL: Final = b"sec-websocket-protocol"

SERVER_HEADERS: Final = frozenset({b"connection", b"date", b"content-length", b"content-type", PROTOCOL})
"""Headers of a response that opens a WebSocket which the server sets, or which it has not."""

SCHEMES: Final = {"ws": "http", "wss": "https"}


# Close codes (RFC 6455, 7.4), which both ends get.
NORMAL: Final = 1000
GOING_AWAY: Final = 1001
NO_CODE: Final = 1005
"""Stands for a close frame without a code."""
POLICY: Final = 1008
TOO_BIG: Final = 1009
INTERNAL: Final = 1011
RESTART: Final = 1012
BAD_GATEWAY: Final = 1014

SENDABLE: Final = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
"""Codes that may be in a close frame."""


@dataclass(frozen=True, slots=True)
class Close:
    """Why a WebSocket ends: the code, as it is sent and counted, and a reason in a few words."""

    code: int
    reason: str = ""


IDLE: Final = Close(GOING_AWAY, "idle")
MAX_DURATION: Final = Close(GOING_AWAY, "it has reached its maximum duration")
LOGIN_ENDED: Final = Close(POLICY, "the login has ended")
ROUTE_CHANGED: Final = Close(RESTART, "the route has changed")
GATEWAY_FAILED: Final = Close(INTERNAL, "the gateway failed")
CLIENT_LEFT: Final = Close(GOING_AWAY, "the client has left")
SERVICE_LEFT: Final = Close(BAD_GATEWAY, "the service has left")


def _closed_by_client(code: int, reason: str) -> Close:
    """The close that the client sent, or that stands for a client which left without one."""
    if code == NO_CODE:
        return Close(NORMAL)
    return Close(code, reason) if code in SENDABLE else CLIENT_LEFT


def too_big(max_size: int) -> Close:
    """The close after a message that is too long."""
    return Close(TOO_BIG, f"messages have at most {max_size} bytes")


class ClientClosed(Exception):
    """The client has closed the WebSocket, or has left without doing so."""

    def __init__(self, close: Close) -> None:
        super().__init__(close)
        self.close = close


class ClientSocket:
    """A WebSocket that a client asks for, and then has."""

    def __init__(self, receive: Receive, send: Send, subprotocols: list[str]) -> None:
        self.subprotocols = [name for name in subprotocols if name]
        self._receive = receive
        self._send = send
        self._is_open = False
        self._is_closed = False
        self._first: asyncio.Task[Message] | None = None
        """Receives the first message, and notices before that when the client leaves."""

    # The ASGI callables for the edge, before the WebSocket is open.

    async def receive(self) -> Message:
        """Return when the client leaves before it has its response; messages that it sends are not lost."""
        if not self._is_open:
            self._first = asyncio.ensure_future(self._receive())
            message = await asyncio.shield(self._first)
            if message["type"] == "websocket.disconnect" and not self._is_open:
                return {"type": "http.disconnect"}
        await asyncio.Event().wait()  # from now on the relay receives
        raise AssertionError

    async def respond(self, message: Message) -> None:
        """Send the response to the handshake: 101 opens the WebSocket, others are sent as they are."""
        if self._is_open:  # the relay sends
            return
        if message["type"] != "http.response.start":
            await self._send({**message, "type": "websocket.http.response.body"})
        elif message["status"] == HTTPStatus.SWITCHING_PROTOCOLS:
            await self._accept(message["headers"])
        else:
            await self._send({**message, "type": "websocket.http.response.start"})

    async def _accept(self, headers: Headers) -> None:
        subprotocol = field(headers, PROTOCOL)
        self._is_open = True
        await self._send(
            {
                "type": "websocket.accept",
                "subprotocol": subprotocol.decode("latin-1") if subprotocol else None,
                "headers": [field for field in headers if field[0] not in SERVER_HEADERS],
            }
        )

    async def fail(self) -> None:
        """Close it because the gateway failed, if it is open."""
        if self._is_open:
            await self.close(GATEWAY_FAILED)

    def stop(self) -> None:
        """Receive no more."""
        if self._first is not None:
            self._first.cancel()

    # For the relay, while it is open.

    async def receive_message(self) -> str | bytes:
        """The next message.

        Raises:
            ClientClosed: there is none.
        """
        if self._first is not None:
            first, self._first = self._first, None
            message = await first
        else:
            message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._is_closed = True
            raise ClientClosed(_closed_by_client(message.get("code", NO_CODE), message.get("reason") or ""))
        text: str | None = message.get("text")
        content: str | bytes = message["bytes"] if text is None else text
        return content

    async def send(self, message: str | bytes) -> None:
        """Send a message as soon as there is room for it.

        Raises:
            OSError: the client has left; `receive_message` says how.
        """
        kind = "text" if isinstance(message, str) else "bytes"
        await self._send({"type": "websocket.send", kind: message})

    async def close(self, close: Close) -> None:
        """Send a close frame, unless the client sent one."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(OSError):  # it has just left
            await self._send({"type": "websocket.close", "code": close.code, "reason": close.reason})


async def handle_websocket(
    respond: Callable[[IncomingRequest, ClientSocket], Coroutine[Any, Any, Reply]],
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Answer a handshake as any other request, and relay messages until the WebSocket ends."""
    await receive()  # websocket.connect, which says no more than the scope
    socket = ClientSocket(receive, send, scope["subprotocols"])
    handshake = {**scope, "method": "GET", "scheme": SCHEMES[scope["scheme"]]}
    try:
        await respond_over_asgi(
            lambda request: respond(request, socket), handshake, socket.receive, socket.respond
        )
    except Exception:
        await socket.fail()
        raise
    finally:
        socket.stop()
