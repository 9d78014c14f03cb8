"""Waiting for many at once."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from frontispiece.aio.inline_task import InlineTask, Signal
from frontispiece.pages.batching import LoadBatch, PendingLoad
from frontispiece.pages.idle_detector import spawn
from frontispiece.upstream import UpstreamError, current_call_context

log = logging.getLogger(__name__)

Result = TypeVar("Result")


async def gather(awaitables: Iterable[Awaitable[Result]]) -> list[Result]:
    """All results, in order; the first failure cancels the rest. Tasks it starts belong to its source.

    Raises:
        Exception: what the first of them raised.
    """
    gathering: _Gathering[Result] = _Gathering()
    try:
        gathering.start(awaitables)
        if gathering.pending and gathering.failed is None:
            gathering.done = Signal(loop=asyncio.get_running_loop())
            await gathering.done
        return gathering.results()
    finally:
        if gathering.pending:
            await gathering.cancel()


class _Gathering(Struct, Generic[Result], eq=False):
    """Loads and tasks, until all have ended or one has failed."""

    pending: int = 0
    """Tasks and batches that have not ended."""
    failed: PendingLoad[Any, Result] | InlineTask[Result] | None = None
    """The first of all to fail."""
    done: Signal[None] | None = None
    """Resolved once all have ended, or one has failed."""
    _all: list[PendingLoad[Any, Result] | InlineTask[Result]] = []
    _batches: set[LoadBatch[Any, Result]] = set()
    _cancelled: bool = False

    def start(self, awaitables: Iterable[Awaitable[Result]]) -> None:
        for each in awaitables:
            if not isinstance(each, PendingLoad):
                self._start_task(each)
                continue
            self._all.append(each)
            if each.settled:
                if each.failure is not None and self.failed is None:
                    self.failed = each
            elif each.batch is not None and each.batch in self._batches:
                each.waiters += 1
            elif (batch := each.subscribe(self._batch_ended)) not in self._batches:
                self._batches.add(batch)
                self.pending += 1

    def _start_task(self, awaitable: Awaitable[Result]) -> None:
        """Run it, unless one has failed already."""
        if self.failed is None:
            self.pending += 1
            self._all.append(spawn(awaitable, self._task_ended))
        elif isinstance(awaitable, Coroutine):
            awaitable.close()

    def results(self) -> list[Result]:
        if self.failed is not None:
            self.failed.result()
        running = current_call_context.get()
        if running is None or running.recorded_calls is None:  # without tracing; no load has failed
            return [each.value if type(each) is PendingLoad else each.result() for each in self._all]
        return [each.result() for each in self._all]

    async def cancel(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        self._cancelled = True
        running = []
        for each in self._all:
            if isinstance(each, PendingLoad):
                each.release(self._batch_ended)
            elif not each.done():
                each.cancel()
                running.append(each)
        if running:
            await asyncio.wait(running)

    def _batch_ended(self) -> None:
        failed = None
        for batch in self._batches:
            if batch.failed:
                loads = (each for each in self._all if isinstance(each, PendingLoad))
                failed = next((load for load in loads if load.failure is not None), None)
        self._one_ended(failed)

    def _task_ended(self, task: InlineTask[Result]) -> None:
        failure = None if task.cancelled() else task.exception()
        if self._cancelled and failure is not None and not isinstance(failure, UpstreamError):
            log.error("A gathered task that is not needed any more has a bug", exc_info=failure)
        self._one_ended(task if failure is not None or task.cancelled() else None)

    def _one_ended(self, failed: PendingLoad[Any, Result] | InlineTask[Result] | None) -> None:
        self.pending -= 1
        self.failed = self.failed or failed
        if self.done is not None and not self.done.done() and (self.failed or not self.pending):
            self.done.set_result(None)
