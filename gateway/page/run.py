"""Running a page: every source starts the moment its inputs exist."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

from gateway.page.activity import Activity, current
from gateway.page.cache import MISSING, CacheState
from gateway.page.program import Program, Worker
from gateway.page.timeline import Outcome
from gateway.page.working import Batched, Working
from gateway.upstream import Noted, TimedOut, UpstreamError, current_bounds

NOTHING: Mapping[str, Any] = {}


class SourceFailed(Exception):
    """A required source has no result, and so the page has none."""

    def __init__(self, source: str, failure: UpstreamError) -> None:
        super().__init__(f"{source}: {failure}")
        self.source = source
        self.failure = failure


class Run:
    """One run of a page.

    Args:
        program: the page.
        given: the values of all inputs that are no sources, by name.
        as_nobody: those of them that sources get whose results are kept for everybody.
        deadline: when it must be over, in the event loop's time, seconds.
        looked_on: whether calls and batches are noted.
        settled: called with a source's name and its result, or what stands in for it, as soon as it is there.
    """

    def __init__(
        self,
        program: Program,
        given: Mapping[str, Any],
        deadline: float,
        *,
        as_nobody: Mapping[str, Any] = NOTHING,
        looked_on: bool = False,
        settled: Callable[[str, Any], None] | None = None,
    ) -> None:
        self._program = program
        self._deadline = deadline
        self._as_nobody = as_nobody
        self._settled = settled
        self._loop = asyncio.get_running_loop()
        self._missing = [worker.needs for worker in program.workers]
        self._alive = 0
        self._over = False
        self._given_up = False
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._failures: list[Exception] = []
        self.began = perf_counter()
        self.values = dict(given)
        """Inputs and results so far, by name."""
        self.working: dict[str, Working] = {}
        """Every source that has begun, by name."""
        self.degraded: dict[str, str] = {}
        """Reasons by source that is replaced by its fallback, or whose result lacks something."""
        self.batches: list[Batched] | None = [] if looked_on else None
        self._activity = Activity(self.batches)

    async def finish(self) -> None:
        """Return when every source has its result, or what stands in for it.

        Raises:
            SourceFailed: a required source failed; all others have been cancelled.
        """
        before = current.set(self._activity)
        timer = self._loop.call_at(self._deadline, self._expire)
        try:
            self._start(list(self._program.roots))
            if self._alive:
                await self._done
        except BaseException:
            await self._end()
            raise
        finally:
            timer.cancel()
            current.reset(before)
            self._activity.close()
        if self._failures:
            raise _gravest(self._failures)

    def view(self) -> Any:
        """What the client sees."""
        return self._program.view(self.values)

    def _start(self, ready: list[Worker]) -> None:
        """Start these sources, and those that can start because a kept result is there at once."""
        for worker in ready:  # which grows meanwhile
            values = self.values if worker.as_somebody else {**self.values, **self._as_nobody}
            arguments = {name: values[name] for name in worker.names}
            working = self._working(worker)
            key = None
            if worker.kept is not None:
                kept = worker.kept.peek(key := worker.key(arguments))
                if kept is not MISSING:
                    working.ends_at_once(CacheState.HIT)
                    worker.cached[CacheState.HIT] += 1
                    ready += self._settle(worker, kept)
                    continue
            self._alive += 1
            work = self._run(worker, working, arguments, key)
            working.task = self._activity.spawn(work, self._one_ended)
            if self._over:
                self._loop.call_soon(working.expire)

    def _working(self, worker: Worker) -> Working:
        noted: list[Noted] | None = None if self.batches is None else []
        working = self.working[worker.name] = Working(worker, self._deadline, noted)
        timeout = worker.source.timeout
        if timeout is not None and (until := self._loop.time() + timeout) < self._deadline:
            working.deadline = until
            working.timer = self._loop.call_at(until, working.expire)
        return working

    def _settle(self, worker: Worker, value: Any) -> list[Worker]:
        """Keep a result; returns the sources that waited for it alone."""
        self.values[worker.name] = value
        if self._settled is not None:
            self._settled(worker.name, value)
        ready = []
        for dependent in worker.dependents:
            self._missing[dependent.index] -= 1
            if not self._missing[dependent.index]:
                ready.append(dependent)
        return ready

    async def _run(
        self, worker: Worker, working: Working, arguments: dict[str, Any], key: bytes | None
    ) -> None:
        """One source, from its start to what follows from its end."""
        current_bounds.set(working)
        working.begun = True
        try:
            try:
                if working.expired:
                    raise asyncio.CancelledError  # noqa: TRY301 (as had it been ended: there may be an older result)
                if worker.kept is None or key is None:
                    value = await worker.work(**arguments)
                else:
                    load = partial(worker.work, **arguments)
                    value, working.cache = await worker.kept.get(key, load, self._activity.spawn)
                    worker.cached[working.cache] += 1
                working.outcome = Outcome.DONE
                if working.reason is not None:
                    self._degrade(worker, working.reason)
            except UpstreamError as failure:
                value = self._stand_in(worker, working, failure)
            except asyncio.CancelledError as cancelled:
                if not working.forgives():
                    if working.is_cancelled():
                        raise
                    raise RuntimeError(f"{worker.name} awaited what somebody cancelled") from cancelled
                value = self._late(worker, working, key)
            working.ended = perf_counter()  # before anything begins that waited for it
            if not self._given_up:
                self._start(self._settle(worker, value))
        except Exception as failure:  # noqa: BLE001 (of the page or of ours: raised where the page is awaited)
            working.outcome = Outcome.FAILED
            self._failures.append(failure)
            self._given_up = True
            self._loop.call_soon(self._cancel)  # what begins in this very moment may have a bug to tell of
        finally:
            working.ends()

    def _late(self, worker: Worker, working: Working, key: bytes | None) -> Any:
        """What there is of a source whose time is over: an older result, or its fallback."""
        older = MISSING if worker.kept is None or key is None else worker.kept.revived(key)
        if older is MISSING:
            return self._stand_in(worker, working, TimedOut("it took too long"))
        working.cache, working.outcome = CacheState.REVIVED, Outcome.DONE
        worker.cached[CacheState.REVIVED] += 1
        return older

    def _stand_in(self, worker: Worker, working: Working, failure: UpstreamError) -> Any:
        """The fallback of a source whose upstream failed.

        Raises:
            SourceFailed: it has none.
        """
        working.reason = failure.reason
        if worker.source.fallback is None:
            working.outcome = Outcome.FAILED
            raise SourceFailed(worker.name, failure) from failure
        working.outcome = Outcome.FALLBACK
        self._degrade(worker, failure.reason)
        return worker.source.fallback()

    def _degrade(self, worker: Worker, reason: str) -> None:
        self.degraded[worker.name] = reason
        worker.degraded[reason] += 1

    def _one_ended(self) -> None:
        self._alive -= 1
        if not self._alive and not self._done.done():
            self._done.set_result(None)

    def _expire(self) -> None:
        """The page's time is over."""
        self._over = True
        for working in self.working.values():
            working.expire()

    def _cancel(self) -> None:
        for working in self.working.values():
            if working.task is not None:
                working.task.cancel()

    async def _end(self) -> None:
        """Cancel all that runs, and see it end."""
        self._given_up = True
        self._cancel()
        tasks = [working.task for working in self.working.values() if working.task is not None]
        if tasks:
            await asyncio.wait(tasks)


def _gravest(failures: list[Exception]) -> Exception:
    """A bug before a failed upstream: several sources may fail in the same moment."""
    bugs = [failure for failure in failures if not isinstance(failure, SourceFailed)]
    return (bugs or failures)[0]
