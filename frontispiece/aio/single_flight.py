"""Single flight: one load a key for any number of concurrent callers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

from frontispiece import clocks
from frontispiece.aio.inline_task import InlineTask, Signal
from frontispiece.aio.ref_counted import hold_while

log = logging.getLogger(__name__)

Failure = TypeVar("Failure", bound=BaseException)
Expected = tuple[type[Exception], ...]
Work = Callable[[], Awaitable[Any]]
Task = asyncio.Task[Any] | InlineTask[Any]
Spawn = Callable[[Coroutine[Any, Any, Any]], Task]
"""Runs a coroutine in a task of its own, such as `asyncio.create_task`; it may end at once."""


def clone_error(error: Failure) -> Failure:
    """A copy of the error without its traceback, to be raised in another task."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    return copy


class FlightResult:
    """How a load ended: with a value, or with a failure, which is `CancelledError` when it was cancelled.

    Args:
        value: of a load that succeeded.
        failure: of a load that did not.
        expected: failures that are no bug.
    """

    __slots__ = ("_trace", "_value", "expected", "failure")

    def __init__(
        self, value: Any = None, failure: BaseException | None = None, *, expected: Expected = ()
    ) -> None:
        self._value = value
        self._trace = failure.__traceback__ if failure is not None else None
        self.failure = failure
        self.expected = isinstance(failure, expected)

    def result(self) -> Any:
        """The value; may be called any number of times.

        Raises:
            BaseException: the failure. Each caller gets a copy of an expected one, and all get the same bug,
                whose traceback begins each time at the load: neither grows with the number of callers.
        """
        if self.failure is None:
            return self._value
        if self.expected:
            raise clone_error(self.failure) from self.failure
        raise self.failure.with_traceback(self._trace)


class _Load:
    """A load in progress; a `detached` one goes on without waiters."""

    __slots__ = ("detached", "ended", "task", "waiters")

    def __init__(self, *, detached: bool) -> None:
        self.detached = detached
        self.ended: FlightResult | None = None
        self.task: Task
        self.waiters: dict[Signal[FlightResult], None] = {}


class SingleFlight:
    """Loads in progress, at most one a key.

    Args:
        name: of what is loaded, for the log.
        expected: failures that are no bug.
        failure_pause: seconds after an expected failure during which it is raised without a further load.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        expected: Expected = (),
        failure_pause: float = 0.0,
        clock: Callable[[], float] = clocks.monotonic,
    ) -> None:
        self._name = name
        self._expected = expected
        self._failure_pause = failure_pause
        self._clock = clock
        self._loads: dict[Hashable, _Load] = {}
        self._tasks: set[Task] = set()
        self._failed: dict[Hashable, tuple[FlightResult, float]] = {}

    async def share(
        self, key: Hashable, work: Work, spawn: Spawn = asyncio.create_task, *, detached: bool = False
    ) -> tuple[FlightResult, bool]:
        """The end of this key's load, started unless one is in progress, and whether this caller joined it.

        A load whose last waiter is cancelled is cancelled, too, unless it is `detached`.
        """
        waiter: Signal[FlightResult] = Signal(loop=asyncio.get_running_loop())
        load = self._loads.get(key)
        joined = load is not None
        if load is None:
            if (failed := self._failed.get(key)) is not None and self._clock() < failed[1]:
                return failed[0], False
            load = _Load(detached=detached)
            load.waiters[waiter] = None
            self._begin(key, load, work, spawn)
        else:
            load.waiters[waiter] = None
        try:
            return await waiter, joined
        finally:
            del load.waiters[waiter]
            if load.ended is None and not load.waiters and not load.detached:
                self._abandon(key, load)

    def start_detached(
        self, key: Hashable, work: Work, holds: AbstractContextManager[object] | None = None
    ) -> None:
        """Start a load without a waiter, unless one of this key is in progress.

        Args:
            key: of the load.
            work: what to run.
            holds: entered now, left when the load is done.
        """
        if key in self._loads:
            return
        load = _Load(detached=True)
        self._begin(key, load, work, asyncio.create_task)
        if holds is not None:
            hold_while(load.task, holds)

    def in_progress(self, key: Hashable) -> bool:
        """Whether a load of this key has started, so that a caller would join it."""
        return key in self._loads

    def last_failure(self, key: Hashable) -> BaseException | None:
        """The failure of the last load of this key; known only with a `failure_pause`."""
        failed = self._failed.get(key)
        return failed[0].failure if failed is not None else None

    async def close(self) -> None:
        """Cancel every load and return when all have ended."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, key: Hashable, load: _Load, work: Work, spawn: Spawn) -> None:
        self._loads[key] = load
        load.task = spawn(self._run(key, load, work))
        self._tasks.add(load.task)
        load.task.add_done_callback(partial(self._done, key, load))

    async def _run(self, key: Hashable, load: _Load, work: Work) -> None:
        try:
            ended = FlightResult(await work())
        except Exception as failure:  # noqa: BLE001 (it is raised in everyone who waits, or logged)
            ended = FlightResult(failure=failure, expected=self._expected)
        if self._failure_pause:
            self._remember(key, ended)
        self._end(key, load, ended)  # here and not when the task is done: waiters go on at once

    def _remember(self, key: Hashable, ended: FlightResult) -> None:
        if ended.expected:
            self._failed[key] = ended, self._clock() + self._failure_pause
        elif ended.failure is None:
            self._failed.pop(key, None)

    def _abandon(self, key: Hashable, load: _Load) -> None:
        """Cancel a load; the next caller of this key starts another."""
        if self._loads.get(key) is load:
            del self._loads[key]
        load.task.cancel()

    def _done(self, key: Hashable, load: _Load, task: Task) -> None:
        self._tasks.discard(task)
        if load.ended is None:  # it was cancelled, perhaps before it ran at all
            self._end(key, load, FlightResult(failure=asyncio.CancelledError()))

    def _end(self, key: Hashable, load: _Load, ended: FlightResult) -> None:
        load.ended = ended
        if self._loads.get(key) is load:
            del self._loads[key]
        waiters = [waiter for waiter in load.waiters if not waiter.done()]
        for waiter in waiters:
            if not waiter.done():  # one that has gone on meanwhile may have cancelled another
                waiter.set_result(ended)
        if waiters or not isinstance(ended.failure, Exception):
            return
        if not ended.expected:
            log.error("%s: a load without a waiter failed", self._name, exc_info=ended.failure)
        elif load.detached:  # and not one that failed because it was abandoned
            log.warning("%s: a refresh failed: %s", self._name, ended.failure)
