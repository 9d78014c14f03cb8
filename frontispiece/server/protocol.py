"""HTTP/1.1 on asyncio: the requests of a connection are answered in order, slow clients are cut off."""

import asyncio
from typing import Final

import httptools

from frontispiece.aio.inline_task import InlineTask
from frontispiece.http.asgi import problem_response
from frontispiece.http.messages import field
from frontispiece.http.problems import Problem
from frontispiece.server.asgi import run_asgi
from frontispiece.server.connection import ClientConnection
from frontispiece.server.connections import Connections
from frontispiece.server.deadlines import NEVER
from frontispiece.server.direct import run_direct
from frontispiece.server.exchange import HIGH_WATER, Exchange
from frontispiece.server.request_reader import BETWEEN, BODY, HEADERS, RequestReader
from frontispiece.server.response import ResponseHead, date_line

LAST_REQUEST: Final = 1.0
"""Seconds for the first byte of a connection that is accepted while the server stops: it may come."""

BURST: Final = 16
"""Requests that came at once and are started before other connections have their turn."""


class HttpProtocol(ClientConnection):
    """One client connection.

    Args:
        connections: the server's.
    """

    __slots__ = (
        "_advancing",
        "_connections",
        "_current",
        "_idle",
        "_limits",
        "_queue",
        "_reader",
        "_refusal",
        "is_stopping",
    )

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections.loop, connections.limits.send_timeout)
        self._connections = connections
        self._limits = connections.limits
        self.is_stopping = False
        """Whether the connection closes after the response to the request that is being answered."""
        self._reader = RequestReader(self, self._limits)
        self._queue = self._reader.queue
        """Requests that wait for the response to an earlier one."""
        self._current: Exchange | None = None
        """The request that is being answered."""
        self._refusal: Problem | None = None
        """The response to what comes after these."""
        self._advancing = False
        self._idle = False
        """Whether the deadline for reading is that of an idle connection."""

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading, unless there are too many connections."""
        super().connection_made(transport)
        if self._connections.add(self, self.client_ip):
            self.is_stopping = self._connections.is_draining
            self.deadlines.read_within(LAST_REQUEST if self.is_stopping else self._limits.header_timeout)
            return
        detail = "There are too many connections."
        self._reader.is_done = True
        self._write_refusal(Problem(503, "too-many-connections", detail, headers={"Retry-After": "1"}))
        self.transport.close()  # no lingering close: it would occupy a connection

    def data_received(self, data: bytes) -> None:
        """Read requests, then answer what can be answered."""
        reader = self._reader
        if reader.is_done:
            return
        if self._idle:
            self._idle = False
            self.deadlines.read_at = NEVER
        try:
            reader.feed(data)
        except Problem as problem:
            self._refuse(problem)
        except httptools.HttpParserUpgrade:
            if self._hand_over():
                return
            reader.is_done = True  # answered as a plain request; later input may be of the other protocol
        if self._current is not None:
            self._current.wake()
        if self._queue or self._refusal is not None:
            self._advance()
        elif self._current is not None:
            self.adjust_reading()
        if not reader.is_done and self.deadlines.read_at == NEVER:
            self._start_deadline()

    def eof_received(self) -> None:
        """Close: a client that sends no more is taken to be gone."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the app."""
        self._reader.stop()
        self._refusal = None
        self._connections.remove(self, self.client_ip)
        current, self._current = self._current, None
        if current is not None:
            current.disconnect()
        super().connection_lost(exc)

    def _resume_writers(self) -> None:
        super()._resume_writers()
        self._advance()

    def shutdown(self) -> None:
        """Close, after the response to what is being answered."""
        self.is_stopping = True
        if self._current is None and not self._queue:
            self.close()

    # Called by the exchange that is being answered.

    def adjust_reading(self) -> None:
        """Read only what can be taken: backpressure on a client that sends fast, or ahead of responses."""
        current = self._current
        pause = self._reader.is_queue_full() or (current is not None and current.buffered > HIGH_WATER)
        if pause is not self._is_reading_paused:
            self._pause_reading(pause=pause)

    def response_complete(self, exchange: Exchange) -> None:
        """Go on with the next request, or close."""
        self._current = None
        if self.is_stopping or not exchange.keep_alive:
            self.close()
        elif self._advancing:
            return
        elif self._queue or self._refusal is not None:
            self._advance()
        else:
            if self._is_reading_paused:
                self.adjust_reading()
            self._become_idle()

    def close(self, *, abruptly: bool = False) -> None:
        """Close once the client could read what was written; abruptly, where it must not take it for all."""
        self._reader.is_done = True
        self._refusal = None
        self._queue.clear()
        if abruptly:
            self._reset()
        elif self._reader.state:
            self._linger()
        else:
            self._close_transport()

    # Requests in turn.

    def _advance(self) -> None:
        """Start the requests whose turn it is."""
        if self._advancing:
            return
        self._advancing = True
        queue = self._queue
        for _ in range(BURST):
            if not queue or self._current is not None or not self.is_writable:
                break
            self._current = exchange = queue.popleft()
            self._start(exchange)
        else:
            self.loop.call_soon(self._advance)
        self._advancing = False
        if self._current is None and not queue:
            if self._refusal is not None:
                self._write_refusal(self._refusal)
                self._linger()
            elif not self._reader.is_done:
                self._become_idle()
        self.adjust_reading()

    def _start(self, exchange: Exchange) -> None:
        connections = self._connections
        if not exchange.body_complete and exchange.http_version == "1.1":
            expect = field(exchange.headers, b"expect")
            exchange.expects_continue = expect is not None and expect.lower() == b"100-continue"
        if connections.respond is not None:
            answering = run_direct(exchange, connections.respond, self._start_over_asgi)
            task = InlineTask(answering, self.loop, connections.task_ended, connections.new_context())
            if not task.done():
                exchange.task = task
                connections.tasks.add(task)
        else:
            self._start_over_asgi(exchange)

    def _start_over_asgi(self, exchange: Exchange) -> None:
        connections = self._connections
        running = self.loop.create_task(
            run_asgi(exchange, connections.app, connections.state), context=connections.new_context()
        )
        exchange.task = running
        connections.tasks.add(running)
        running.add_done_callback(connections.task_ended)

    def _hand_over(self) -> bool:
        """Make the connection one of WebSocket, if the last request asks for it and may have it."""
        websockets, exchange = self._connections.websockets, self._queue[0]
        is_alone = self._current is None and len(self._queue) == 1
        if websockets is None or not is_alone or not websockets.accepts(exchange):
            return False
        self._reader.stop()
        self.deadlines.stop()
        websockets.take(self.transport, exchange)
        return True

    # Refusals and deadlines.

    def _refuse(self, problem: Problem) -> None:
        """Answer what is being read with this problem, after earlier responses; read no more."""
        problem.__traceback__ = problem.__context__ = None  # their frames would keep the connection alive
        reader = self._reader
        reader.is_done = True
        self.deadlines.read_at = NEVER
        refused = reader.exchange if reader.state == BODY else None
        if refused is None:
            self._refusal = problem
        elif refused.is_finished:
            self.close()
        elif refused is not self._current:
            self._queue.remove(refused)
            self._refusal = problem
        elif refused.is_started:
            refused.break_off()
            refused.disconnect()
        else:
            self._current = None
            self._refusal = problem
            refused.disconnect()

    def _write_refusal(self, problem: Problem) -> None:
        self._refusal = None
        reply = problem_response(problem, None)
        assert isinstance(reply.body, bytes), "it is complete"
        reply.headers += self._connections.refusal_headers(*self._reader.refused())
        head = ResponseHead(reply.status, reply.headers).section
        self.write(b"".join((head, date_line(), _CLOSING % len(reply.body), reply.body)))

    def _become_idle(self) -> None:
        if self._reader.state == BETWEEN and not self._reader.is_done:
            self._idle = True
            self._reader.forget()
            self.deadlines.read_within(self._limits.keep_alive_timeout)

    def _start_deadline(self) -> None:
        """Give the client time for what it has begun."""
        if self._reader.state == BODY:
            self.deadlines.read_within(self._limits.body_timeout)
        elif self._reader.state == HEADERS or self._current is None:  # or for blank lines
            self.deadlines.read_within(self._limits.header_timeout)

    def _read_deadline_passed(self) -> None:
        state = self._reader.state
        if self._lingers:
            self._close_transport()
        elif state == BODY:
            self._check_body_rate()
        elif self._current is not None or self._queue:  # the client may wait for its response
            self.deadlines.read_within(self._limits.header_timeout)
        elif state == HEADERS:
            detail = f"A request's header section is complete within {self._limits.header_timeout:g} s."
            self._refuse(Problem(408, "request-too-slow", detail))
            self._advance()
        else:
            self.close()

    def _check_body_rate(self) -> None:
        limits, received = self._limits, self._reader.received()
        exchange = self._reader.exchange
        assert exchange is not None
        if exchange.is_finished:  # the rest was read only so that the client reads the response
            self._linger()
        elif received >= limits.min_body_rate * limits.body_timeout or not self._waits_for_body(exchange):
            self.deadlines.read_within(limits.body_timeout)
        else:
            detail = f"A body arrives with at least {limits.min_body_rate:g} bytes a second."
            self._refuse(Problem(408, "request-too-slow", detail))
            self._advance()

    def _waits_for_body(self, exchange: Exchange) -> bool:
        """Whether the body waits for the client and not for the app."""
        app_is_slow = self._is_reading_paused or exchange.chunks or exchange.expects_continue
        return exchange is self._current and not app_is_slow


_CLOSING: Final = b"content-length: %d\r\nconnection: close\r\n\r\n"
