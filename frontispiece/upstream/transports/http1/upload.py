"""The body of a request on its way, while the response may come already."""

import asyncio
import logging
from collections.abc import Callable

from frontispiece.http.messages import BodyStream, ClientDisconnected
from frontispiece.http.problems import Problem
from frontispiece.upstream.transports.http1.request_writer import LAST_CHUNK, encode_chunk

log = logging.getLogger(__name__)


class Upload:
    """Sends a body in chunks as it comes, and no faster than the peer takes it.

    Args:
        length: of the whole; None to send it chunked.
        failed: called with an error of the body; returns whether the exchange takes it.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        body: BodyStream,
        length: int | None,
        failed: Callable[[BaseException], bool],
    ) -> None:
        self.is_sent = False
        self.body = body
        self._transport = transport
        self._length = length
        self._failed = failed
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None]

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send it in a task of its own."""
        self._loop = loop
        self._task = loop.create_task(self._send())
        self._task.add_done_callback(self._end)

    def cancel(self) -> None:
        """Stop sending."""
        self._task.cancel()

    async def ended(self) -> None:
        """Wait until nothing more is read from the body."""
        await asyncio.wait([self._task])

    def pause(self) -> None:
        """Wait until the peer has taken some of it."""
        self._room = self._loop.create_future()

    def resume(self) -> None:
        """Go on."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    async def _send(self) -> None:
        left = self._length
        async for content in self.body:
            if left is not None:
                left -= len(content)
                if left < 0:
                    raise ValueError(f"A body is longer than its Content-Length of {self._length} bytes.")
            if content:
                self._transport.write(content if left is not None else encode_chunk(content))
            if self._room is not None:
                await self._room
        if left:
            raise ValueError(f"A body is {left} bytes shorter than its Content-Length of {self._length}.")
        if left is None:
            self._transport.write(LAST_CHUNK)
        self.is_sent = True

    def _end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None or self._failed(error) or isinstance(error, ClientDisconnected | Problem):
            return
        # The exchange is over: nobody awaits it.
        log.error("The body of a request failed after its answer", exc_info=error)
