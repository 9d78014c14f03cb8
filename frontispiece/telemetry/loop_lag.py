"""How late the event loop is: what every request waits for when something blocks it."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final, Self

from prometheus_client.core import HistogramMetricFamily

from frontispiece.telemetry.metrics import Durations

INTERVAL: Final = 0.1
"""Seconds between two samples."""

SUSTAINED_SAMPLES: Final = 5
"""As in CoDel (RFC 8289), the least of the latest delays counts: a moment that passes is no overload."""


class LoopLag:
    """Samples how much later than planned the event loop calls a timer; runs within `async with`."""

    def __init__(self) -> None:
        self.sustained = 0.0
        """Seconds by which the loop has been late for a while: the least of the latest samples."""
        self._latest: deque[float] = deque([0.0] * SUSTAINED_SAMPLES, SUSTAINED_SAMPLES)
        self._all = Durations()

    async def __aenter__(self) -> Self:
        self.start(asyncio.get_running_loop())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._timer.cancel()

    def exceeds(self, seconds: float) -> bool:
        """Whether the loop has been later than this for a while."""
        return self.sustained > seconds

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sample the lag of a loop from now on."""
        due = loop.time() + INTERVAL

        def sample() -> None:
            late = max(0.0, loop.time() - due)
            self._all.add(late)
            self._latest.append(late)
            self.sustained = min(self._latest)
            self.start(loop)

        self._timer = loop.call_at(due, sample)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """All samples, as a histogram."""
        family = HistogramMetricFamily(
            "gateway_event_loop_lag_seconds", "How late the event loop is.", labels=[]
        )
        self._all.put_into(family, ())
        yield family
