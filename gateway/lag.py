"""How late the event loop is: what every request waits for when something holds the loop up."""

import asyncio
from collections.abc import Iterator
from typing import Final, Self

from prometheus_client.core import HistogramMetricFamily

from kit.metrics import Durations

EVERY: Final = 0.5
"""Seconds between two looks."""


class LoopLag:
    """Looks regularly how much later than planned the loop comes to it; open it with `async with`."""

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._late = Durations()
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._plan()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _plan(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._every
        self._timer = loop.call_at(due, self._look, due)

    def _look(self, due: float) -> None:
        self._late.add(max(0.0, asyncio.get_running_loop().time() - due))
        self._plan()

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """How often it was how late."""
        family = HistogramMetricFamily(
            "gateway_event_loop_lag_seconds", "How late the event loop is.", labels=[]
        )
        self._late.put_into(family, ())
        yield family
