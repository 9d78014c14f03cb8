"""Tasks that outlive the request that starts them, and end with the process."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final, Self, TypeVar

from frontispiece.aio.ref_counted import hold_while

log = logging.getLogger(__name__)

Result = TypeVar("Result")

SHUTDOWN_TIMEOUT: Final = 5.0


class BackgroundTasks:
    """A set of tasks, each referenced until it is done.

    Args:
        expected: exceptions that are no bug: a task with a name logs them as warnings, one without a name
            leaves them to the caller that awaits it.
        limit: tasks at a time beyond which the set `is_full`; None without a limit.
        shutdown_timeout: seconds that `close` waits for the tasks before it cancels them.
    """

    def __init__(
        self,
        *,
        expected: tuple[type[Exception], ...] = (),
        limit: int | None = None,
        shutdown_timeout: float = SHUTDOWN_TIMEOUT,
    ) -> None:
        self._expected = expected
        self._limit = limit
        self._shutdown_timeout = shutdown_timeout
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Wait for the tasks, and for those that they start; cancel what is late."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._shutdown_timeout
        while self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=max(0.0, deadline - loop.time()))
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    @property
    def is_full(self) -> bool:
        """Whether there are as many tasks as the limit allows."""
        return self._limit is not None and len(self._tasks) >= self._limit

    def start(
        self,
        work: Coroutine[Any, Any, Result],
        name: str | None = None,
        *,
        holds: AbstractContextManager[object] | None = None,
    ) -> asyncio.Task[Result]:
        """Run the work in a task.

        Args:
            work: what to run.
            name: of the work, for the log.
            holds: entered now, left when the task is done.
        """
        task = asyncio.create_task(work)
        if holds is not None:
            hold_while(task, holds)
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, name))
        return task

    def _done(self, name: str | None, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is None:
            return
        if not isinstance(failure, self._expected):
            log.error("%s failed", name or "a background task", exc_info=failure)
        elif name is not None:
            log.warning("%s failed: %s", name, failure)
