"""Bodies in chunks (RFC 9112, 7.1), in both directions."""

from httptools import HttpParserError, HttpResponseParser

from gateway.upstream.errors import Nonsense

LAST_CHUNK = b"0\r\n\r\n"
MAX_FRAMING = 32 * 1024
"""Bytes of sizes, extensions and trailers that a body may have, and as much again ..."""
FRAMING_PER_BYTE = 16
"""... as this for each byte of content: even chunks of one byte take less."""


def chunk(content: bytes) -> bytes:
    """A chunk as it is sent; content that is empty would end the body."""
    return b"%x\r\n%b\r\n" % (len(content), content)


class Dechunker:
    """Takes the chunks out of a body; trailers are dropped."""

    __slots__ = ("_content", "_framing", "_parser", "_size", "complete", "surplus")

    on_header = on_headers_complete = on_status = on_chunk_header = on_chunk_complete = None

    def __init__(self) -> None:
        self.complete = False
        self.surplus = False
        """Whether something came after the end of the body."""
        self._content: list[bytes] = []
        self._size = 0
        self._framing = 0
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        # A parser of its own reads nothing but the body: the fields that it finds are trailers for certain.
        self._parser.feed_data(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")

    def feed(self, data: bytes) -> list[bytes]:
        """The content in these bytes of the body.

        Raises:
            Nonsense: they are no chunks, or hardly any content is in them.
        """
        assert self._parser is not None, "nothing is fed after the end"
        before = self._size
        self._content = []
        try:
            self._parser.feed_data(data)
        except HttpParserError as fault:
            if not self.complete:
                raise Nonsense(f"it does not speak HTTP: {fault}") from fault
            self.surplus = True
        self._framing += len(data) - (self._size - before)
        if self._framing > MAX_FRAMING + FRAMING_PER_BYTE * self._size:
            raise Nonsense("its answer has more framing than content")
        if self.complete:
            self._parser = None  # which refers to this object: a circle that nobody would have to clear up
        return self._content

    def on_message_begin(self) -> None:
        """Take note of an answer nobody asked for; the parser stops."""
        if self.complete:
            raise HttpParserError("a second answer")

    def on_body(self, content: bytes) -> None:
        """Keep content."""
        self._content.append(content)
        self._size += len(content)

    def on_message_complete(self) -> None:
        """Note the end."""
        self.complete = True
