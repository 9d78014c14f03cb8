"""The rest of an answer, for whoever reads it as it comes."""

import asyncio
from typing import Protocol, Self

from gateway.upstream.errors import TimedOut
from gateway.upstream.native.answer import Answer


class Source(Protocol):
    """The connection that an answer comes by."""

    def taken(self, answer: Answer) -> None:
        """There is room for more of this answer."""
        ...

    def fail(self, answer: Answer, fault: BaseException) -> None:
        """End this answer with a failure, unless it has ended."""
        ...

    async def give_up(self, answer: Answer) -> None:
        """Want no more of this answer: what is not complete by now never will be."""
        ...


class Body:
    """The content of an answer, in pieces as they come; each may take `seconds`."""

    __slots__ = ("_answer", "_failure", "_seconds", "_source", "_waiter")

    def __init__(self, source: Source, answer: Answer, seconds: float) -> None:
        self._source = source
        self._answer = answer
        self._seconds = seconds
        self._failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        answer = self._answer
        while not answer.chunks:
            if self._failure is not None:
                raise self._failure
            if answer.complete:
                raise StopAsyncIteration
            await self._more()
        content = answer.take()
        self._source.taken(answer)
        return content

    async def release(self) -> None:
        """Let go of the connection, where the answer still holds it."""
        await self._source.give_up(self._answer)

    def wake(self, failure: BaseException | None = None) -> None:
        """There is more, or the end, or the failure that comes after what is there already."""
        if failure is not None:
            self._failure = failure
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _more(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        late = TimedOut(f"no answer in {self._seconds:.3g} s")
        timer = loop.call_later(self._seconds, self._source.fail, self._answer, late)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
