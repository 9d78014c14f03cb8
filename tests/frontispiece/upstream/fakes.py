"""Transports, time and chance that do as a test says."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from frontispiece.upstream import (
    ClientDisconnected,
    InvalidResponse,
    Reply,
    Request,
    TimedOut,
    Transport,
    Unreachable,
    UpstreamServerError,
)
from tests.support.calls import Answer, answering, raising

GET = Request(method="GET", target="/a")

FAILURES: list[Answer] = [
    *map(raising, (Unreachable("a"), TimedOut("b"), InvalidResponse("c"), UpstreamServerError("d"))),
    *map(answering, (500, 502, 503, 504)),
]
"""Outcomes that are failures of an upstream."""

NO_FAILURES: list[Answer] = [
    *map(answering, (200, 302, 304, 400, 404, 429, 499)),
    *map(raising, (ClientDisconnected(), ZeroDivisionError(), asyncio.CancelledError())),
]
"""Outcomes that say nothing against an upstream: refusals, leaving clients, bugs of ours."""


async def streaming(_request: Request) -> Reply:
    """Answer 200 at once, with a body that is still to come."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"said"

    return Reply(status=200, headers=[], body=chunks())


async def hanging(_request: Request) -> Reply:
    """Never answer."""
    return await asyncio.Future[Reply]()


class Fake:
    """A transport that answers as `answer` says and records its requests."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer or answering(200)
        self.requests: list[Request] = []
        self.open = False

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.open = False

    async def send(self, request: Request) -> Reply:
        """Do as `answer` says."""
        self.requests.append(request)
        return await self.answer(request)


class Deferred:
    """An answer that waits until the test gives it, or lets it fail."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[Reply]] = []

    async def __call__(self, _request: Request) -> Reply:
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    @property
    def calls(self) -> int:
        """How many calls wait for their answer."""
        self._waiting = [future for future in self._waiting if not future.done()]
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
