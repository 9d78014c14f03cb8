"""One connection: exchanges one after the other, with backpressure in both directions."""

import asyncio
import math
from typing import TYPE_CHECKING, Self, cast

from frontispiece.aio import Signal
from frontispiece.http.messages import BodyStream, Reply
from frontispiece.upstream.call_context import now
from frontispiece.upstream.errors import IncompleteResponse, InvalidResponse
from frontispiece.upstream.outcome import lateness, seconds_left
from frontispiece.upstream.transports.http1.response_parser import ResponseParser
from frontispiece.upstream.transports.http1.upload import Upload

if TYPE_CHECKING:
    from frontispiece.upstream.transports.http1.pool import Pool

MAX_BUFFERED = 64 * 1024
"""Bytes of a response that are buffered before the socket is read no further."""

NEVER = math.inf


class ConnectionClosed(IncompleteResponse):
    """A reused connection was closed before any byte of the response."""


class Connection(asyncio.Protocol):
    """A connection for one exchange at a time; what awaits it continues within `data_received`.

    An exchange is known by its `ResponseParser`: to whoever comes late, the connection has another one.
    """

    def __init__(self, pool: "Pool") -> None:
        self.deadline = NEVER
        """When `expire` is called, in the loop's time."""
        self._pool = pool
        self._reused = False
        self._response: ResponseParser | None = None
        self._reply: Signal[Reply] | None = None
        self._body: ResponseBody | None = None
        self._seconds = 0.0
        self._upload: Upload | None = None
        self._paused = False

    # Called by the transport.

    def send(self, head: bytes, response: ResponseParser, deadline: float, seconds: float) -> Signal[Reply]:
        """Send a request, or its head; the signal has the reply or the failure."""
        self._response = response
        self._seconds = seconds
        self.watch(deadline)
        reply: Signal[Reply] = Signal(loop=self._loop)
        self._reply = reply
        self._transport.write(head)
        return reply

    def upload(self, response: ResponseParser, body: BodyStream, length: int | None) -> Upload:
        """Send the body of the request, of this length or chunked."""

        def failed(error: BaseException) -> bool:
            if self._response is not response:
                return False
            self.fail(response, error)
            return True

        upload = self._upload = Upload(self._transport, body, length, failed)
        upload.start(self._loop)
        return upload

    def signal(self) -> Signal[None]:
        """A signal for what awaits more of a response."""
        return Signal(loop=self._loop)

    def watch(self, deadline: float) -> None:
        """Have `expire` called at this moment, instead of any other."""
        self.deadline = deadline
        if deadline < self._pool.next_expiry:
            self._pool.expire_at(deadline)

    def expire(self) -> None:
        """Fail the exchange that is late, or close the idle connection."""
        self.deadline = NEVER
        response = self._response
        if response is None:
            self.close()
            return
        body: bytes | BodyStream = b""
        if self._upload is not None and self._body is None:
            body = self._upload.body
        left = seconds_left(body, self._seconds)
        if left > 0:
            self.watch(now() + left)
        else:
            self.fail(response, lateness(body, self._seconds))

    def fail(self, response: ResponseParser, error: BaseException) -> None:
        """Fail this exchange, unless it has ended; the connection is closed."""
        if self._response is not response:
            return
        body, reply = self._body, self._reply
        self.close()
        if body is not None:
            body.wake(error)
        elif reply is not None and not reply.done():
            reply.set_exception(error)

    async def abandon(self, response: ResponseParser) -> None:
        """Close the connection, unless this exchange has ended."""
        if self._response is response:
            upload = self._upload
            self.close()
            if upload is not None:
                await upload.ended()

    def rest(self, response: ResponseParser) -> None:
        """Have `expire` not called, while nobody waits for this exchange."""
        if self._response is response:
            self.deadline = NEVER

    def resume(self, response: ResponseParser) -> None:
        """Read on, after content was taken from the buffer."""
        if self._paused and self._response is response and not self.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def shut_down(self) -> None:
        """Close at once; an exchange in progress fails."""
        if self._response is not None:
            closed = IncompleteResponse("it broke off: the transport was closed", self._response.method)
            self.fail(self._response, closed)
        self.close()

    def close(self) -> None:
        """Close at once, without a word to an exchange in progress."""
        self._response = None
        self.deadline = NEVER
        if self._upload is not None:
            self._upload.cancel()
        self._transport.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket's transport."""
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self.is_closing = self._transport.is_closing

    def data_received(self, data: bytes) -> None:
        """Parse bytes of the response; without a request they are a protocol error."""
        response = self._response
        if response is None:
            self.close()
            return
        try:
            response.feed(data)
        except InvalidResponse as error:
            self.fail(response, error)
            return
        if response.complete:
            self._complete(response)
        elif response.status:
            self._stream(response)

    def eof_received(self) -> None:
        """Note that the peer sends no more, which may complete the response; the loop then closes."""
        response = self._response
        if response is None:
            self.close()
            return
        response.feed_eof()
        if response.complete:
            self._complete(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the exchange in progress."""
        self._pool.lost(self)
        response = self._response
        if response is None:
            return
        if response.begun:
            error = IncompleteResponse("it broke off in the middle of its answer", response.method)
        else:
            broken = ConnectionClosed if self._reused else IncompleteResponse
            error = broken("it broke off without an answer", response.method)
        error.__cause__ = exc
        self.fail(response, error)

    def pause_writing(self) -> None:
        """Pause sending the request's body."""
        if self._upload is not None:
            self._upload.pause()

    def resume_writing(self) -> None:
        """Continue to send it."""
        if self._upload is not None:
            self._upload.resume()

    # The progress of an exchange.

    def _stream(self, response: ResponseParser) -> None:
        """Resolve the reply once the head is there, and wake the reader of its body."""
        if response.buffered > MAX_BUFFERED and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        if self._body is not None:
            self._body.wake()
            return
        self.deadline = NEVER
        self._body = body = ResponseBody(self, response, self._seconds)
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(
                Reply(status=response.status, headers=response.headers, body=body, release=body.release)
            )

    def _complete(self, response: ResponseParser) -> None:
        """Release or close the connection, then resolve the reply or end its body."""
        body, reply, upload = self._body, self._reply, self._upload
        is_sent = upload is None or upload.is_sent
        if response.reusable and is_sent and not self._transport.get_write_buffer_size():
            if self._paused:
                self.resume(response)
            self._body = self._upload = self._response = self._reply = None
            self._reused = True
            self._pool.release(self)
        else:  # the connection ends, or the request was not sent completely
            self._body = None
            self.close()
        if body is None:
            if reply is not None and not reply.done():
                reply.set_result(
                    Reply(status=response.status, headers=response.headers, body=response.take())
                )
        else:
            body.wake()


class ResponseBody:
    """An iterator over the content; each piece may take `seconds`."""

    __slots__ = ("_connection", "_failure", "_response", "_seconds", "_waiter")

    def __init__(self, connection: Connection, response: ResponseParser, seconds: float) -> None:
        self._connection = connection
        self._response = response
        self._seconds = seconds
        self._failure: BaseException | None = None
        self._waiter: Signal[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        response = self._response
        while not response.chunks:
            if self._failure is not None:
                raise self._failure
            if response.complete:
                raise StopAsyncIteration
            await self._more()
        content = response.take()
        self._connection.resume(response)
        return content

    async def release(self) -> None:
        """Close the connection if the body is not complete."""
        await self._connection.abandon(self._response)

    def wake(self, failure: BaseException | None = None) -> None:
        """Continue the reader: with more content, the end, or a failure after the buffered content."""
        if failure is not None:
            self._failure = failure
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _more(self) -> None:
        """Wait for more content, the end, or a failure; the exchange is the connection's until then."""
        connection = self._connection
        self._waiter = connection.signal()
        connection.watch(now() + self._seconds)
        try:
            await self._waiter
        finally:
            self._waiter = None
            connection.rest(self._response)
