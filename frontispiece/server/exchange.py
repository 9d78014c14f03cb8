"""One request and its response on a connection: body in, content out, with back-pressure on both."""

from asyncio import Task
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from frontispiece.aio.inline_task import InlineTask, Signal
from frontispiece.http.messages import ClientDisconnected, Headers, HeaderSection
from frontispiece.server.response import WITHOUT_CONTENT, ResponseHead, date_line

if TYPE_CHECKING:
    from frontispiece.server.protocol import HttpProtocol

HIGH_WATER: Final = 64 * 1024
"""Bytes of a request's body that wait for the app before the connection is read no further."""

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
INTERIM: Final = range(102, 200)
"""Statuses of responses that may precede the final one, without those of the connection itself."""

NOTHING: Final = 0
LENGTH: Final = 1
CHUNKS: Final = 2
CONNECTION_END: Final = 3
"""What frames a response's content."""


class WrongLength(Exception):
    """The app's response has more or less content than its Content-Length."""


class Exchange:
    """A request as it arrives, and the response to it.

    Args:
        connection: that it came by.
        method: of the request.
        target: of the request, in origin form.
        headers: of the request.
        http_version: `1.1` or `1.0`.
        keep_alive: whether the connection takes another request after it.
    """

    __slots__ = (
        "_remaining",
        "_waiters",
        "body_complete",
        "buffered",
        "chunks",
        "connection",
        "expects_continue",
        "framed_by",
        "headers",
        "http_version",
        "is_disconnected",
        "is_finished",
        "is_started",
        "keep_alive",
        "method",
        "target",
        "task",
    )

    def __init__(
        self,
        connection: "HttpProtocol",
        method: str,
        target: bytes,
        headers: HeaderSection,
        http_version: str,
        *,
        keep_alive: bool,
    ) -> None:
        self.connection = connection
        self.method = method
        self.target = target
        self.headers = headers
        self.http_version = http_version
        self.keep_alive = keep_alive
        self.task: InlineTask[None] | Task[None] | None = None
        """Runs the app."""
        self.body_complete = False
        """Whether all of the request's body has arrived."""
        self.chunks: list[bytes] = []
        """What has arrived of the body and was not read."""
        self.buffered = 0
        """Bytes of these."""
        self.expects_continue = False
        """Whether the client waits for 100 before it sends the body."""
        self.is_disconnected = False
        """Whether the client has gone, or takes no response from the app any more."""
        self.is_started = False
        self.is_finished = False
        self._waiters: list[Signal[None]] = []
        self.framed_by = NOTHING
        self._remaining = 0

    @property
    def path(self) -> str:
        """The path without the query, which may hold secrets: for logs."""
        return self.target.partition(b"?")[0].decode("ascii")

    # The request's body.

    def take_body(self) -> bytes:
        """What waits to be read of the body."""
        chunks = self.chunks
        if not chunks:
            return b""
        self.chunks = []
        self.buffered = 0
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def put_back(self, body: bytes | AsyncIterator[bytes]) -> None:
        """Have a body read again that was taken, but not used."""
        if isinstance(body, bytes) and body:
            self.chunks = [body]
            self.buffered = len(body)

    async def next_chunk(self) -> bytes:
        """The next piece of the body; empty at its end.

        Raises:
            ClientDisconnected: the client has gone, or was cut off.
        """
        while not self.chunks and not self.body_complete and not self.is_disconnected:
            if self.expects_continue:
                self.expects_continue = False
                if not self.is_started:
                    self.connection.write(CONTINUE)
            await self.progress()
        if self.is_disconnected and not self.body_complete:
            raise ClientDisconnected
        content = self.take_body()
        self.connection.adjust_reading()
        return content

    async def body(self) -> AsyncIterator[bytes]:
        """The body in pieces.

        Raises:
            ClientDisconnected: the client has gone, or was cut off.
        """
        while chunk := await self.next_chunk():
            yield chunk

    async def progress(self) -> None:
        """Wait until more of the body has arrived, the response is complete or the client has gone."""
        signal: Signal[None] = Signal(loop=self.connection.loop)
        self._waiters.append(signal)
        await signal

    def wake(self) -> None:
        """Resume what waits for progress."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for signal in waiters:
                if not signal.done():
                    signal.set_result(None)

    def disconnect(self) -> None:
        """Tell the app that nobody waits for its response."""
        self.is_disconnected = True
        self.wake()
        task = self.task
        if type(task) is InlineTask and not task.done():  # an ASGI app learns it by `http.disconnect`
            task.cancel()

    # The response.

    def send_interim(self, status: int, headers: Headers) -> None:
        """Write a response that precedes the final one, to clients that can read it."""
        if status in INTERIM and self.http_version != "1.0" and not self.is_started and self._is_open():
            self.connection.write(ResponseHead(status, headers).section + b"\r\n")

    def send_whole(self, head: ResponseHead, content: bytes) -> None:
        """Write a complete response at once.

        Raises:
            WrongLength: the content has another length than the head says; the response is cut off.
        """
        if not self._is_open():
            return
        framing = self._framing(head, len(content))
        wrong = self.framed_by == LENGTH and self._remaining != len(content)
        if wrong:
            self.keep_alive = False
            content = content[: self._remaining]
        self._write_head(head, framing, b"" if self.framed_by == NOTHING else content)
        if wrong:
            raise WrongLength
        self._finish()

    def start(self, head: ResponseHead) -> None:
        """Write the header section of a response whose content follows."""
        framing = self._framing(head, None)
        if self._is_open():
            self._write_head(head, framing, b"")

    async def write(self, content: bytes) -> None:
        """Write a piece of the content, and wait while the client reads too little.

        Raises:
            WrongLength: it is more than the head said.
        """
        if not content or self.framed_by == NOTHING or not self._is_open():
            return
        if self.framed_by == CHUNKS:
            self.connection.transport.writelines((b"%x\r\n" % len(content), content, b"\r\n"))
        else:
            if self.framed_by == LENGTH:
                if len(content) > self._remaining:
                    raise WrongLength
                self._remaining -= len(content)
            self.connection.write(content)
        if not self.connection.is_writable:
            await self.connection.writable()

    def end(self) -> None:
        """Write the end of the content.

        Raises:
            WrongLength: there was less than the head said.
        """
        if not self._is_open():
            return
        if self.framed_by == CHUNKS:
            self.connection.write(b"0\r\n\r\n")
        elif self.framed_by == LENGTH and self._remaining:
            raise WrongLength
        self._finish()

    def break_off(self) -> None:
        """Close the connection unless the response is complete: the client must not take a part for all."""
        if self._is_open():
            self.is_disconnected = True
            abruptly = self.framed_by == CONNECTION_END or not self.connection.is_writable
            self.connection.close(abruptly=abruptly)

    def _is_open(self) -> bool:
        return not self.is_disconnected and not self.is_finished

    def _framing(self, head: ResponseHead, size: int | None) -> bytes:
        """Decide how the client finds the end of the content; the field that tells it."""
        length = head.content_length
        if head.status in WITHOUT_CONTENT:
            return b""
        if self.method == "HEAD":
            return b"" if length is None else b"content-length: %d\r\n" % length
        if length is None:
            length = size
        if length is not None:
            self.framed_by = LENGTH
            self._remaining = length
            return b"content-length: %d\r\n" % length
        if self.http_version == "1.0":
            self.framed_by = CONNECTION_END
            return b""
        self.framed_by = CHUNKS
        return b"transfer-encoding: chunked\r\n"

    def _write_head(self, head: ResponseHead, framing: bytes, content: bytes) -> None:
        self.is_started = True
        if head.closes or self.connection.is_stopping:
            self.keep_alive = False
        date = b"" if head.is_dated else date_line()
        closing = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self.connection.write(b"".join((head.section, date, framing, closing, content)))

    def _finish(self) -> None:
        self.is_finished = True
        self.wake()
        self.connection.response_complete(self)
