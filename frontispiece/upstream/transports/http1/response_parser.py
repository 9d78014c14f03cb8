"""Parses the bytes of a response, and refuses what is malformed or endless.

Bodies in chunks are parsed by llhttp, the parser under httptools.
"""

import re
from collections.abc import Callable

from httptools import HttpParserError, HttpResponseParser

from frontispiece.http.messages import Headers
from frontispiece.upstream.errors import InvalidResponse
from frontispiece.upstream.transports.http1.response_head import CHUNKED, UNTIL_CLOSE, parse_head

MAX_FRAMING = 32 * 1024
"""Bytes of chunk sizes, extensions and trailers that a body may have, and as much again ..."""
FRAMING_PER_BYTE = 16
"""... as this for each byte of content: even chunks of one byte take less."""
MAX_HEAD = 32 * 1024
"""Bytes of the status line and the fields together."""
MAX_INTERIM = 8
"""Responses of status 1xx before the final one."""

START = b"HTTP/1."
HEAD_ENDS = b"\r\n\r\n"
GAP = 4
MAX_LINES = MAX_HEAD - GAP
CONTINUE = 100
SWITCHING = 101
FIRST_FINAL = 200

TAIL = 5
_CHUNKS_END = re.compile(rb"[^\r\n]\r\n\r\n")
_BROKEN_LINE = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\0")

OnInterim = Callable[[int, Headers], None]


class ChunkedDecoder:
    """Decodes a chunked body (RFC 9112, 7.1); trailers are dropped."""

    __slots__ = ("_content", "_framing", "_parser", "_size", "_tail", "complete", "surplus")

    on_header = on_headers_complete = on_status = on_chunk_header = on_chunk_complete = None

    def __init__(self) -> None:
        self.complete = False
        self.surplus = False
        """Whether bytes came after the end of the body."""
        self._content: list[bytes] = []
        self._size = 0
        self._framing = 0
        self._tail = b""
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # A parser of its own reads nothing but the body: the fields that it finds are trailers.
        self._parser.feed_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

    def feed(self, data: bytes) -> list[bytes]:
        """The content in these bytes of the body.

        Raises:
            InvalidResponse: they are malformed, or hardly any content is in them.
        """
        assert self._parser is not None, "nothing is fed after the end"
        before = self._size
        self._content = []
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            if not self.complete:
                raise InvalidResponse(f"it does not speak HTTP: {error}") from error
            self.surplus = True
        self._framing += len(data) - (self._size - before)
        if self._framing > MAX_FRAMING + FRAMING_PER_BYTE * self._size:
            raise InvalidResponse("its answer has more framing than content")
        self._tail = (self._tail + data[-TAIL:])[-TAIL:]
        if self.complete:
            # Of what follows, llhttp passes over line breaks without a word.
            self.surplus |= _CHUNKS_END.fullmatch(self._tail) is None
            self._parser = None  # it refers to this object: without the cycle no garbage collection is needed
        return self._content

    def on_message_begin(self) -> None:
        """Stop the parser at a second response."""
        if self.complete:
            raise HttpParserError("a second answer")

    def on_body(self, content: bytes) -> None:
        """Add content."""
        self._content.append(content)
        self._size += len(content)

    def on_message_complete(self) -> None:
        """Note the end."""
        self.complete = True


class ResponseParser:
    """The parser of one response; it does no I/O.

    Args:
        on_interim: called with status and headers of each interim response but `100 Continue`.
    """

    status = 0
    """0 until the head is complete."""
    headers: Headers
    chunks: list[bytes]
    """Content that has come and has not been taken; set with the status."""
    buffered = 0
    """Bytes in `chunks`."""
    complete = False
    reusable = False
    """Whether the connection can be used for another exchange."""
    _seen = b""
    _interim = 0
    _left = 0
    _decoder: ChunkedDecoder | None = None

    def __init__(self, method: str, on_interim: OnInterim | None = None) -> None:
        self.method = method
        self._on_interim = on_interim

    @property
    def begun(self) -> bool:
        """Whether any byte of the response has come."""
        return bool(self.status or self._seen or self._interim)

    def feed(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            InvalidResponse: they are malformed; nothing more must be fed.
        """
        if self.status:
            self._feed_body(data)
            return
        end = -1 if self._seen else data.find(HEAD_ENDS)
        if not 0 < end <= MAX_LINES:
            data, end = self._join(data)
            if end < 0:
                return
        status, headers, length, reusable = parse_head(data[:end], self.method == "HEAD")
        content = data[end + GAP :]
        if status < FIRST_FINAL:
            self._pass_interim(status, headers, content)
            return
        self.status = status
        self.headers = headers
        self.reusable = reusable
        if len(content) == length:  # as most are
            self.chunks = [content]
            self.complete = True
            return
        self.chunks = []
        self._left = length
        if length == CHUNKED:
            self._decoder = ChunkedDecoder()
        self._feed_body(content)

    def feed_eof(self) -> None:
        """Note the end of the connection, which completes a body without a length."""
        if self.status and self._decoder is None and self._left == UNTIL_CLOSE:
            self.complete = True

    def take(self) -> bytes:
        """Remove and return the content that has come."""
        chunks = self.chunks
        content = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.buffered = 0
        return content

    def _join(self, data: bytes) -> tuple[bytes, int]:
        """What has come of a head in pieces, and where it ends; -1 while it does not."""
        before = len(self._seen)
        seen = self._seen + data
        end = seen.find(HEAD_ENDS, max(0, before - GAP + 1))
        if not seen.startswith(START) and not START.startswith(seen):
            raise InvalidResponse("it does not speak HTTP")
        if (end if end >= 0 else len(seen)) > MAX_LINES:
            raise InvalidResponse(f"the head of its answer is longer than {MAX_HEAD} bytes")
        if end < 0 and _BROKEN_LINE.search(seen, max(0, before - 1)):  # its end might never come
            raise InvalidResponse("it does not speak HTTP: invalid end of line")
        self._seen = seen if end < 0 else b""
        return seen, end

    def _pass_interim(self, status: int, headers: Headers, rest: bytes) -> None:
        """Pass on an interim response, and parse what comes after it."""
        self._interim += 1
        if status == SWITCHING:
            raise InvalidResponse("it wants to speak another protocol")
        if self._interim > MAX_INTERIM:
            raise InvalidResponse(f"it answered {status}")
        if self._on_interim is not None and status != CONTINUE:
            self._on_interim(status, headers)
        if rest:
            self.feed(rest)

    def _feed_body(self, data: bytes) -> None:
        if self.complete:
            self.reusable = False
            return
        if self._decoder is not None:
            if data:
                self._feed_chunks(self._decoder, data)
            return
        left = self._left
        if left != UNTIL_CLOSE:
            if len(data) > left:
                data = data[:left]
                self.reusable = False
            self._left = left - len(data)
            self.complete = self._left == 0
        if data:
            self.chunks.append(data)
            self.buffered += len(data)

    def _feed_chunks(self, decoder: ChunkedDecoder, data: bytes) -> None:
        content = decoder.feed(data)
        self.chunks += content
        self.buffered += sum(map(len, content))
        self.complete = decoder.complete
        if decoder.surplus:
            self.reusable = False
