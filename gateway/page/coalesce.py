"""One load for any number of concurrent callers, that goes on as long as one of them waits."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from gateway.upstream import UpstreamError

log = logging.getLogger(__name__)

Failure = TypeVar("Failure", bound=UpstreamError)
Work = Callable[[], Awaitable[Any]]
Spawn = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]
"""Runs a coroutine in a task of its own, which begins later, such as `asyncio.create_task`."""


def again(failure: Failure) -> Failure:
    """The same failure, to be raised once more: without the traceback that the other has gathered."""
    copy = type(failure).__new__(type(failure), *failure.args)
    copy.__dict__.update(failure.__dict__)
    return copy


class Ended:
    """How a load ended: with a result, or with a failure, which is `CancelledError` when it was cancelled."""

    __slots__ = ("_result", "_trace", "failure")

    def __init__(self, result: Any = None, failure: BaseException | None = None) -> None:
        self._result = result
        self._trace = failure.__traceback__ if failure is not None else None
        self.failure = failure

    def result(self) -> Any:
        """The result; anybody may ask for it, any number of times.

        Raises:
            BaseException: the failure. Each caller gets an `UpstreamError` of its own, and all the same bug,
                whose traceback begins each time at the load: neither grows with the number of callers.
        """
        if self.failure is None:
            return self._result
        if isinstance(self.failure, UpstreamError):
            raise again(self.failure) from self.failure
        raise self.failure.with_traceback(self._trace)


class _Load:
    """A load that is under way; `alone` when it goes on though nobody waits."""

    __slots__ = ("alone", "ended", "task", "waiting")

    def __init__(self, *, alone: bool) -> None:
        self.alone = alone
        self.ended: Ended | None = None
        self.task: asyncio.Task[Any]
        self.waiting: dict[asyncio.Future[Ended], None] = {}


class Coalescer:
    """The loads of one source that are under way, at most one a key.

    Args:
        name: of the source, for the log.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loads: dict[bytes, _Load] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def share(self, key: bytes, work: Work, spawn: Spawn) -> tuple[Ended, bool]:
        """How the load of this key ended, and whether it was somebody else's; begun when there is none.

        A caller that is cancelled leaves; a load that the last of them has left is cancelled.
        """
        load = self._loads.get(key)
        joined = load is not None
        if load is None:
            load = self._begin(key, work, spawn, alone=False)
        waiter: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        load.waiting[waiter] = None
        try:
            return await waiter, joined
        finally:
            del load.waiting[waiter]
            if load.ended is None and not load.waiting and not load.alone:
                self._abandon(key, load)

    def begin_alone(self, key: bytes, work: Work) -> None:
        """Begin a load that nobody waits for, unless one of this key is under way."""
        if key not in self._loads:
            self._begin(key, work, asyncio.create_task, alone=True)

    async def close(self) -> None:
        """Cancel every load and return when all have ended."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _begin(self, key: bytes, work: Work, spawn: Spawn, *, alone: bool) -> _Load:
        load = self._loads[key] = _Load(alone=alone)
        load.task = spawn(self._run(key, load, work))
        self._tasks.add(load.task)
        load.task.add_done_callback(partial(self._over, key, load))
        return load

    async def _run(self, key: bytes, load: _Load, work: Work) -> None:
        try:
            ended = Ended(await work())
        except Exception as failure:  # noqa: BLE001 (it is raised in everyone who waits, or logged)
            ended = Ended(failure=failure)
        self._end(key, load, ended)  # here and not when the task is over: who waits can go on at once

    def _abandon(self, key: bytes, load: _Load) -> None:
        """Cancel a load; whoever asks for the key from now on begins another."""
        if self._loads.get(key) is load:
            del self._loads[key]
        load.task.cancel()

    def _over(self, key: bytes, load: _Load, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if load.ended is None:  # it was cancelled, perhaps before it ran at all
            self._end(key, load, Ended(failure=asyncio.CancelledError()))

    def _end(self, key: bytes, load: _Load, ended: Ended) -> None:
        load.ended = ended
        if self._loads.get(key) is load:
            del self._loads[key]
        told = [waiter for waiter in load.waiting if not waiter.done()]
        for waiter in told:
            waiter.set_result(ended)
        if told or not isinstance(ended.failure, Exception):
            return
        if not isinstance(ended.failure, UpstreamError):
            log.error("%s: a load that nobody waits for failed", self._name, exc_info=ended.failure)
        elif load.alone:  # and not for one that failed because everybody had left
            log.warning("%s: a refresh failed: %s", self._name, ended.failure)
