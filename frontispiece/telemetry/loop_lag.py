"""How late the event loop is: what every request waits for when something blocks it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Self

from prometheus_client.core import HistogramMetricFamily

from frontispiece.telemetry.metrics import Durations

INTERVAL: Final = 0.1
"""Seconds between two samples."""

SUSTAINED_SAMPLES: Final = 5
"""As in CoDel (RFC 8289), the least of the latest delays counts: a moment that passes is no overload."""

CallAt = Callable[[float, Callable[[], None]], Any]
"""Like `loop.call_at`; returns something with a method `cancel`."""


class LoopLag:
    """Samples how much later than planned the event loop calls a timer; runs within `async with`."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] | None = None,
        call_at: CallAt | None = None,
    ) -> None:
        self.sustained = 0.0
        """Seconds by which the loop has been late for a while: the least of the latest samples."""
        self._clock = clock
        self._call_at = call_at
        self._latest: deque[float] = deque([0.0] * SUSTAINED_SAMPLES, SUSTAINED_SAMPLES)
        self._all = Durations()
        self._timer: Any = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._schedule(self._clock or loop.time, self._call_at or loop.call_at)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._timer.cancel()

    def exceeds(self, seconds: float) -> bool:
        """Whether the loop has been later than this for a while."""
        return self.sustained > seconds

    def _schedule(self, clock: Callable[[], float], call_at: CallAt) -> None:
        due = clock() + INTERVAL

        def sample() -> None:
            late = max(0.0, clock() - due)
            self._all.add(late)
            self._latest.append(late)
            self.sustained = min(self._latest)
            self._schedule(clock, call_at)

        self._timer = call_at(due, sample)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """All samples, as a histogram."""
        family = HistogramMetricFamily(
            "gateway_event_loop_lag_seconds", "How late the event loop is.", labels=[]
        )
        self._all.put_into(family, ())
        yield family
