"""A task that runs in the stack of whoever starts and wakes it, without a turn of the event loop in between.

asyncio's own tasks start and resume by callbacks of the loop. A request that waits once, for one service,
pays for three of them, which is more than all of its policies cost. An `InlineTask` starts at once, and a
`Signal` that it awaits resumes it inside `set_result`.

It is a third-party task in the sense of asyncio's documentation ("Extending"): `asyncio.current_task`,
`asyncio.timeout`, task groups and anyio work in it, and it may await whatever a task may.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from operator import attrgetter
from typing import Any, TypeVar

if sys.version_info < (3, 14):
    from asyncio.tasks import _current_tasks  # type: ignore[attr-defined]  # by the loop, as `current_task` reads
else:
    from asyncio.tasks import _swap_current_task

    class _CurrentTasks:
        def get(self, loop: asyncio.AbstractEventLoop) -> Any:
            return asyncio.current_task(loop)

        def __setitem__(self, loop: asyncio.AbstractEventLoop, task: Any) -> None:
            _swap_current_task(loop, task)

        def __delitem__(self, loop: asyncio.AbstractEventLoop) -> None:
            _swap_current_task(loop, None)

    _current_tasks = _CurrentTasks()

Result = TypeVar("Result")

_set_result = asyncio.Future.set_result  # found by `super()` anew each time


class Signal(asyncio.Future[Result]):
    """A future that resumes an `InlineTask` as soon as it has a result; ordinary tasks resume as usual."""

    waiter: "InlineTask[Any] | None" = None
    """The first inline task that awaits it."""

    def set_result(self, result: Result) -> None:
        """Set the result and resume the waiting task, which runs until it waits again."""
        _set_result(self, result)
        if self.waiter is not None:
            self.waiter.step()

    def set_exception(self, exception: type[BaseException] | BaseException) -> None:
        """Set the exception and resume the waiting task, which runs until it waits again."""
        super().set_exception(exception)
        if self.waiter is not None:
            self.waiter.step()

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel it; the waiting task resumes in the next turn of the loop."""
        cancelled = super().cancel(msg)
        if cancelled and self.waiter is not None:
            self.get_loop().call_soon(self.waiter.step)
        return cancelled


class InlineTask(asyncio.Future[Result]):
    """Runs a coroutine at once, until it waits for the first time or ends.

    It may be over when its constructor returns, so one that starts the next must loop, not recurse. Keep a
    reference while it waits: `asyncio.all_tasks` does not have it.

    Args:
        coroutine: what it runs.
        loop: the running event loop.
        on_end: called at its end, in the stack of its last step and in its context.
        context: in which it runs, its own; None for a copy of the current one.
    """

    __slots__ = (
        "_cancelling",
        "_context",
        "_coroutine",
        "_event_loop",
        "_fut_waiter",
        "_must_cancel",
        "_on_end",
    )

    awaits = property(attrgetter("_fut_waiter"))
    """The future that it waits for; None while it runs or lets others go first."""

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Result],
        loop: asyncio.AbstractEventLoop,
        on_end: "Callable[[InlineTask[Result]], None] | None" = None,
        context: Context | None = None,
    ) -> None:
        asyncio.Future.__init__(self, loop=loop)  # `super()` would look it up anew each time
        self._event_loop = loop
        self._coroutine = coroutine
        self._on_end = on_end
        self._context = copy_context() if context is None else context
        self._fut_waiter: asyncio.Future[Any] | None = None  # this name and the next are read by anyio
        self._must_cancel = False
        self._cancelling = 0
        self.step()

    def step(self, error: BaseException | None = None) -> None:  # noqa: PLR0912 (what a call costs, counts here)
        """Continue until it waits again or ends; called by what it waits for."""
        loop = self._event_loop
        outer = _current_tasks.get(loop)
        _current_tasks[loop] = self
        self._fut_waiter = None
        try:
            if error is None and not self._must_cancel:
                awaits = self._context.run(self._coroutine.send, None)
            else:
                awaits = self._context.run(self._coroutine.throw, self._taken_error(error))
        except StopIteration as end:
            if self._must_cancel:  # cancelled in its last step
                super().cancel()
            else:
                self.set_result(end.value)
        except BaseException as failure:  # noqa: BLE001 (raised where the task is awaited)
            self._fail(failure)
        else:
            if type(awaits) is Signal and awaits.waiter is None and not self._must_cancel:
                awaits._asyncio_future_blocking = False  # noqa: SLF001 (as a task acknowledges it)
                awaits.waiter = self
                self._fut_waiter = awaits
            else:
                self._wait_for(awaits)
            return
        finally:
            if outer is None:
                del _current_tasks[loop]
            else:
                _current_tasks[loop] = outer
        if self._on_end is not None:
            self._context.run(self._on_end, self)
        del self._on_end, self._context  # either may refer to what refers to this: a cycle

    def _taken_error(self, error: BaseException | None) -> BaseException:
        if self._must_cancel or error is None:
            self._must_cancel = False
            return asyncio.CancelledError()
        return error

    def _fail(self, failure: BaseException) -> None:
        if isinstance(failure, asyncio.CancelledError):
            super().cancel()
            return
        self.set_exception(failure)
        if isinstance(failure, KeyboardInterrupt | SystemExit):
            raise failure

    def _wait_for(self, awaits: Any) -> None:
        """Wait for anything but a `Signal` of its own."""
        if awaits is None:  # it lets others go first
            self._event_loop.call_soon(self.step)
            return
        if getattr(awaits, "_asyncio_future_blocking", None) and awaits is not self:
            awaits._asyncio_future_blocking = False  # noqa: SLF001 (as a task acknowledges it)
            awaits.add_done_callback(self._resume)
        else:
            error = RuntimeError(f"{self!r} awaited {awaits!r}, which a task cannot wait for")
            self._event_loop.call_soon(self.step, error)
            return
        self._fut_waiter = awaits
        if self._must_cancel and awaits.cancel():
            self._must_cancel = False

    def _resume(self, _awaited: asyncio.Future[Any]) -> None:
        self.step()

    # What asyncio and anyio expect of a task.

    def cancel(self, msg: Any | None = None) -> bool:
        """Raise `CancelledError` where it waits, in a later turn of the loop."""
        if self.done():
            return False
        self._cancelling += 1
        if self._fut_waiter is None or not self._fut_waiter.cancel(msg):
            self._must_cancel = True
        return True

    def cancelling(self) -> int:
        """How many cancellations have not been taken back."""
        return self._cancelling

    def uncancel(self) -> int:
        """Take back one cancellation; returns how many are left."""
        if self._cancelling:
            self._cancelling -= 1
        return self._cancelling

    def get_coro(self) -> Coroutine[Any, Any, Result]:
        """The coroutine that it runs."""
        return self._coroutine

    def get_name(self) -> str:
        """The name of what it runs."""
        return repr(self._coroutine)
