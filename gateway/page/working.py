"""What is known of a source while it works, and of a batch while it is away: what a timeline is made of.

Times are those of `perf_counter`.
"""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gateway.page.timeline import Outcome
from gateway.upstream import Bounds, Noted, current_bounds

if TYPE_CHECKING:
    from gateway.page.program import Worker


@dataclass(slots=True)
class Batched:
    """Loads that left together."""

    loader: str
    keys: int
    began: float = field(default_factory=perf_counter)
    ended: float | None = None
    outcome: Outcome = Outcome.CANCELLED
    calls: list[Noted] = field(default_factory=list)


class Working(Bounds):
    """A source from the moment its inputs exist; it is what bounds the source's calls."""

    ended: float | None = None
    outcome = Outcome.CANCELLED
    reason: str | None = None
    cache: str | None = None
    attempts = 1
    begun = False
    expired = False
    task: asyncio.Task[Any] | None = None
    timer: asyncio.TimerHandle | None = None
    batches: tuple[Batched, ...] = ()

    def __init__(self, worker: "Worker", deadline: float, noted: list[Noted] | None) -> None:
        self.deadline = deadline
        self.repeatable = worker.repeatable
        self.noted = noted
        self.began = perf_counter()

    def ends(self) -> None:
        """It has nothing more to do."""
        if self.ended is None:
            self.ended = perf_counter()
        self.task = None  # which knows the run, which knows this: a circle that only the collector would open
        if self.timer is not None:
            self.timer.cancel()

    def ends_at_once(self, cache: str) -> None:
        """Its result was kept from before."""
        self.cache = cache
        self.outcome = Outcome.DONE
        self.ends()

    def forgives(self) -> bool:
        """Whether its cancellation meant no more than that its time is over; it is then taken back."""
        if self.expired and self.task is not None:
            self.task.uncancel()
        return self.expired

    def is_cancelled(self) -> bool:
        """Whether somebody wants it to end, and not only what it waits for has ended."""
        return self.task is None or self.task.cancelling() > 0

    def saw(self, batch: Batched) -> None:
        """It waited for this batch."""
        if batch not in self.batches:
            self.batches += (batch,)

    def expire(self) -> None:
        """End it: its time is over."""
        if self.task is not None and not self.task.done():
            self.expired = True
            if self.begun:
                self.task.cancel()


def falls_short(reason: str) -> None:
    """Say that the result of the source that works here lacks something: its page is degraded by it.

    Args:
        reason: why, as an `UpstreamError` has it.
    """
    working = current_bounds.get()
    if isinstance(working, Working):
        working.reason = reason
