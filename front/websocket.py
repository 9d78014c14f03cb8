"""WebSockets of clients of any intention: who takes nothing is cut off, what is kept of them is bounded."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from front.guard import USUAL, Guard
from kit.asgi import Scope

LONGEST: Final = 1 << 20
"""Bytes of the longest message that is read; the app may want them shorter."""

PIECES: Final = 1024
"""So many pieces of a message are kept apart: each costs more than it holds, when it is small."""

LOG: Final = logging.getLogger("front.websocket")

LINE: Final = 8000
"""Bytes that a line of the head of a handshake may have."""

LINES: Final = 120
"""So many may there be."""

Upgrades = Callable[[Scope], bool]
"""Tells whether a request may become a WebSocket."""

STOPS: Final = 1001, "the server stops"
UNAVAILABLE: Final = 503


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's protocol, with a guard: one connection of a client that has changed to WebSocket.

    Args:
        config: uvicorn's.
        server_state: uvicorn's.
        app_state: uvicorn's.
        guard: what is put up with.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        guard: Guard = USUAL,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.logger = LOG  # it would tell whole queries, which may be somebody's secret
        self._guard = guard
        self._stall: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Wait for the client to take some of what is sent, but not for ever."""
        super().pause_writing()
        self._stall = self.loop.call_later(self._guard.stalled, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._flows()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; who goes without a word has not closed."""
        self._flows()
        if self.handshake_complete and not self.close_sent and self.conn.close_rcvd is None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Tell the client that the server stops."""
        if self.close_sent or self.transport.is_closing():
            super().shutdown()
            return
        self.stop_keepalive()
        if self.handshake_complete:
            code, reason = STOPS
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
            self.conn.send_close(code, reason)
            self.close_sent = True
        else:
            self.conn.send_response(self.conn.reject(UNAVAILABLE, "The server stops.\n"))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    async def send(self, message: Any) -> None:
        """Send; a handshake that has been answered, be it by a refusal, is complete."""
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True

    def handle_ping(self) -> None:
        """Answer a ping, unless the client takes no answers: they would only become more."""
        answer = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(answer)

    def handle_cont(self, event: Frame) -> None:
        """Keep a piece of a message, in few objects."""
        if len(self.frames) >= PIECES:
            self.frames = [b"".join(self.frames)]
        super().handle_cont(event)

    def handle_parser_exception(self) -> None:
        """Close, whenever it was that the client did not speak WebSocket."""
        if self.conn.close_sent is None:
            self.transport.close()
        else:
            super().handle_parser_exception()

    def _flows(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


def can_be_read_again(url: bytes, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether what reads handshakes here would take a head that the parser of HTTP has taken."""
    if not url.isascii() or b"#" in url or len(url) > LINE or len(headers) > LINES:
        return False
    return all(len(name) + len(value) < LINE for name, value in headers)


def guarded_websockets(guard: Guard) -> type[asyncio.Protocol]:
    """The protocol with this guard, as uvicorn wants it: something to call."""

    def protocol(**uvicorns: Any) -> GuardedWebSocket:
        return GuardedWebSocket(**uvicorns, guard=guard)

    return cast(type[asyncio.Protocol], protocol)
