"""What the bytes of an answer mean, or that they mean nothing.

llhttp, the parser under httptools, refuses most of what is malformed: lengths that conflict or are none, a
length beside chunks, folded or nameless fields, bare CR or LF, NUL. It lets pass, and this module refuses:
other protocols and versions (RTSP, ICE, HTTP/2.0), statuses outside of 100 to 599, any transfer coding but
`chunked`, and endless heads.
"""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway.upstream.errors import Nonsense
from gateway.upstream.message import Headers
from gateway.upstream.native.chunked import Dechunker

MAX_HEAD = 32 * 1024
"""Bytes of status line and fields, together."""
MAX_FIELDS = 200
MAX_INTERIM = 8
"""Answers of status 1xx before the one that counts."""

START = b"HTTP/1."
HEAD_ENDS = b"\r\n\r\n"
UNTIL_CLOSE = -1
SWITCHING = 101
FIRST_FINAL = 200
LAST_STATUS = 599
WITHOUT_BODY = frozenset({204, 304})


class Answer:
    """One answer, as its bytes come in; it does no I/O.

    Args:
        bodyless: no body follows the head whatever that says, as after HEAD.
    """

    __slots__ = (
        "_bodyless",
        "_dechunker",
        "_interim",
        "_left",
        "_parser",
        "_seen",
        "begun",
        "chunks",
        "complete",
        "headers",
        "held",
        "reusable",
        "status",
    )

    # Callbacks that the parser need not make: the head tells all by itself.
    on_message_begin = on_status = on_headers_complete = on_body = on_message_complete = None
    on_chunk_header = on_chunk_complete = None

    def __init__(self, *, bodyless: bool) -> None:
        self.begun = False
        """Whether a single byte of it has come."""
        self.status = 0
        """0 until the whole head is there."""
        self.headers: Headers = []
        self.chunks: list[bytes] = []
        """What has come of the body and has not been taken."""
        self.held = 0
        """Bytes in `chunks`."""
        self.complete = False
        self.reusable = False
        """Whether another answer may come by the same connection after this one."""
        self._bodyless = bodyless
        self._seen = b""
        self._interim = 0
        self._left = 0
        self._parser: HttpResponseParser | None = None
        self._dechunker: Dechunker | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            Nonsense: this is no answer; nothing more must be fed.
        """
        if not self.status:
            self.begun = True
            self._feed_head(data)
        elif not self.complete:
            self._feed_body(data)
        else:
            self.reusable = False

    def feed_eof(self) -> None:
        """Take the end of the connection, which completes a body that has no other end."""
        if self.status and self._dechunker is None and self._left == UNTIL_CLOSE:
            self.complete = True

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        chunks = self.chunks
        content = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.held = 0
        return content

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field."""
        self.headers.append((name.lower(), value.rstrip()))

    def _feed_head(self, data: bytes) -> None:
        before = len(self._seen)
        seen = self._seen + data if before else data
        found = seen.find(HEAD_ENDS, max(0, before - len(HEAD_ENDS) + 1))
        size = found + len(HEAD_ENDS) if found >= 0 else len(seen)
        if not seen.startswith(START) and not START.startswith(seen):
            raise Nonsense("it does not speak HTTP")
        if size > MAX_HEAD:
            raise Nonsense(f"the head of its answer is longer than {MAX_HEAD} bytes")
        parser = self._parser or HttpResponseParser(self)
        try:
            parser.feed_data(seen[before:size])
        except (HttpParserError, HttpParserUpgrade) as fault:
            raise _not_http(parser.get_status_code(), fault) from fault
        if found < 0:
            self._parser, self._seen = parser, seen
            return
        self._parser, self._seen = (
            None,
            b"",
        )  # each head has a parser of its own: none is reused after a fault
        status = parser.get_status_code()
        if len(self.headers) > MAX_FIELDS:
            raise Nonsense(f"its answer has more than {MAX_FIELDS} header fields")
        if status < FIRST_FINAL:
            self._skip(status, seen[size:])
            return
        if status > LAST_STATUS:
            raise Nonsense(f"it answered {status}")
        self._frame(status, keeps_alive=parser.should_keep_alive(), chunks=seen[len(START)] != ord("0"))
        self.status = status
        self._feed_body(seen[size:])

    def _skip(self, status: int, rest: bytes) -> None:
        """Pass over an answer that only announces another."""
        self._interim += 1
        if status < 100 or self._interim > MAX_INTERIM:  # noqa: PLR2004 (where statuses begin)
            raise Nonsense(f"it answered {status}")
        self.headers.clear()
        if rest:
            self._feed_head(rest)

    def _frame(self, status: int, *, keeps_alive: bool, chunks: bool) -> None:
        """Find out how long the body is; of HTTP/1.0 come no `chunks`."""
        self.reusable = keeps_alive
        fields = dict(self.headers)
        length = fields.get(b"content-length")
        if b"transfer-encoding" in fields:
            codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
            if codings != [b"chunked"] or not chunks:
                raise Nonsense("its answer has a transfer coding that nobody asked for")
        if self._bodyless or status in WITHOUT_BODY:
            self._left = 0
        elif b"transfer-encoding" in fields:
            self._dechunker = Dechunker()
        elif length is not None:
            self._left = int(length)
        else:
            self._left = UNTIL_CLOSE
            self.reusable = False

    def _feed_body(self, data: bytes) -> None:
        if self._dechunker is not None:
            if data:
                self._feed_chunks(self._dechunker, data)
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
            self.held += len(data)

    def _feed_chunks(self, dechunker: Dechunker, data: bytes) -> None:
        content = dechunker.feed(data)
        self.chunks += content
        self.held += sum(map(len, content))
        self.complete = dechunker.complete
        if dechunker.surplus:
            self.reusable = False


def _not_http(status: int, fault: Exception) -> Nonsense:
    if status == SWITCHING:
        return Nonsense("it wants to speak another protocol")
    return Nonsense(f"it does not speak HTTP: {fault}")
