"""How much a gateway has to do: calls that wait for their answer, and how late its event loop is."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Self

EVERY: Final = 0.1
"""Seconds between two looks at the event loop."""

LOOKS: Final = 5
"""As in CoDel (RFC 8289), the least of the latest delays counts: a moment that passes is no overload."""

At = Callable[[float, Callable[[], None]], Any]
"""Calls something at a moment of the clock; what it gives back has a method `cancel`."""


class Load:
    """The load of this process. Whoever has it open keeps it up to date.

    Args:
        most_calls: calls that may wait for their answer at a time, None to count them only.
        most_lag: how late the event loop may be, None when that does not matter.
        clock: the time in seconds, None for the event loop's.
        at: calls at a moment of that clock, None for the event loop's.
    """

    def __init__(
        self,
        most_calls: int | None = None,
        most_lag: timedelta | None = None,
        *,
        clock: Callable[[], float] | None = None,
        at: At | None = None,
    ) -> None:
        self.most_calls = most_calls
        self.most_lag = most_lag.total_seconds() if most_lag else None
        self.running = 0
        """Calls whose answer has not begun."""
        self.lag = 0.0
        """Seconds by which the event loop has been late for a while."""
        self._clock = clock
        self._at = at
        self._looks: deque[float] = deque([0.0] * LOOKS, LOOKS)
        self._timer: Any = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._begin(self._clock or loop.time, self._at or loop.call_at)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._timer.cancel()

    def _begin(self, clock: Callable[[], float], at: At) -> None:
        def look(due: float) -> None:
            now = clock()
            self._looks.append(max(0.0, now - due))
            self.lag = min(self._looks)
            wait(now + EVERY)

        def wait(until: float) -> None:
            self._timer = at(until, lambda: look(until))

        wait(clock() + EVERY)

    def is_above(self, share: float) -> bool:
        """Whether there is more to do than this share of what may be."""
        if self.most_calls is not None and self.running >= share * self.most_calls:
            return True
        return self.most_lag is not None and self.lag > share * self.most_lag
