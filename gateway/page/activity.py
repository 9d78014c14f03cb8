"""Which coroutines of a page could go on right now, and which wait: what tells a batch when to leave.

A coroutine that waits hands the event loop the future it waits for; one that merely lets others go first
hands it None. Something that passes on what a coroutine yields can so tell the two apart.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from gateway.page.working import Batched

Result = TypeVar("Result")


class Gathering(Protocol):
    """What gathers until nobody can add to it."""

    def leave(self) -> None:
        """Go with what has gathered."""
        ...

    def end_unwanted(self) -> None:
        """End what nobody waits for, whether it has left or not."""
        ...


class Activity:
    """The coroutines of one page's run, and what is to leave as soon as none of them can go on."""

    __slots__ = (
        "_again",
        "_checking",
        "_gathering",
        "_loop",
        "_seen",
        "_settled",
        "_watched",
        "batches",
        "running",
    )

    def __init__(self, batches: list[Batched] | None = None) -> None:
        """`batches` is where batches are noted; None when nobody looks on."""
        self.batches = batches
        self._loop = asyncio.get_running_loop()
        self._watched: set[Watched[Any]] = set()
        self._gathering: list[Gathering] = []
        self._seen: set[Gathering] = set()
        self._checking = False
        self._again = False
        self._settled = False
        self.running = 0

    def spawn(
        self, work: Coroutine[Any, Any, Result], at_end: Callable[[], None] | None = None
    ) -> "asyncio.Task[Result]":
        """Run in a task of its own, watched from now on; `at_end` is called even if it never began."""
        watched = Watched(work, self, at_end)
        self._watched.add(watched)
        self.running += 1
        return self._loop.create_task(watched)

    def when_quiet(self, gathering: Gathering) -> None:
        """Let this leave as soon as every watched coroutine waits."""
        self._gathering.append(gathering)
        self._seen.add(gathering)
        if not self.running:
            self._check_soon()

    def close(self) -> None:
        """The page is made: what nobody waits for ends. What another page joined goes on."""
        for gathering in self._seen:
            gathering.end_unwanted()

    def ended(self, watched: "Watched[Any]") -> None:
        """One has nothing more to do."""
        self._settled = False
        self._watched.discard(watched)
        if watched.at_end is not None:
            watched.at_end()
        self.pauses()

    def pauses(self) -> None:
        """One cannot go on."""
        self.running -= 1
        if not self.running and self._gathering:
            self._check_soon()

    def _check_soon(self) -> None:
        """Look once everything has begun that was started before now, such as tasks of `asyncio.gather`."""
        if self._checking:
            self._again = True
        else:
            self._checking = True
            self._loop.call_soon(self._check)

    def _check(self) -> None:
        if self._again:
            self._again = False
            self._loop.call_soon(self._check)
            return
        self._checking = False
        if self.running or any(watched.can_go_on for watched in self._watched):
            return  # whoever goes on now will wait or end, and that looks again
        if not self._settled:
            # The end of a task reaches those who wait for it through `asyncio.wait`, `gather`, a `TaskGroup`
            # and the like one turn of the loop later: until then they look as if they waited for I/O.
            self._settled = True
            self._check_soon()
            return
        self._settled = False
        gathering, self._gathering = self._gathering, []
        for each in gathering:
            each.leave()


class Watched(Coroutine[Any, Any, Result]):
    """A coroutine that tells its `Activity` when it waits and when it goes on."""

    __slots__ = ("_activity", "_awaits", "_work", "at_end")

    def __init__(
        self, work: Coroutine[Any, Any, Result], activity: Activity, at_end: Callable[[], None] | None
    ) -> None:
        self.at_end = at_end
        self._work = work
        self._activity = activity
        self._awaits: asyncio.Future[Any] | None = None

    @property
    def can_go_on(self) -> bool:
        """Whether what it waited for is there already, and only the event loop has not told it yet."""
        return self._awaits is not None and self._awaits.done()

    def send(self, value: Any) -> Any:
        """Go on until the next pause."""
        if self._awaits is not None:
            self._awaits = None
            self._activity.running += 1
        try:
            awaits = self._work.send(value)
        except BaseException:
            self._activity.ended(self)
            raise
        if awaits is not None:
            self._awaits = awaits
            self._activity.pauses()
        return awaits

    def throw(self, *how: Any) -> Any:
        """Go on with an exception, such as a cancellation."""
        if self._awaits is not None:
            self._awaits = None
            self._activity.running += 1
        try:
            awaits = self._work.throw(*how)
        except BaseException:
            self._activity.ended(self)
            raise
        if awaits is not None:
            self._awaits = awaits
            self._activity.pauses()
        return awaits

    def close(self) -> None:
        """End it before its time: its task never began, or the event loop is gone."""
        self._work.close()

    def __await__(self) -> Any:
        raise TypeError("It is run by a task of its own: await that.")


current: ContextVar[Activity | None] = ContextVar("current", default=None)
"""The activity of the page that is being made; None outside of pages."""


def spawn(work: Awaitable[Result]) -> "asyncio.Task[Result]":
    """Run in a task of its own; while a page is made it belongs to what the page does."""
    activity = current.get()
    coroutine = work if isinstance(work, Coroutine) else _awaited(work)
    if activity is None:
        return asyncio.get_running_loop().create_task(coroutine)
    return activity.spawn(coroutine)


async def _awaited(work: Awaitable[Result]) -> Result:
    return await work


def looked_on() -> bool:
    """Whether somebody wants to know what the page does."""
    activity = current.get()
    return activity is not None and activity.batches is not None


def note(batch: Batched) -> None:
    """A batch has left."""
    activity = current.get()
    if activity is not None and activity.batches is not None:
        activity.batches.append(batch)
