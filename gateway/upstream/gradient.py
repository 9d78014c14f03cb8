"""How many calls at a time are good for a service, found out by how long they take."""

import random
from collections.abc import Callable
from math import sqrt
from statistics import median
from typing import Final

FIRST: Final = 20
"""Calls at a time to begin with (as in Netflix's library)."""

WINDOW: Final = 0.1
"""Seconds after which what has been seen is looked at."""

ENOUGH: Final = 10
"""Calls without which nothing is concluded; a window goes on until it has them."""

SLACK: Final = 1.25
"""So much longer than at best may calls take before the limit shrinks: latencies are never all the same."""

LARGEST_STEP: Final = 2.0
"""The limit changes by this factor at most, up or down, before the room to grow is added."""

CALM: Final = 4
"""While the best latency is measured, the limit is this part of what it was."""

CALM_CALLS: Final = 50
"""Calls after which that has been measured."""

CALM_SECONDS: Final = 1.0
"""Seconds after which it has been with fewer of them, if they are enough."""

CALM_EVERY: Final = 60.0
"""Seconds between two measurements of the best latency."""

JITTER: Final = 0.15
"""Up to this share later, so that many gateways do not measure in the same moment."""

STUCK: Final = 5
"""Windows in a row at the least limit, after which the best latency is measured again: it may be another."""

LEAST_LATENCY: Final = 1e-6
"""Seconds; what takes less is a clock that stood still."""


class Gradient:
    """The limit follows the ratio of the best latency and the latest one.

    While a service has room, calls take as long at two as at one at a time; beyond its knee each further call
    only waits within it. So a limit under which calls take about as long as at best is near the knee.

    The rule is that of Envoy's gradient controller (its documentation, "Adaptive Concurrency"): a window's
    new limit is `limit * gradient + sqrt(limit * gradient)`, the gradient being the best latency with some
    slack, over the window's median. The root is the room to grow. Now and then few calls are let through
    for a moment, which measures the best latency anew: it may have become another one. Of Netflix's
    concurrency-limits (`Gradient2Limit`) is that a limit grows only while at least half of it is used, as
    else it would say nothing at the moment at which it is needed.

    Unlike Envoy, only the first time the best latency is measured at the least limit, which refuses almost
    all calls. Later it is at a quarter of the present one: that is below the knee, as the rule settles at
    1.25 of the knee and a root. A better latency that is seen at other times is taken at once.

    Args:
        least: calls that are always let through.
        most: more are never.
        now: the time, in the seconds of a clock.
        chance: numbers from 0 to below 1.
    """

    def __init__(
        self, least: int, most: int, now: float, chance: Callable[[], float] = random.random
    ) -> None:
        self.least = least
        self.most = most
        self.calls = self._within(FIRST)
        """At a time, at present."""
        self._chance = chance
        self._before = self.calls
        self._best: float | None = None
        """Seconds that a call takes at best; None until that has been measured."""
        self._latencies: list[float] = []
        self._peak = 0
        self._at_least = 0
        self._window_began = now
        self._calms_at = now
        self._calm = False

    @property
    def best(self) -> float | None:
        """Seconds that a call takes at best; None before that is known."""
        return self._best

    def took(self, began: float, now: float, running: int, *, timed_out: bool = False) -> None:
        """A call that began then has been answered now; so many, this one included, were on their way."""
        if self._calm and (timed_out or began < self._window_began):
            return  # it is not at best, or has seen more load than is wanted now
        self._latencies.append(max(LEAST_LATENCY, now - began))
        self._peak = max(self._peak, running)
        if self._is_over(now):
            self._conclude(now)

    def _is_over(self, now: float) -> bool:
        seen = len(self._latencies)
        if self._calm:
            return seen >= CALM_CALLS or (seen >= ENOUGH and now - self._window_began >= CALM_SECONDS)
        return seen >= ENOUGH and now - self._window_began >= WINDOW

    def _conclude(self, now: float) -> None:
        latency = median(self._latencies)
        if self._calm:
            self._calm = False
            self._best = latency
            self.calls = self._before
            self._calms_at = now + CALM_EVERY * (1 + JITTER * self._chance())
        elif self._best is not None:
            self._best = min(self._best, latency)
            self._adjust(self._best, latency)
        self._latencies.clear()
        self._peak = 0
        self._window_began = now
        if now >= self._calms_at or self._at_least >= STUCK:
            self._begin_calm()

    def _adjust(self, best: float, latency: float) -> None:
        gradient = min(LARGEST_STEP, max(1 / LARGEST_STEP, best * SLACK / latency))
        wanted = self.calls * gradient
        calls = self._within(int(wanted + sqrt(wanted)))
        if calls <= self.calls or 2 * self._peak >= self.calls:
            self.calls = calls
        self._at_least = self._at_least + 1 if self.calls == self.least < self.most else 0

    def _begin_calm(self) -> None:
        self._calm = True
        self._at_least = 0
        self._before = self.calls
        self.calls = self.least if self._best is None else self._within(self.calls // CALM)

    def _within(self, calls: int) -> int:
        return max(self.least, min(self.most, calls))
