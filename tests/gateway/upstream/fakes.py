"""Transports, time and chance that do as a test says."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from gateway.upstream import Reply, Request, Transport

GET = Request(method="GET", target="/a")

Answer = Callable[[Request], Awaitable[Reply]]


def answering(status: int) -> Answer:
    """Answer this at once, whole."""

    async def answer(_request: Request) -> Reply:
        return Reply.whole(status, b"said", [])

    return answer


def raising(failure: BaseException) -> Answer:
    """Give no answer but this."""

    async def answer(_request: Request) -> Reply:
        raise failure

    return answer


async def streaming(_request: Request) -> Reply:
    """Answer 200 at once, with a body that is still to come."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"said"

    return Reply(status=200, headers=[], body=chunks())


async def hanging(_request: Request) -> Reply:
    """Never answer."""
    return await asyncio.Future[Reply]()


class Fake:
    """A transport that answers as `answer` says and remembers what it was asked."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer or answering(200)
        self.asked: list[Request] = []
        self.open = False

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.open = False

    async def send(self, request: Request) -> Reply:
        """Do as `answer` says."""
        self.asked.append(request)
        return await self.answer(request)


class Held:
    """An answer that waits until the test gives it, or lets it fail."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[Reply]] = []

    async def __call__(self, _request: Request) -> Reply:
        given: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(given)
        return await given

    @property
    def calls(self) -> int:
        """How many calls wait for their answer."""
        self._waiting = [given for given in self._waiting if not given.done()]
        return len(self._waiting)

    def give(self, reply: Reply, which: int = 0) -> None:
        """Answer one of the calls."""
        assert self.calls
        self._waiting.pop(which % len(self._waiting)).set_result(reply)

    def fail(self, failure: Exception, which: int = 0) -> None:
        """Let one of the calls fail."""
        assert self.calls
        self._waiting.pop(which % len(self._waiting)).set_exception(failure)


class Chance:
    """Numbers that the test names; when it names none they are random, and the same in every run."""

    def __init__(self) -> None:
        self.next: list[float] = []
        self._any = random.Random(7)  # noqa: S311 (nothing is secret here)

    def __call__(self) -> float:
        return self.next.pop(0) if self.next else self._any.random()


class Clock:
    """A clock that goes on when the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def streamed() -> Request:
    """A request that can be sent once only."""

    async def body() -> AsyncIterator[bytes]:
        yield b"x"

    return Request(method="POST", target="/a", body=body())


async def ask(transport: Transport, request: Request = GET) -> int:
    """Send, take the whole answer, and say its status."""
    async with await transport.send(request) as reply:
        await reply.read(100)
        return reply.status


async def ended(task: asyncio.Task[Reply]) -> None:
    """Cancel a call and return when it has ended."""
    task.cancel()
    await asyncio.wait([task])


async def settled() -> None:
    """Return when everything that could go on by itself has done so."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def sending(transport: Transport, request: Request = GET) -> AsyncIterator[asyncio.Task[Reply]]:
    """A call on its way; it is cancelled if it still is at the end."""
    task = asyncio.create_task(transport.send(request))
    await settled()
    try:
        yield task
    finally:
        await ended(task)
