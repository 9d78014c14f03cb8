"""Waiting for many at once."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from frontispiece.aio.inline_task import InlineTask, Signal
from frontispiece.pages.batching import BatchLoader, LoadBatch, PendingLoad
from frontispiece.pages.idle_detector import spawn
from frontispiece.pages.source_run import SourceRun
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
    except BaseException:
        await gathering.cancel()
        raise


class _Gathering(Struct, Generic[Result], eq=False):
    """Loads and tasks, until all have ended or one has failed."""

    pending: int = 0
    """Tasks and batches that have not ended."""
    failed: PendingLoad[Any, Result] | InlineTask[Result] | None = None
    """The first of all to fail."""
    done: Signal[None] | None = None
    """Resolved once all have ended, or one has failed."""
    _all: list[Any] = []
    """Loads and tasks, and coroutines that are no tasks yet."""
    _loads: list[PendingLoad[Any, Result]] = []
    _batches: dict[LoadBatch[Any, Result], BatchLoader[Any, Result]] = {}
    _cancelled: bool = False

    def start(self, awaitables: Iterable[Awaitable[Result]]) -> None:
        try:
            self._all.extend(awaitables)
        finally:  # what a list has begun that breaks off is cancelled, too
            self._wait_for_loads()
        if self._loads is not self._all:
            self._start_tasks()

    def _wait_for_loads(self) -> None:
        self._loads = loads = self._all
        if {*map(type, loads)} != {PendingLoad}:
            self._loads = loads = [each for each in loads if type(each) is PendingLoad]
        batches = {load.batch: load.loader for load in loads}
        if True in [batch.has_abandoned for batch in batches]:
            batches = {load.renewed(): load.loader for load in loads}
        self._batches = batches
        running = current_call_context.get()
        if isinstance(running, SourceRun) and running.recorded_calls is not None:
            running.record_batches(batch.record for batch in batches)
        for batch in batches:
            if not batch.settled:
                self.pending += 1
                batch.waiters[self._batch_ended] = loads
            elif batch.failures:
                self.failed = self._failed_load()

    def _start_tasks(self) -> None:
        """Run what is no load, until one has failed."""
        for index, each in enumerate(self._all):
            if type(each) is not PendingLoad and self.failed is None:
                self.pending += 1
                self._all[index] = spawn(each, self._task_ended)

    def results(self) -> list[Result]:
        if self.failed is not None:
            self.failed.result()
        if self._loads is self._all:
            return [load.batch.values[load.key] for load in self._all]  # none has failed
        return [each.result() for each in self._all]

    async def cancel(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        self._cancelled = True
        for batch, loader in self._batches.items():
            loader.release(batch, self._batch_ended)
        running = []
        for each in self._all:
            if isinstance(each, InlineTask):
                if not each.done():
                    each.cancel()
                    running.append(each)
            elif isinstance(each, Coroutine):
                each.close()
        if running:
            await asyncio.wait(running)
        self._all, self._loads, self._batches, self.failed = [], [], {}, None  # else it is a circle

    def _batch_ended(self) -> None:
        failed = None
        for batch in self._batches:
            if batch.failures:
                failed = self._failed_load()
        self._one_ended(failed)

    def _failed_load(self) -> PendingLoad[Any, Result] | None:
        return next((load for load in self._loads if load.has_failed), None)

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
