"""Waiting for many at once."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from typing import Any, Generic, TypeVar

from gateway.page.activity import spawn
from gateway.page.batch import Batch, Load
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
        self._loads: list[Load[Any, Result]] = []
        self._batches: set[Batch] = set()
        self._missing = 0
        self._ending = False
        self._failed: Load[Any, Result] | asyncio.Task[Result] | None = None
        self._over: asyncio.Future[None] | None = None

    def add(self, awaitable: Awaitable[Result]) -> None:
        if not isinstance(awaitable, Load):
            task = spawn(awaitable)
            self._all.append(task)
            self._missing += 1
            task.add_done_callback(self._ran)
            return
        self._all.append(awaitable)
        batch = awaitable.wait(self._loaded)
        if batch is not None:
            self._loads.append(awaitable)
            if batch not in self._batches:
                self._batches.add(batch)
                self._missing += 1
        elif awaitable.failed:
            self._failed = self._failed or awaitable

    async def results(self) -> list[Result]:
        if self._missing and self._failed is None:
            self._over = asyncio.get_running_loop().create_future()
            await self._over
        if self._failed is not None:
            self._failed.result()
        return [each.result() for each in self._all]

    async def end(self) -> None:
        """End what still runs."""
        self._ending = True
        if not self._missing:
            return
        for load in self._loads:
            load.leave(self._loaded)
        running = [each for each in self._all if isinstance(each, asyncio.Task) and not each.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _loaded(self) -> None:
        failed = any(batch.failed for batch in self._batches)
        self._one_ended(next((load for load in self._loads if load.failed), None) if failed else None)

    def _ran(self, task: "asyncio.Task[Result]") -> None:
        failure = None if task.cancelled() else task.exception()
        if self._ending and failure is not None and not isinstance(failure, UpstreamError):
            log.error("What was gathered, and is not needed any more, has a bug", exc_info=failure)
        self._one_ended(task if failure is not None or task.cancelled() else None)

    def _one_ended(self, failed: Load[Any, Result] | asyncio.Task[Result] | None) -> None:
        self._missing -= 1
        self._failed = self._failed or failed
        if self._over is not None and not self._over.done() and (self._failed or not self._missing):
            self._over.set_result(None)
