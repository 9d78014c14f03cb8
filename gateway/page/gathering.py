"""Waiting for many at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, TypeVar

from gateway.page.activity import spawn
from gateway.page.batch import Load
from gateway.upstream import UpstreamError

log = logging.getLogger(__name__)

Result = TypeVar("Result")


async def gather(awaitables: Iterable[Awaitable[Result]]) -> list[Result]:
    """All results, in order; the first failure ends what still runs. What it starts belongs to its source.

    Raises:
        Exception: whatever the first of them raised.
    """
    gathered: _Gathered[Result] = _Gathered()
    try:
        for each in awaitables:
            gathered.add(each)
        return await gathered.results()
    finally:
        await gathered.end()


class _Gathered(Generic[Result]):
    """Loads and tasks, until all have ended or one has failed."""

    def __init__(self) -> None:
        self._all: list[Load[Any, Result] | asyncio.Task[Result]] = []
        self._missing = 0
        self._ending = False
        self._fail: Callable[[], Any] | None = None
        self._over: asyncio.Future[None] | None = None

    def add(self, awaitable: Awaitable[Result]) -> None:
        self._missing += 1
        if isinstance(awaitable, Load):
            self._all.append(awaitable)
            awaitable.wait(self._loaded)
        else:
            task = spawn(awaitable)
            self._all.append(task)
            task.add_done_callback(self._ran)

    async def results(self) -> list[Result]:
        if self._missing and self._fail is None:
            self._over = asyncio.get_running_loop().create_future()
            await self._over
        if self._fail is not None:
            self._fail()
        return [each.result() for each in self._all]

    async def end(self) -> None:
        """End what still runs."""
        self._ending = True
        if not self._missing:
            return
        running = []
        for each in self._all:
            if isinstance(each, Load):
                each.leave(self._loaded)
            elif not each.done():
                each.cancel()
                running.append(each)
        if running:
            await asyncio.wait(running)

    def _loaded(self, entry: Any) -> None:
        self._one_ended(None if entry.failure is None else entry.failure.result)

    def _ran(self, task: "asyncio.Task[Result]") -> None:
        failure = None if task.cancelled() else task.exception()
        if self._ending and failure is not None and not isinstance(failure, UpstreamError):
            log.error("What was gathered, and is not needed any more, has a bug", exc_info=failure)
        self._one_ended(task.result if failure is not None or task.cancelled() else None)

    def _one_ended(self, fail: Callable[[], Any] | None) -> None:
        self._missing -= 1
        self._fail = self._fail or fail
        if self._over is not None and not self._over.done() and (self._fail or not self._missing):
            self._over.set_result(None)
