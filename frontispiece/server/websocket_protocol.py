"""WebSockets on asyncio, hardened: buffers are bounded, clients that do not read are cut off."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame

from frontispiece.server.asgi import http_scope
from frontispiece.server.connections import Connection, Connections, Upgrades
from frontispiece.server.exchange import Exchange
from frontispiece.server.limits import ConnectionLimits
from frontispiece.server.request_head import upgrade_of

MAX_MESSAGE_BYTES: Final = 1 << 20
"""Bytes of the longest message that the server accepts; an app may set a lower limit."""

MAX_FRAGMENTS: Final = 1024
"""Fragments of a message that are buffered apart: a small one costs more than it holds."""

LOG: Final = logging.getLogger("frontispiece.server.websocket_protocol")

MAX_LINE_BYTES: Final = 8000
"""Bytes of a line in a handshake's header section, as the websockets library accepts it."""

MAX_LINES: Final = 120
"""Lines of a handshake's header section, as the websockets library accepts it."""

MAX_REASON_BYTES: Final = 123
"""Bytes of the reason in a close frame (RFC 6455, 5.5)."""

GOING_AWAY: Final = 1001, "the server stops"
INVALID_DATA: Final = 1007
SERVICE_UNAVAILABLE: Final = 503


class HardenedWebSocketProtocol(WebSocketsSansIOProtocol):
    """One client connection after its upgrade: uvicorn's protocol with limits.

    Args:
        config: uvicorn's.
        server_state: uvicorn's.
        app_state: uvicorn's.
        limits: `send_timeout` is the one that counts here.
        on_lost: called when the connection is closed.
        on_ended: called when the app's task has ended.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
        on_lost: Callable[[Connection], None],
        on_ended: Callable[[asyncio.Future[None]], None],
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._on_lost = on_lost
        self._on_ended = on_ended
        self.logger = LOG  # uvicorn's logs whole queries, which may hold secrets
        self._limits = limits
        self._send_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Wait at most `send_timeout` for the client to read."""
        super().pause_writing()
        self._send_timer = self.loop.call_later(self._limits.send_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that timer."""
        super().resume_writing()
        self._stop_send_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the app; a connection lost without a close frame is code 1006."""
        self._stop_send_timer()
        if self.handshake_complete and not self.close_sent and self.conn.close_rcvd is None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)
        self._on_lost(self)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """Tell the server, which waits for this task when it stops."""
        super().on_task_complete(task)
        self._on_ended(task)

    def shutdown(self) -> None:
        """Close with 1001, or reject the handshake with 503."""
        if self.close_sent or self.transport.is_closing():
            super().shutdown()
            return
        self.stop_keepalive()
        if self.handshake_complete:
            code, reason = GOING_AWAY
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
            self.conn.send_close(code, reason)
            self.close_sent = True
        else:
            self.conn.send_response(self.conn.reject(SERVICE_UNAVAILABLE, "The server stops.\n"))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    async def send(self, message: Any) -> None:
        """Send; a handshake that was answered, even with a rejection, is complete.

        A reason is cut to what a close frame has room for.
        """
        if reason := message.get("reason"):
            cut = reason.encode(errors="replace")[:MAX_REASON_BYTES].decode(errors="ignore")
            message = {**message, "reason": cut}
        await super().send(message)
        if self.close_sent:
            self.handshake_complete = True

    def handle_ping(self) -> None:
        """Answer a ping, unless the client does not read: pongs would pile up."""
        pong = b"".join(self.conn.data_to_send())
        if self.writable.is_set():
            self.transport.write(pong)

    def handle_cont(self, event: Frame) -> None:
        """Buffer a fragment of a message, in few objects."""
        if len(self.frames) >= MAX_FRAGMENTS:
            self.frames = [b"".join(self.frames)]
        super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Pass a message on; text that is not UTF-8 closes with 1007, for which uvicorn logs an error."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                str(b"".join(self.frames), "utf-8")
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(INVALID_DATA)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Close, also when the violation came before the handshake was complete."""
        if self.conn.close_sent is None:
            self.transport.close()
        else:
            super().handle_parser_exception()

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None


def is_readable_handshake(url: bytes, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the websockets library accepts a header section that the HTTP parser has accepted."""
    if not url.isascii() or b"#" in url or len(url) > MAX_LINE_BYTES or len(headers) > MAX_LINES:
        return False
    return all(len(name) + len(value) < MAX_LINE_BYTES for name, value in headers)


class WebSockets:
    """The WebSockets of a server.

    Args:
        connections: the server's.
        upgrades: decides whether a request may become a WebSocket.
    """

    def __init__(self, connections: Connections, upgrades: Upgrades) -> None:
        LOG.setLevel(logging.WARNING)  # one line a WebSocket, with its whole query, which may hold secrets
        self._connections = connections
        self._upgrades = upgrades
        self._config = uvicorn.Config(
            connections.app,
            log_config=None,
            lifespan="off",
            proxy_headers=False,  # it would believe X-Forwarded-For from loopback
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,  # a small message could inflate without bound
        )
        self._config.load()
        self._state = ServerState()
        self._state.connections = cast(Any, connections.open)
        self._state.tasks = cast(Any, connections.tasks)

    def accepts(self, exchange: Exchange) -> bool:
        """Whether a request asks for a WebSocket and may become one."""
        return (
            exchange.http_version == "1.1"
            and upgrade_of(exchange.headers) == b"websocket"
            and is_readable_handshake(exchange.target, exchange.headers)
            and self._upgrades(http_scope(exchange, self._connections.state))
        )

    def take(self, transport: asyncio.Transport, exchange: Exchange) -> None:
        """Make the connection that a request came by its WebSocket."""
        connections, client_ip = self._connections, exchange.connection.client_ip
        protocol = HardenedWebSocketProtocol(
            self._config,
            self._state,
            connections.state,
            limits=connections.limits,
            on_lost=lambda protocol: connections.remove(protocol, client_ip),
            on_ended=connections.task_ended,
        )
        connections.open.discard(exchange.connection)
        fields = b"".join(b"%b: %b\r\n" % field for field in exchange.headers)
        protocol.connection_made(transport)
        protocol.data_received(
            b"%b %b HTTP/1.1\r\n%b\r\n" % (exchange.method.encode(), exchange.target, fields)
        )
        transport.set_protocol(protocol)
