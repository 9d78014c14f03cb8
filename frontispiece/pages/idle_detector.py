"""Finds out when no task of a page's run can continue: then its batches are dispatched.

It is looked at only while some loader has collected keys. A task that waits names the future that it waits
for; one that runs, or merely lets others go first, names none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import Struct

from frontispiece.aio.inline_task import InlineTask, Signal
from frontispiece.pages.source_run import BatchRecord, SourceRun

if TYPE_CHECKING:
    from frontispiece.pages.batching import BatchLoader

Result = TypeVar("Result")

SIGNALLED_TURNS: Final = 1
"""Turns of the event loop in which nothing may change before tasks count as waiting: tasks that a source has
created begin meanwhile."""

SETTLED_TURNS: Final = 3
"""The same when one waits for a future other than a `Signal`.

The end of a task reaches those who wait for it through `asyncio.wait`, `gather`, a `TaskGroup` and the like
some turns later: until then they look as if they waited for I/O.
"""


class IdleDetector(Struct, eq=False):
    """The tasks of one run of a page, and the loaders that wait until none of them can continue."""

    _loop: asyncio.AbstractEventLoop
    _source_runs: Mapping[str, SourceRun]
    batch_records: list[BatchRecord] | None = None
    """Collects a record of each batch; None without tracing."""
    _spawned: list[InlineTask[Any]] = []
    """Further tasks of the sources."""
    _waiting: "list[BatchLoader[Any, Any]]" = []
    """Loaders whose batches are dispatched when no task can continue."""
    _loaders: "set[BatchLoader[Any, Any]]" = set()
    _checking: bool = False
    _awaited: list[Any] = []
    """What the tasks waited for in the last turn."""
    _settled: int = 0

    def track(self, task: InlineTask[Any]) -> None:
        """Have batches wait for this task, too."""
        self._spawned.append(task)

    def on_idle(self, loader: "BatchLoader[Any, Any]") -> None:
        """Dispatch the loader's batch as soon as every task waits."""
        self._waiting.append(loader)
        self._loaders.add(loader)
        self._settled = 0
        if not self._checking:
            self._checking = True
            self._loop.call_soon(self._check)

    def close(self) -> None:
        """End of the page: cancel batches without waiters. Work that another page has joined goes on."""
        if self._spawned:
            self._spawned = [task for task in self._spawned if not task.done()]  # each refers to this
        for loader in self._loaders:
            loader.close()

    def _check(self) -> None:
        """Dispatch the batches if no task can continue; else look again in the next turn."""
        if self._is_idle():
            self._checking = False
            self._awaited = []
            waiting, self._waiting = self._waiting, []
            for loader in waiting:
                loader.dispatch()
        else:
            self._loop.call_soon(self._check)

    def _is_idle(self) -> bool:
        self._spawned = [task for task in self._spawned if not task.done()]
        sources = [run for run in self._source_runs.values() if run.waits]
        awaited = [task.awaits for task in (*sources, *self._spawned)]
        unchanged = awaited == self._awaited
        self._awaited = awaited
        if not unchanged:
            self._settled = 0
        turns = SIGNALLED_TURNS
        for each in awaited:
            if each is None or each.done():
                self._settled = 0
                return False
            if type(each) is not Signal:
                turns = SETTLED_TURNS
        if unchanged:
            self._settled += 1
        return self._settled >= turns


current_detector: ContextVar[IdleDetector | None] = ContextVar("current_detector", default=None)
"""The detector of the page that is running; None outside of pages."""


def spawn(
    work: Awaitable[Result], on_end: Callable[[InlineTask[Result]], None] | None = None
) -> InlineTask[Result]:
    """Run in a task of its own, tracked when a page is running. It may end before this returns."""
    coroutine = work if isinstance(work, Coroutine) else _awaited(work)
    detector = current_detector.get()
    task = InlineTask(coroutine, asyncio.get_running_loop(), on_end)
    if detector is not None and not task.done():
        detector.track(task)
    return task


async def _awaited(work: Awaitable[Result]) -> Result:
    return await work
