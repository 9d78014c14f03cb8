"""Many deadlines on one timer of the event loop: a timer for each costs ten times as much."""

import asyncio
import math
from contextvars import Context
from typing import Final, Protocol

RESOLUTION: Final = 0.001
"""Seconds by which a loop may call a timer early."""


PAUSE: Final = 1e-6
"""Seconds between two looks at the deadlines, for each of them: so that looking takes little of the time."""


class Expiring(Protocol):
    """Something with a deadline."""

    def expire(self) -> None:
        """Its deadline has passed."""
        ...


class TimerQueue:
    """Calls `expire` of everything that is still in it at its deadline.

    The timer is armed for the earliest deadline and stays when that one is discarded. With many deadlines one
    is called up to a millisecond late for each thousand of them.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deadlines: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._context = Context()  # not that of who happens to arm the timer: it would be kept with it

    def add(self, expiring: Expiring, deadline: float, loop: asyncio.AbstractEventLoop) -> None:
        """Have `expire` called at this moment of the running loop's time."""
        if loop is not self._loop:  # the loop before has ended, and its timer with it
            self._loop, self._deadlines, self._timer, self._timer_at = loop, {}, None, math.inf
        self._deadlines[expiring] = deadline
        if deadline < self._timer_at:
            self._arm(loop, deadline)

    def discard(self, expiring: Expiring) -> None:
        """Call it no more."""
        self._deadlines.pop(expiring, None)

    def _arm(self, loop: asyncio.AbstractEventLoop, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = moment
        self._timer = loop.call_at(moment, self._expire, loop, context=self._context)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer, self._timer_at = None, math.inf
        due = loop.time() + RESOLUTION
        for expiring in [each for each, deadline in self._deadlines.items() if deadline <= due]:
            if self._deadlines.pop(expiring, None) is not None:  # and not discarded by one before
                expiring.expire()
        if self._deadlines:
            first = max(min(self._deadlines.values()), loop.time() + PAUSE * len(self._deadlines))
            if first < self._timer_at:
                self._arm(loop, first)
