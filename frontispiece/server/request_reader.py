"""The requests of a connection: parsed, and checked where the parser (llhttp, strict) does not."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import httptools

from frontispiece.http.messages import Headers, HeaderSection
from frontispiece.server.deadlines import NEVER
from frontispiece.server.exchange import Exchange
from frontispiece.server.limits import ConnectionLimits
from frontispiece.server.request_head import (
    COMMON_NAMES,
    PLAIN_LINE,
    PLAIN_LINES,
    bad_request,
    check_no_body,
    check_version_and_coding,
    header_size,
    headers_too_large,
    new_parser,
    origin_form,
    other_method,
    refused_head,
)

if TYPE_CHECKING:
    from frontispiece.server.protocol import HttpProtocol

MAX_FRAMING_BYTES: Final = 64 * 1024
"""Bytes of a chunk's size and extensions, or of all trailers: the parser buffers an incomplete trailer."""

MAX_QUEUED: Final = 16
"""Requests without a body that are read ahead of the responses to earlier ones."""

MAX_SECTION: Final = 4096
"""Bytes of the longest header section that is remembered with a connection."""

MAX_UNLIKE: Final = 16
"""Header sections in a row that are unlike the one before, until a connection's are remembered no more."""

BETWEEN: Final = 0
HEADERS: Final = 1
BODY: Final = 2
"""What is being read: nothing of a request, its header section, its body."""


