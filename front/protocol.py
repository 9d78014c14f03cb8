"""HTTP/1.1 from clients of any intention: what is not plainly one request is refused, who dawdles is cut off.

The parser (llhttp, strict) refuses most of what two readers could take for different requests. Here is what
it lets pass or leaves to servers: how long a head may be, how slowly anything may come, other versions,
other transfer codings, the absolute form, upgrades, trailers.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from front.guard import USUAL, Guard
from front.websocket import Upgrades, can_be_read_again
from kit.problems import MEDIA_TYPE, Problem

LINGER: Final = 1.0
"""Seconds in which a client that was refused may still read why: closed at once, it could lose the answer."""

FRAMING: Final = 64 * 1024
"""Bytes that a chunk's size and extensions may take up, or all trailers: the parser keeps half a trailer."""


class Guarded(HttpToolsProtocol):
    """uvicorn's protocol, with a guard: one connection of a client.

    Args:
        config: uvicorn's.
        server_state: uvicorn's.
        app_state: uvicorn's.
        guard: what is put up with.
        upgrades: tells whether a request may become a WebSocket; None when none may.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        guard: Guard = USUAL,
        upgrades: Upgrades | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._guard = guard
        self._upgrades = upgrades
        self._running: RequestResponseCycle | None = None
        """What is being answered, or was last; `cycle` is what was read last."""
        self._deaf = False
        self._in_head = False
        self._in_body = False
        self._read = 0
        """Bytes of the head, or of the body since its last content, without those of the first read."""
        self._content = 0
        self._measured = 0
        """What `_content` was when the body's speed was measured last."""
        self._alarm: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    # For the loop.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many connections."""
        super().connection_made(transport)
        if len(self.connections) > self._guard.connections:
            detail = "There are too many connections."
            self._refuse(Problem(503, "too-many-connections", detail, headers={"Retry-After": "1"}))
            self.transport.close()  # it takes up no place until it has read why
        else:
            self._alarm_in(self._guard.head, self._head_is_late)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        if self._in_head or self._in_body:
            self._read += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserInvalidMethodError:
            self._refuse(Problem(501, "method-unknown", "No such method is known here."))
        except httptools.HttpParserError as fault:
            self._refuse(_problem(fault))
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self._silence()
                self._flows()
                self.handle_websocket_upgrade()
            else:  # it is answered as if nothing else had been proposed; what comes then is not ours to read
                self._deaf = True
        else:
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._silence()
        self._flows()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the client to take some of its answer, but not for ever."""
        super().pause_writing()
        self._stall = self.loop.call_later(self._guard.stalled, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._flows()

    # For the parser.

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True
        self._read = 0

    def on_headers_complete(self) -> None:
        """The head is whole: it is looked at before anybody is told of the request."""
        fields = dict(self.headers)
        self._check_version_and_coding(fields.get(b"transfer-encoding"))
        if not self.url.startswith(b"/"):
            self._use_authority()
        upgrade = self.parser.should_upgrade()
        if upgrade and (b"transfer-encoding" in fields or fields.get(b"content-length", b"0") != b"0"):
            # it would not be read: the parser stops where another protocol could begin
            raise Problem(400, "bad-request", "An upgrade is not asked for with a body.")
        self._in_head = False
        self._in_body = True
        self._read = self._content = self._measured = 0
        if self._alarm is not None:
            self._silence()
        super().on_headers_complete()
        if not upgrade:
            self.headers = []  # for trailers, which come too late for who has read the head: they are dropped
        elif not self._should_upgrade():
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._content += len(body)
        self._read = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_body = False
        if self._alarm is not None:
            self._silence()
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _should_upgrade(self) -> bool:
        """Whether the request asks for a WebSocket, may have one, and is alone; the same until it is read."""
        if self._upgrades is None or self._is_answering() or self.parser.get_http_version() != "1.1":
            return False
        asked = self._get_upgrade() == b"websocket" and can_be_read_again(self.url, self.headers)
        return asked and self._upgrades({**self.scope, "raw_path": self.url.partition(b"?")[0]})

    # What is looked at.

    def _check_version_and_coding(self, coding: bytes | None) -> None:
        version = self.parser.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise Problem(505, "http-version-unknown", "HTTP/1.1 is spoken here.")
        if coding is None:
            return
        if version == "1.0":
            raise Problem(400, "bad-request", "HTTP/1.0 has no Transfer-Encoding.")
        if coding.lower() != b"chunked":
            raise Problem(501, "transfer-coding-unknown", "No transfer coding but chunked is known here.")

    def _use_authority(self) -> None:
        """Make an absolute form the usual one: of whom it asks counts more than Host (RFC 9112, 3.2.2)."""
        try:
            asked = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            asked = None
        if asked is None or not asked.host or asked.userinfo or asked.schema not in {b"http", b"https"}:
            raise Problem(400, "bad-request", "The request target is neither a path nor an address.")
        host = b"[%b]" % asked.host if b":" in asked.host else asked.host
        authority = host if asked.port is None else b"%b:%d" % (host, asked.port)
        others = [field for field in self.headers if field[0] != b"host"]
        self.headers[:] = [(b"host", authority), *others]  # the scope has this very list
        self.url = (asked.path or b"/") + (b"?" + asked.query if asked.query else b"")

    def _look(self) -> None:
        """Look whether what is being read has become too much, and see to it that it goes on."""
        if self._in_body:
            if self._read > FRAMING:
                self._refuse(Problem(400, "bad-request", "There is more framing than content in the body."))
            elif self._alarm is None:
                self._alarm_in(self._guard.body, self._measure)
        elif self._in_head and self._read > self._guard.head_bytes:
            detail = f"A request's head has at most {self._guard.head_bytes} bytes."
            self._refuse(Problem(431, "head-too-large", detail))
        elif (self._in_head or not self._is_answering()) and self._alarm is None:
            self._alarm_in(self._guard.head, self._head_is_late)

    def _is_answering(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def _head_is_late(self) -> None:
        self._alarm = None
        if self._is_answering():  # an earlier request: nobody has been kept waiting yet
            self._alarm_in(self._guard.head, self._head_is_late)
        elif self._in_head:
            detail = f"A request's head is whole within {self._guard.head:g} s."
            self._refuse(Problem(408, "request-too-slow", detail))
        else:
            self.transport.close()

    def _measure(self) -> None:
        self._alarm = None
        came, self._measured = self._content - self._measured, self._content
        if self.cycle.response_complete:  # it has been read on only so that the client reads its answer
            self.transport.close()
        elif came >= self._guard.rate * self._guard.body or not self._waits_for_client():
            self._alarm_in(self._guard.body, self._measure)
        else:
            detail = f"A body comes with at least {self._guard.rate:g} bytes a second."
            self._refuse(Problem(408, "request-too-slow", detail))

    def _waits_for_client(self) -> bool:
        """Whether it is the client, and not the app, who makes the body slow."""
        cycle = self.cycle
        held_back = self.flow.read_paused or cycle.body or cycle.waiting_for_100_continue
        return cycle is self._running and not held_back

    # What is done.

    def _refuse(self, problem: Problem) -> None:
        """Answer what is being read with this, when nothing before it is being answered; read no more."""
        self._deaf = True
        self._silence()
        self._unset_keepalive_if_required()
        running = self._running
        if running is None or running.response_complete:
            self._say(problem)
        elif running is self.cycle and self._in_body:
            running.disconnected = True
            running.message_event.set()
            if running.response_started:
                self.transport.close()
            else:
                self._say(problem)
        else:
            self.pipeline.clear()
            running.keep_alive = False

    def _say(self, problem: Problem) -> None:
        content = problem.body()
        fields = {**problem.headers, "content-type": MEDIA_TYPE, "content-length": str(len(content))}
        lines = "".join(f"{name.lower()}: {value}\r\n" for name, value in fields.items())
        head = STATUS_LINE[problem.status] + lines.encode("latin-1") + b"connection: close\r\n\r\n"
        self.transport.write(head + content)
        self.flow.resume_reading()
        self.transport.write_eof()
        self._alarm_in(LINGER, self.transport.close)

    def _alarm_in(self, seconds: float, then: Callable[[], None]) -> None:
        self._alarm = self.loop.call_later(seconds, then)

    def _silence(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _flows(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None


def _problem(fault: httptools.HttpParserError) -> Problem:
    """What the client is told: our own refusal, which the parser has passed on, or the parser's."""
    if isinstance(fault.__context__, Problem):
        return fault.__context__
    return Problem(400, "bad-request", "This is no valid HTTP/1.1 request.")


def guarded(guard: Guard, upgrades: Upgrades | None = None) -> type[asyncio.Protocol]:
    """The protocol with this guard, as uvicorn wants it: something to call."""

    def protocol(**uvicorns: Any) -> Guarded:
        return Guarded(**uvicorns, guard=guard, upgrades=upgrades)

    return cast(type[asyncio.Protocol], protocol)
