"""One socket: bytes to an answer, an answer to a reply, back-pressure both ways."""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Protocol, cast

from gateway.upstream.errors import Nonsense, TimedOut
from gateway.upstream.message import Reply
from gateway.upstream.native.answer import Answer
from gateway.upstream.native.body import Body
from gateway.upstream.native.chunked import LAST_CHUNK, chunk

log = logging.getLogger(__name__)

MAX_HELD = 64 * 1024
"""Bytes of an answer that wait for its reader before no more is read."""


class Closed(Nonsense):
    """A connection that had served before was closed before a single byte of the answer came by it."""


class Owner(Protocol):
    """Where connections come from and go back to."""

    def free(self, connection: "Connection") -> None:
        """The connection can be used again."""
        ...

    def lost(self, connection: "Connection") -> None:
        """The connection is gone."""
        ...


class Connection(asyncio.Protocol):
    """A connection, for one exchange after another."""

    def __init__(self, owner: Owner) -> None:
        self.since = 0.0
        """When it became idle, in the loop's time; for the owner."""
        self._owner = owner
        self._served = False
        self._answer: Answer | None = None
        self._body: Body | None = None
        self._seconds = 0.0
        self._upload: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._held_back = False

    # For those who use it.

    def is_open(self) -> bool:
        """Whether requests can still go by it, as far as is known."""
        return not self._transport.is_closing()

    def ask(self, opening: bytes, answer: Answer, seconds: float) -> asyncio.Future[Reply]:
        """Send a request, or its head; the future is the reply to it, or the failure."""
        self._answer = answer
        self._seconds = seconds
        self._reply: asyncio.Future[Reply] = self._loop.create_future()
        self._transport.write(opening)
        return self._reply

    def upload(self, answer: Answer, body: AsyncIterator[bytes], length: int | None) -> asyncio.Task[None]:
        """Send the body of the request whose head has been sent, of this length or in chunks."""
        upload = self._upload = self._loop.create_task(self._send(body, length))
        upload.add_done_callback(partial(self._sent, answer))
        return upload

    def late(self, answer: Answer) -> None:
        """Fail the exchange when not even the head of its answer is there."""
        if not self._reply.done():
            self.fail(answer, TimedOut(f"no answer in {self._seconds:.3g} s"))

    def fail(self, answer: Answer, fault: BaseException) -> None:
        """End this exchange with a failure, unless it has ended; the connection is closed."""
        if self._answer is not answer:
            return
        self.close()
        if self._body is not None:
            self._body.wake(fault)
        elif not self._reply.done():
            self._reply.set_exception(fault)

    async def give_up(self, answer: Answer) -> None:
        """Want no more of this exchange; when it has not ended, the connection is closed."""
        if self._answer is answer:
            upload = self._upload
            self.close()
            if upload is not None:
                await asyncio.wait([upload])

    def taken(self, answer: Answer) -> None:
        """There is room for more of this answer."""
        if self._held_back and self._answer is answer and not self._transport.is_closing():
            self._held_back = False
            self._transport.resume_reading()

    def end(self) -> None:
        """Close at once; an exchange that is going on fails."""
        if self._answer is not None:
            self.fail(self._answer, Nonsense("it broke off: the transport was closed"))
        self.close()

    def close(self) -> None:
        """Close at once, whatever is going on."""
        self._answer = None
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
        self._transport.abort()

    # For the loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes for the answer; when nobody has asked they can mean nothing good."""
        answer = self._answer
        if answer is None:
            self.close()
            return
        try:
            answer.feed(data)
        except Nonsense as fault:
            self.fail(answer, fault)
            return
        if answer.complete:
            self._complete(answer)
        elif answer.status:
            self._stream(answer)

    def eof_received(self) -> None:
        """The peer sends no more, which may complete the answer; the loop closes the connection."""
        answer = self._answer
        if answer is None:
            self.close()
            return
        answer.feed_eof()
        if answer.complete:
            self._complete(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """End what is going on."""
        answer = self._answer
        if answer is not None:
            if answer.begun:
                fault = Nonsense("it broke off in the middle of its answer")
            else:
                fault = (Closed if self._served else Nonsense)("it broke off without an answer")
            fault.__cause__ = exc
            self.fail(answer, fault)
        self._owner.lost(self)

    def pause_writing(self) -> None:
        """Hold the body back."""
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let the body go on."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    # The course of an exchange.

    def _stream(self, answer: Answer) -> None:
        """Hand the answer's head over, or another piece of its body."""
        if self._body is None:
            self._body = body = Body(self, answer, self._seconds)
            self._hand_over(
                Reply(status=answer.status, headers=answer.headers, body=body, release=body.release)
            )
        else:
            self._body.wake()
        if answer.held > MAX_HELD and not self._held_back:
            self._held_back = True
            self._transport.pause_reading()

    def _complete(self, answer: Answer) -> None:
        """Hand the answer over, or its end, when the connection is back with its owner or closed."""
        body, self._body = self._body, None
        if answer.reusable and self._upload is None and not self._transport.get_write_buffer_size():
            self.taken(answer)
            self._answer = None
            self._served = True
            self._owner.free(self)
        else:  # the end of the connection, or an answer to half a request
            self.close()
        if body is None:
            self._hand_over(Reply(status=answer.status, headers=answer.headers, body=answer.take()))
        else:
            body.wake()

    def _hand_over(self, reply: Reply) -> None:
        if not self._reply.done():
            self._reply.set_result(reply)

    async def _send(self, body: AsyncIterator[bytes], length: int | None) -> None:
        left = length
        async for content in body:
            if left is not None:
                left -= len(content)
                if left < 0:
                    raise ValueError(f"A body is longer than the {length} bytes that it is said to have.")
            if content:
                self._transport.write(content if left is not None else chunk(content))
            if self._room is not None:
                await self._room
        if left:
            raise ValueError(f"A body is {left} bytes shorter than the {length} that it is said to have.")
        if left is None:
            self._transport.write(LAST_CHUNK)
        self._upload = None

    def _sent(self, answer: Answer, upload: asyncio.Task[None]) -> None:
        if upload.cancelled():
            return
        fault = upload.exception()
        if fault is None:
            return
        if self._answer is answer:
            self.fail(answer, fault)
        else:  # its exchange is over: nobody is left to be told
            log.error("The body of a request failed after its answer", exc_info=fault)