class RequestReader:
    """Reads requests, which it appends to a queue as soon as their header sections are complete.

    Clients send the same header section again and again. One that is, byte by byte, that of the request
    before means the same, and is not parsed again.

    Args:
        connection: that they come by.
        limits: of header sections.
    """

    __slots__ = (
        "_checked_content",
        "_connection",
        "_content",
        "_deadlines",
        "_fields",
        "_has_coding",
        "_has_space",
        "_headers",
        "_max_header_bytes",
        "_parser",
        "_partial",
        "_read",
        "_read_size",
        "_section",
        "_unlike",
        "exchange",
        "is_done",
        "on_header",
        "queue",
        "state",
        "url",
    )

    def __init__(self, connection: "HttpProtocol", limits: ConnectionLimits) -> None:
        self._connection = connection
        self._deadlines = connection.deadlines
        self._max_header_bytes = limits.max_header_bytes
        self.queue: deque[Exchange] = deque()
        """Requests that wait to be answered."""
        self.state = BETWEEN
        self.is_done = False
        """Whether nothing more is read."""
        self.exchange: Exchange | None = None
        """The request that was read last."""
        self.url = b""
        self._fields: Headers = []
        """What the parser has found of the header section, and of the trailers, which are dropped."""
        self._has_coding = False
        """Whether `Transfer-Encoding` is among them."""
        self._has_space = False
        """Whether the value of one may end with white space."""
        self._section: bytes | None = None
        """The header section of the request before, without the first line; None where it cannot repeat."""
        self._headers = HeaderSection([])
        """What it means."""
        self._unlike = 0
        """Header sections in a row that did not repeat."""
        self._partial: bytes | None = None
        """A header section of which not all has been read; None behind a request that is not answered yet."""
        self._read_size = 0
        """Bytes of the last read."""
        self._read = 0
        """Bytes of the header section, or of framing since the last body content, without the first read."""
        self._content = 0
        """Bytes of the body."""
        self._checked_content = 0
        """The value of `_content` at the last check of the body's speed."""
        self.on_header = self._callback()
        self._parser: Any = new_parser(self)

    def refused(self) -> tuple[bytes, Headers]:
        """Target and headers, as far as they have been read."""
        return refused_head(self.url, self._fields, self._partial or b"")

    def feed(self, data: bytes) -> None:
        """Parse what arrived.

        Raises:
            HttpParserUpgrade: the last request was one for an upgrade.
            Problem: the request is refused.
        """
        began = self.state
        if not began and self._is_repeated(data):
            return
        self._read_size = len(data)
        if began:
            self._read += self._read_size
            self._has_space = True
        else:
            self._has_space = data.find(b" \r\n") >= 0 or data.find(b"\t") >= 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as fault:
            self._add_partial(data)  # what comes after the last request is of no interest
            other = None if self.is_done else other_method(self, fault, self._partial or b"")
        else:
            if self.state:
                self._add_partial(data)
                self._check_size()
            elif not began and self._unlike < MAX_UNLIKE:
                self._remember(data)
            return
        if other is not None:
            self._parser, data = other
            self.feed(data)  # here, for the handler's fault would be the context of the next

    def _add_partial(self, data: bytes) -> None:
        if self.state == HEADERS and self._partial is not None:
            self._partial += data

    def _is_repeated(self, data: bytes) -> bool:
        """Read a request that differs from the one before in its first line alone, if this is one."""
        section = self._section
        if section is None or not data.endswith(section) or len(data) > self._max_header_bytes:
            return False
        line = PLAIN_LINES[data[: -len(section)]]
        if line is None:
            return False
        method, self.url = line
        self.exchange = exchange = Exchange(
            self._connection, method, self.url, self._headers, "1.1", keep_alive=True
        )
        exchange.body_complete = True
        self.queue.append(exchange)
        self._deadlines.read_at = NEVER
        self._unlike = 0
        return True

    def _remember(self, data: bytes) -> None:
        """Keep the header section, if this was one whole request that lets others follow."""
        self._section = None
        self._unlike += 1
        line, exchange = PLAIN_LINE.match(data), self.exchange
        is_alone = len(data) <= MAX_SECTION and data.find(b"\r\n\r\n") + 4 == len(data)
        if line is not None and exchange is not None and is_alone and self._unlike < MAX_UNLIKE:
            self._section, self._headers = data[line.end() :], exchange.headers

    def forget(self) -> None:
        """Let go of the request that was read last: the connection may be idle for long."""
        self.exchange = None
        self.url = b""
        self._partial = None
        self._fields.clear()

    def stop(self) -> None:
        """Read no more, and let go of what refers to this object."""
        self.is_done = True
        self.queue.clear()
        self.forget()
        del self._connection
        self._parser = None
        self.on_header = lambda _name, _value: None

    def is_queue_full(self) -> bool:
        """Whether to read no further ahead; a connection's end is noticed only while it is read."""
        queue = self.queue
        if not queue:
            return False
        return len(queue) >= MAX_QUEUED or not queue[-1].body_complete or any(each.buffered for each in queue)

    def received(self) -> int:
        """Bytes of the body since the last call."""
        received, self._checked_content = self._content - self._checked_content, self._content
        return received

    def _check_size(self) -> None:
        if self.state == HEADERS and self._read > self._max_header_bytes:
            raise headers_too_large(self._max_header_bytes)
        if self.state == BODY and self._read > MAX_FRAMING_BYTES:
            raise bad_request("The body's framing is larger than its content.")

    def on_message_begin(self) -> None:
        """Note that a header section begins; called by the parser, as what follows."""
        if self.is_done:
            raise bad_request("The connection takes no further request.")
        self.state = HEADERS
        self._read = 0
        partial = b"" if self.exchange is None else None
        self.forget()
        self._partial = partial
        self._has_coding = False

    def on_url(self, url: bytes) -> None:
        """Note a piece of the target."""
        self.url = self.url + url if self.url else url

    def _callback(self) -> Callable[[bytes, bytes], None]:
        """The callback for a header field, as a function: it is what the parser calls most."""
        common, other, append = COMMON_NAMES.get, self._uncommon, self._fields.append

        def on_header(name: bytes, value: bytes) -> None:
            append((common(name) or other(name), value))

        return on_header

    def _uncommon(self, name: bytes) -> bytes:
        name = name.lower()
        if name == b"transfer-encoding":
            self._has_coding = True
        return name

    def on_headers_complete(self) -> None:
        """Check the header section before the app sees the request."""
        parser = self._parser
        headers = self._fields.copy()
        if self._has_space:
            headers = [(name, value.strip(b" \t")) for name, value in headers]
        version = parser.get_http_version()
        if version != "1.1" or self._has_coding:
            check_version_and_coding(version, headers)
        largest = self._max_header_bytes
        if (self._read or self._read_size > largest) and header_size(self.url, headers) > largest:
            raise headers_too_large(largest)
        target = origin_form(self.url, headers)
        keeps_alive = version == "1.1" and parser.should_keep_alive()
        method = parser.get_method().decode()
        self.exchange = exchange = Exchange(
            self._connection, method, target, HeaderSection(headers), version, keep_alive=keeps_alive
        )
        if parser.should_upgrade():
            check_no_body(headers)
            exchange.keep_alive = False
        self.queue.append(exchange)
        self.state = BODY
        self._read = self._content = self._checked_content = 0
        self._deadlines.read_at = NEVER

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body for the app, unless that has responded already."""
        self._content += len(body)
        self._read = 0
        exchange = self.exchange
        assert exchange is not None
        if not exchange.is_finished:
            exchange.chunks.append(body)
            exchange.buffered += len(body)

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        exchange = self.exchange
        assert exchange is not None
        exchange.body_complete = True
        self.state = BETWEEN
        if self._has_coding and not self._parser.should_keep_alive():
            exchange.keep_alive = False  # for a trailer `Connection`, too, the parser ignores what comes next
            if exchange.is_finished:
                self._connection.close()
        self.is_done = not exchange.keep_alive
        self._deadlines.read_at = NEVER
