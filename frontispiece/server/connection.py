"""A client's connection below HTTP: addresses, writing with backpressure, and ways to close it."""

import asyncio
import socket
import struct
from typing import Any, Final, cast

from frontispiece.aio.inline_task import Signal
from frontispiece.server.deadlines import NEVER, Deadlines

LINGERING_CLOSE: Final = 1.0
"""Seconds for which a rejected client can still read the response: an immediate close could discard it."""


class ClientConnection(asyncio.Protocol):
    """A connection whose client must read what is written.

    Args:
        loop: the running event loop.
        send_timeout: seconds for which the client may read nothing.
    """

    __slots__ = (
        "_is_reading_paused",
        "_lingers",
        "_send_timeout",
        "_writers",
        "client",
        "client_ip",
        "deadlines",
        "is_writable",
        "loop",
        "server",
        "transport",
        "write",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, send_timeout: float) -> None:
        self.loop = loop
        self._send_timeout = send_timeout
        self.deadlines = Deadlines(loop, self._read_deadline_passed, self._send_deadline_passed)
        self.transport = cast(asyncio.Transport, None)
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int] | None = None
        self.client_ip = ""
        self.is_writable = True
        """Whether the client reads fast enough."""
        self._writers: list[Signal[None]] = []
        """Wait until it does."""
        self._is_reading_paused = False
        self._lingers = False
        """Whether the connection closes as soon as the client could read the response."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who is connected."""
        self.transport = cast(asyncio.Transport, transport)
        self.write = self.transport.write
        self.client = _address(transport.get_extra_info("peername"))
        self.server = _address(transport.get_extra_info("sockname"))
        self.client_ip = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (the event loop passes it)
        """Stop the timer, and wait no longer for the client to read."""
        self.deadlines.stop()
        self.is_writable = True
        self._resume_writers()

    def pause_writing(self) -> None:
        """Wait at most `send_timeout` for the client to read its response."""
        self.is_writable = False
        self.deadlines.send_within(self._send_timeout)

    def resume_writing(self) -> None:
        """Go on soon: asyncio's transport cannot be closed within this call. What closes has no more time."""
        if not self.transport.is_closing():
            self.deadlines.stop_send()
        self.is_writable = True
        self.loop.call_soon(self._resume_writers)

    async def writable(self) -> None:
        """Wait until the client reads fast enough."""
        while not self.is_writable:
            signal: Signal[None] = Signal(loop=self.loop)
            self._writers.append(signal)
            await signal

    def _resume_writers(self) -> None:
        writers, self._writers = self._writers, []
        for signal in writers:
            if not signal.done():
                signal.set_result(None)

    def _pause_reading(self, *, pause: bool) -> None:
        if pause is self._is_reading_paused or self._lingers or self.transport.is_closing():
            return
        self._is_reading_paused = pause
        if pause:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _linger(self) -> None:
        """Close in a while: until then the client can read the response."""
        if self._lingers or self.transport.is_closing():
            return
        self._pause_reading(pause=False)
        self._lingers = True
        self.transport.write_eof()
        self.deadlines.read_within(LINGERING_CLOSE)

    def _reset(self) -> None:
        """Close with RST, an error to the client: without it the end would be an orderly one."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _close_transport(self) -> None:
        """Close once everything is written, for which the client has `send_timeout`."""
        if not self.transport.is_closing():
            self.deadlines.read_at = NEVER
            if self.transport.get_write_buffer_size():
                self.deadlines.send_within(self._send_timeout)
            self.transport.close()

    def _read_deadline_passed(self) -> None:
        self._close_transport()

    def _send_deadline_passed(self) -> None:
        self.transport.abort()


def _address(name: Any) -> tuple[str, int] | None:
    """An address from the socket's name; None for sockets without one."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None
