"""Running a page: every source starts the moment its inputs exist."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any, Final

from frontispiece.aio.inline_task import InlineTask, Signal
from frontispiece.pages.cache_key import key_of
from frontispiece.pages.compiled import CompiledPage, CompiledSource
from frontispiece.pages.idle_detector import IdleDetector, current_detector, spawn
from frontispiece.pages.result_cache import MISSING, CacheState
from frontispiece.pages.source_run import BatchRecord, SourceRun
from frontispiece.pages.timeline import DONE, TraceOutcome
from frontispiece.upstream import (
    CallRecord,
    Headers,
    Overloaded,
    TimedOut,
    UpstreamError,
    current_call_context,
)

NO_INPUTS: Mapping[str, Any] = {}

SKIPPED: Final = Overloaded("it was not asked, for this process is overloaded")
"""Why an optional source is not run."""


class SourceFailed(Exception):
    """A required source failed, and so its page did."""

    def __init__(self, source: str, failure: UpstreamError) -> None:
        super().__init__(f"{source}: {failure}")
        self.source = source
        self.failure = failure


class Run:
    """One run of a page.

    Args:
        anonymous_inputs: those that replace them in sources whose cached results do not depend on the caller.
        deadline: when the page must be ready, in the event loop's time, seconds.
        on_settled: called with a source's name and its result or fallback, as soon as there is one.
        part_of: the detector of the larger run that this is a part of.
    """

    def __init__(
        self,
        page: CompiledPage,
        inputs: Mapping[str, Any],
        deadline: float,
        *,
        anonymous_inputs: Mapping[str, Any] = NO_INPUTS,
        tracing_enabled: bool = False,
        skip_optional: bool = False,
        on_settled: Callable[[str, Any], None] | None = None,
        part_of: IdleDetector | None = None,
    ) -> None:
        self._page = page
        self._deadline = deadline
        self._anonymous_inputs = anonymous_inputs
        self._on_settled = on_settled
        self._skip_optional = skip_optional
        self._loop = asyncio.get_running_loop()
        self._missing = page.dependencies.copy()
        """How many dependencies have no result yet, by the index of the source."""
        self._ready: deque[CompiledSource] = deque(page.roots)
        """Sources that have their inputs and have not started."""
        self._starting = False
        self._alive = 0
        self._expired = False
        self._cancelled = False
        self._done: Signal[None] | None = None
        """Wakes whoever waits for the end."""
        self._failures: list[Exception] = []
        self.began = perf_counter()
        self.values = dict(inputs)
        """Inputs and results so far, by name."""
        self.source_runs: dict[str, SourceRun] = {}
        """Every source that has started, by name."""
        self.degraded: dict[str, str] = {}
        """The reason of every source that its fallback replaces or whose result is incomplete."""
        self.batch_records: list[BatchRecord] | None = [] if tracing_enabled else None
        self._part_of = part_of
        self._detector = part_of or IdleDetector(self._loop, self.source_runs, self.batch_records)

    async def finish(self) -> None:
        """Return when every source has its result or fallback.

        Raises:
            SourceFailed: a required source failed; all others have been cancelled.
        """
        token = current_detector.set(self._detector)
        self._page.deadlines.add(self, self._deadline, self._loop)
        try:
            calls = current_call_context.get()
            self._start()
            current_call_context.set(calls)
            if self._alive:
                self._done = Signal(loop=self._loop)
                await self._done
        except BaseException:
            await self._cancel_and_wait()
            raise
        finally:
            self._page.deadlines.discard(self)
            current_detector.reset(token)
            if self._part_of is None:
                self._detector.close()
        if self._failures:
            raise _gravest(self._failures)

    def view(self) -> Any:
        """What the client sees."""
        return self._page.view(self.values)

    @property
    def response_headers(self) -> Headers:
        """The headers that sources have set of the response."""
        return [field for run in self.source_runs.values() for field in run.response_headers.items()]

    def _start(self) -> None:
        """Start the sources that are ready, and those that become it because one of them never waits."""
        self._starting = True
        try:
            while self._ready:
                self._start_source(self._ready.popleft())
        finally:
            self._starting = False

    def _start_source(self, source: CompiledSource) -> None:
        """Take over the result that is cached, or run the source until it waits for the first time."""
        values = self.values if source.per_caller else {**self.values, **self._anonymous_inputs}
        arguments = source.arguments(values)
        calls: list[CallRecord] | None = None if self.batch_records is None else []
        run = self.source_runs[source.name] = SourceRun(source, self._deadline, calls)
        if source.cache is not None:
            run.key = key_of(source.key_inputs(values))
            if (cached := source.cache.peek(run.key)) is not MISSING:
                self._settle(run, self._cached(run, cached, CacheState.HIT))
                return
        if self._skip_optional and source.declared.fallback is not None:
            self._settle(run, self._stale_or_fallback(run, CacheState.STALE, SKIPPED))
            return
        if source.cache is None or run.key is None:
            coroutine = source.call(*arguments)
        else:
            coroutine = source.cache.get(run.key, partial(source.call, *arguments), spawn)
        if source.timeout is not None and (until := self._loop.time() + source.timeout) < self._deadline:
            run.deadline = until
        self._alive += 1
        current_call_context.set(run)  # and so in the context of its own
        InlineTask.__init__(run, coroutine, self._loop, self._source_ended)  # type: ignore[arg-type]  # called with run
        if not run.done():
            run.waits = True
            if self._part_of is not None:
                self._part_of.track(run)
            if run.deadline < self._deadline:
                self._page.deadlines.add(run, run.deadline, self._loop)
            if self._expired:
                self._loop.call_soon(run.expire)

    def _source_ended(self, run: SourceRun) -> None:  # noqa: C901 (called for every source of every page)
        """Take over the result of a source, or its failure, and start those that waited for it alone."""
        if run.waits:
            run.waits = False
            if run.deadline < self._deadline:
                self._page.deadlines.discard(run)
        try:
            try:
                value = run.result()
            except (UpstreamError, asyncio.CancelledError) as failure:
                value = self._replacement(run, failure)
            else:
                if run.key is not None:
                    value, run.cache = value
                    run.source.cache_counts[run.cache] += 1
                run.outcome = DONE
                if run.reason is not None:
                    self._mark_degraded(run, run.reason)
            self._settle(run, value)
            if self._ready and not self._starting:
                self._start()
        except asyncio.CancelledError:
            run.ended = perf_counter()
        except Exception as failure:  # noqa: BLE001 (the page's failure or a bug: raised where the page is awaited)
            run.ended = run.ended or perf_counter()
            run.outcome = TraceOutcome.FAILED
            self._fail(failure)
        self._alive -= 1
        if not self._alive and not self._starting and self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _settle(self, run: SourceRun, value: Any) -> None:
        """Take over a result; the sources that waited for it alone are ready."""
        run.ended = perf_counter()
        if self._cancelled or (self._done is not None and self._done.cancelled()):
            return  # nothing starts any more: the page has failed, or whoever waits for it was cancelled
        source = run.source
        self.values[source.name] = value
        if self._on_settled is not None:
            self._on_settled(source.name, value)
        for dependent in source.dependents:
            self._missing[dependent.index] -= 1
            if not self._missing[dependent.index]:
                self._ready.append(dependent)

    def _replacement(self, run: SourceRun, failure: BaseException) -> Any:
        """What replaces the result of a source whose upstream failed, or that timed out.

        Raises:
            SourceFailed: the source is required.
            CancelledError: the page was cancelled.
        """
        if isinstance(failure, UpstreamError):
            failure.__traceback__ = None  # its frames refer to the source, which has the failure: a circle
            return self._fall_back(run, failure)
        if run.expired:
            return self._stale_or_fallback(run, CacheState.STALE_IF_ERROR, TimedOut("it took too long"))
        if run.cancelling():
            raise failure
        raise RuntimeError(f"{run.source.name} awaited something that was cancelled") from failure

    def _fail(self, failure: Exception) -> None:
        if isinstance(failure, SourceFailed):
            failure.__traceback__ = None
        self._failures.append(failure)
        self._cancelled = True
        self._loop.call_soon(self._cancel)  # a source that starts in this very moment may report a bug

    def _stale_or_fallback(self, run: SourceRun, state: CacheState, failure: UpstreamError) -> Any:
        """A stale result of a source that timed out or is not run, or its fallback."""
        cache = run.source.cache
        if cache is not None and run.key is not None:
            stale = cache.stale_value(run.key, state)
            if stale is not MISSING:
                return self._cached(run, stale, state)
        return self._fall_back(run, failure)

    def _cached(self, run: SourceRun, value: Any, state: CacheState) -> Any:
        run.cache, run.outcome = state, DONE
        run.source.cache_counts[state] += 1
        return value

    def _fall_back(self, run: SourceRun, failure: UpstreamError) -> Any:
        """The fallback of a source whose upstream failed.

        Raises:
            SourceFailed: the source is required.
        """
        run.reason = failure.reason
        if run.source.declared.fallback is None:
            run.outcome = TraceOutcome.FAILED
            raise SourceFailed(run.source.name, failure) from failure
        run.outcome = TraceOutcome.FALLBACK
        self._mark_degraded(run, failure.reason)
        return run.source.declared.fallback()

    def _mark_degraded(self, run: SourceRun, reason: str) -> None:
        self.degraded[run.source.name] = reason
        run.source.degraded_counts[reason] += 1

    def expire(self) -> None:
        """The page's deadline has passed: what still runs is cancelled, perhaps once more."""
        self._expired = True
        for run in self.source_runs.values():
            if run.waits:
                run.expired = run.stopped = run.cancel()

    def _cancel(self) -> None:
        for run in self.source_runs.values():
            run.stop()

    async def _cancel_and_wait(self) -> None:
        self._cancelled = True
        self._cancel()
        if waiting := [run for run in self.source_runs.values() if run.waits]:
            await asyncio.wait(waiting)


def _gravest(failures: list[Exception]) -> Exception:
    """A bug before an upstream's failure: several sources may fail at the same time. It empties the list."""
    gravest = next((each for each in failures if not isinstance(each, SourceFailed)), failures[0])
    failures.clear()
    return gravest
