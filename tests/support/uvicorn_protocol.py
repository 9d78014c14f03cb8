"""What served before the server of our own: uvicorn, hardened. The reference of the fuzz.

HTTP/1.1 on asyncio: ambiguous requests are rejected, slow clients are cut off.

The parser (llhttp, strict) rejects most requests that two readers could interpret differently. What it
accepts or leaves to the server is checked here: the size of the header section, transfer speed, HTTP
versions, transfer codings, the absolute form of the target, upgrades and trailers.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from frontispiece.http.problems import MEDIA_TYPE, Problem
from frontispiece.server.connections import Upgrades
from frontispiece.server.limits import DEFAULT_LIMITS, ConnectionLimits
from frontispiece.server.websocket_protocol import is_readable_handshake

LINGERING_CLOSE: Final = 1.0
"""Seconds for which a rejected client can still read the response: an immediate close could discard it."""

MAX_FRAMING_BYTES: Final = 64 * 1024
"""Bytes of a chunk's size and extensions, or of all trailers: the parser buffers an incomplete trailer."""


class HardenedHttpProtocol(HttpToolsProtocol):
    """One client connection: uvicorn's protocol with limits and stricter checks.

    Args:
        config: uvicorn's.
        server_state: uvicorn's.
        app_state: uvicorn's.
        limits: of connections, header sections and speed.
        upgrades: decides whether a request may become a WebSocket; None when none may.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits = DEFAULT_LIMITS,
        upgrades: Upgrades | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._upgrades = upgrades
        self._response_cycle: RequestResponseCycle | None = None
        """The request being answered, or the last one; `cycle` is the request read last."""
        self._ignore_input = False
        self._in_header = False
        self._in_body = False
        self._read = 0
        """Bytes of the header section, or of framing since the last body content, without the first read."""
        self._content = 0
        self._checked_content = 0
        """The value of `_content` at the last check of the body's speed."""
        self._timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None

    # Called by the event loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start reading, unless `max_connections` is exceeded."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.max_connections:
            detail = "There are too many connections."
            self._reject(Problem(503, "too-many-connections", detail, headers={"Retry-After": "1"}))
            self.transport.close()  # no lingering close: it would occupy a connection
        else:
            self._start_timer(self._limits.header_timeout, self._header_timed_out)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived."""
        if self._ignore_input:
            return
        self._unset_keepalive_if_required()
        if self._in_header or self._in_body:
            self._read += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserInvalidMethodError:
            self._reject(Problem(501, "method-unknown", "The method is unknown."))
        except httptools.HttpParserError as fault:
            self._reject(_problem(fault))
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self._stop_timer()
                self._stop_send_timer()
                self.handle_websocket_upgrade()
            else:  # answered as a plain request; later input may be of the other protocol
                self._ignore_input = True
        else:
            self._check_progress()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_timer()
        self._stop_send_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait at most `send_timeout` for the client to read its response."""
        super().pause_writing()
        self._send_timer = self.loop.call_later(self._limits.send_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that timer."""
        super().resume_writing()
        self._stop_send_timer()

    # Called by the parser.

    def on_message_begin(self) -> None:
        """Note that a header section begins."""
        super().on_message_begin()
        self._in_header = True
        self._read = 0

    def on_headers_complete(self) -> None:
        """Check the header section before the app sees the request."""
        fields = dict(self.headers)
        self._check_version_and_coding(fields.get(b"transfer-encoding"))
        if not self.url.startswith(b"/"):
            self._use_authority()
        upgrade = self.parser.should_upgrade()
        if upgrade and (b"transfer-encoding" in fields or fields.get(b"content-length", b"0") != b"0"):
            # the parser stops before the body, where the other protocol could begin
            raise Problem(400, "bad-request", "A request for an upgrade has no body.")
        self._in_header = False
        self._in_body = True
        self._read = self._content = self._checked_content = 0
        if self._timer is not None:
            self._stop_timer()
        super().on_headers_complete()
        if not upgrade:
            self.headers = []  # trailers land here and are dropped: the app has the header section already
        elif not self._should_upgrade():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Count a piece of the body."""
        self._content += len(body)
        self._read = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self._in_body = False
        if self._timer is not None:
            self._stop_timer()
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._response_cycle = cycle
        super()._start_asgi_task(cycle, app)

    def _should_upgrade(self) -> bool:
        """Whether the request asks for a WebSocket, may become one, and no other request is unanswered."""
        if self._upgrades is None or self._is_responding() or self.parser.get_http_version() != "1.1":
            return False
        proposed = self._get_upgrade() == b"websocket" and is_readable_handshake(self.url, self.headers)
        return proposed and self._upgrades({**self.scope, "raw_path": self.url.partition(b"?")[0]})

    # Checks.

    def _check_version_and_coding(self, coding: bytes | None) -> None:
        version = self.parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise Problem(505, "http-version-unknown", "The server speaks HTTP/1.1.")
        if coding is None:
            return
        if version == "1.0":
            raise Problem(400, "bad-request", "HTTP/1.0 has no Transfer-Encoding.")
        if coding.lower() != b"chunked":
            raise Problem(501, "transfer-coding-unknown", "The only transfer coding is chunked.")

    def _use_authority(self) -> None:
        """Turn the absolute form into the origin form; its authority replaces Host (RFC 9112, 3.2.2)."""
        try:
            target = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            target = None
        scheme = (target.schema or b"").lower() if target else b""
        if target is None or not target.host or target.userinfo or scheme not in {b"http", b"https"}:
            raise Problem(400, "bad-request", "The request target is neither a path nor an address.")
        host = b"[%b]" % target.host if b":" in target.host else target.host
        authority = host if target.port is None else b"%b:%d" % (host, target.port)
        others = [field for field in self.headers if field[0] != b"host"]
        self.headers[:] = [(b"host", authority), *others]  # in place: the scope holds this list
        self.url = (target.path or b"/") + (b"?" + target.query if target.query else b"")

    def _check_progress(self) -> None:
        """Enforce the size limits of what is being read, and start the timer that it is due by."""
        if self._in_body:
            if self._read > MAX_FRAMING_BYTES:
                self._reject(Problem(400, "bad-request", "The body's framing is larger than its content."))
            elif self._timer is None:
                self._start_timer(self._limits.body_timeout, self._check_body_rate)
        elif self._in_header and self._read > self._limits.max_header_bytes:
            detail = f"A request's header section has at most {self._limits.max_header_bytes} bytes."
            self._reject(Problem(431, "head-too-large", detail))
        elif (self._in_header or not self._is_responding()) and self._timer is None:
            self._start_timer(self._limits.header_timeout, self._header_timed_out)

    def _is_responding(self) -> bool:
        return self._response_cycle is not None and not self._response_cycle.response_complete

    def _header_timed_out(self) -> None:
        self._timer = None
        if self._is_responding():  # an earlier request is unanswered: the client may wait
            self._start_timer(self._limits.header_timeout, self._header_timed_out)
        elif self._in_header:
            detail = f"A request's header section is complete within {self._limits.header_timeout:g} s."
            self._reject(Problem(408, "request-too-slow", detail))
        else:
            self.transport.close()

    def _check_body_rate(self) -> None:
        self._timer = None
        received, self._checked_content = self._content - self._checked_content, self._content
        if self.cycle.response_complete:  # the rest was read only so that the client reads the response
            self.transport.close()
        elif received >= self._limits.min_body_rate * self._limits.body_timeout or not self._client_is_slow():
            self._start_timer(self._limits.body_timeout, self._check_body_rate)
        else:
            detail = f"A body arrives with at least {self._limits.min_body_rate:g} bytes a second."
            self._reject(Problem(408, "request-too-slow", detail))

    def _client_is_slow(self) -> bool:
        """Whether the body waits for the client and not for the app."""
        cycle = self.cycle
        app_is_slow = self.flow.read_paused or cycle.body or cycle.waiting_for_100_continue
        return cycle is self._response_cycle and not app_is_slow

    # Responses and timers.

    def _reject(self, problem: Problem) -> None:
        """Answer the request being read with this problem, after earlier responses; read no more."""
        self._ignore_input = True
        self._stop_timer()
        self._unset_keepalive_if_required()
        running = self._response_cycle
        if running is None or running.response_complete:
            self._respond(problem)
        elif running is self.cycle and self._in_body:
            running.disconnected = True
            running.message_event.set()
            if running.response_started:
                self.transport.close()
            else:
                self._respond(problem)
        else:
            self.pipeline.clear()
            running.keep_alive = False

    def _respond(self, problem: Problem) -> None:
        content = problem.body()
        fields = {**problem.headers, "content-type": MEDIA_TYPE, "content-length": str(len(content))}
        lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in fields.items())
        head = STATUS_LINE[problem.status] + lines.encode("latin-1") + b"connection: close\r\n\r\n"
        self.transport.write(head + content)
        self.flow.resume_reading()
        self.transport.write_eof()
        self._start_timer(LINGERING_CLOSE, self.transport.close)

    def _start_timer(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = self.loop.call_later(seconds, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None


def _problem(fault: httptools.HttpParserError) -> Problem:
    """Our own rejection, which the parser has passed on, or the parser's."""
    if isinstance(fault.__context__, Problem):
        return fault.__context__
    return Problem(400, "bad-request", "This is not a valid HTTP/1.1 request.")


def http_protocol(limits: ConnectionLimits, upgrades: Upgrades | None = None) -> type[asyncio.Protocol]:
    """The protocol with these limits, in the form uvicorn takes: a callable."""

    def protocol(**arguments: Any) -> HardenedHttpProtocol:
        return HardenedHttpProtocol(**arguments, limits=limits, upgrades=upgrades)

    return cast(type[asyncio.Protocol], protocol)
