"""One call to a service for several callers: it goes on as long as one of them is there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from gateway.cache.entry import Entry
from gateway.cache.sharing import length_of
from gateway.page.coalesce import again
from gateway.upstream import Refused, Reply, UpstreamError


class Flight:
    """The call and its answer, which is read as fast as it comes up to a bound, however slow its readers are.

    Args:
        largest: bytes of an answer that is given to several.
    """

    def __init__(self, largest: int) -> None:
        self.given_up = False
        """Whether all who waited for it have left."""
        self.begun = False
        """Whether the answer's headers are there."""
        self.reply: Reply | None = None
        self.entry: Entry | None = None
        """What is kept of it; None when it is for its first caller alone."""
        self.for_all = False
        """Whether others may have it."""
        self.complete = False
        self.failure: BaseException | None = None
        self.content: list[bytes] = []
        self._largest = largest
        self._riders = 0
        self._overflown = False
        self._released = False
        self._whole: bytes | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin, in a task of its own: whoever was first may leave."""

        async def run() -> None:
            try:
                await work()
            except Exception as failure:  # noqa: BLE001 (it is raised where it is waited for)
                self.failure = failure
            except asyncio.CancelledError as failure:
                self.failure = failure
                raise
            finally:
                self.tell()

        self._task = asyncio.create_task(run())

    def enter(self) -> None:
        """One more waits for it."""
        self._riders += 1

    async def leave(self) -> None:
        """One fewer; when none is left, it is given up."""
        self._riders -= 1
        if self._riders > 0:
            return
        self.given_up = True
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        await self.let_go()

    async def let_go(self) -> None:
        """Release the answer, once."""
        if self.reply is not None and not self._released:
            self._released = True
            await self.reply.release()

    @property
    def is_known_length(self) -> bool:
        """Whether it is there, or all of it will be, so that several can read it while it comes."""
        return self.complete or (self.reply is not None and length_of(self.reply) is not None)

    def shares_failure(self) -> bool:
        """Whether it failed in a way that is the same for everybody."""
        return isinstance(self.failure, UpstreamError) and not isinstance(self.failure, Refused)

    def tell(self) -> None:
        """Wake everybody who waits for more."""
        self._news.set()
        self._news = asyncio.Event()

    async def until(self, there: Callable[[], bool]) -> None:
        """Return when it is there, or never will be."""
        while not (there() or self.ended):
            await self._news.wait()

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of its own."""
        return self.complete or self._overflown or self.failure is not None

    async def fill(self, reply: Reply) -> bool:
        """Read the answer; whether all of it is there."""
        if isinstance(reply.body, bytes):
            self.content.append(reply.body)
            self.complete = True
            return True
        size = 0
        async for chunk in reply.body:
            self.content.append(chunk)
            size += len(chunk)
            if size > self._largest:
                self._overflown = True  # its first caller reads on
                return False
            self.tell()
        if length_of(reply) not in {None, size}:
            self._overflown = True
            return False
        self.complete = True
        return True

    async def read(self) -> AsyncIterator[bytes]:
        """The body as it comes; the rest of one that is too long goes to its first caller."""
        at = 0
        while True:
            while at < len(self.content):
                yield self.content[at]
                at += 1
            if self.failure is not None:
                self.fail()
            if self.complete:
                return
            if self._overflown:
                assert self.reply is not None, "there was something to read"
                if not isinstance(self.reply.body, bytes):
                    async for chunk in self.reply.body:
                        yield chunk
                return
            await self._news.wait()

    def fail(self) -> None:
        """Raise what it failed with, if it did."""
        if isinstance(self.failure, UpstreamError):
            raise again(self.failure) from self.failure
        if self.failure is not None:
            raise self.failure

    @property
    def whole(self) -> bytes:
        """All of the body, put together once for all."""
        if self._whole is None:
            self._whole = b"".join(self.content)
        return self._whole

    def kept(self) -> Entry:
        """What goes into the cache, when it is complete."""
        assert self.entry is not None, "there is something to keep"
        return msgspec.structs.replace(self.entry, body=self.whole)
