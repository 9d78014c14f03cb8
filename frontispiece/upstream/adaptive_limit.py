"""An adaptive concurrency limit: as many requests at a time as a service answers about as fast as few."""

import random
from collections.abc import Callable
from math import inf, sqrt
from statistics import median
from typing import Final

INITIAL_LIMIT: Final = 20
"""As in Netflix's library."""

WINDOW: Final = 0.1
"""Seconds of samples after which the limit is adjusted."""

MIN_SAMPLES: Final = 10
"""Samples without which a window goes on."""

TOLERANCE: Final = 1.25
"""The factor by which a latency may exceed the minimum before the limit shrinks."""

MAX_STEP: Final = 2.0
"""The limit changes by this factor at most, up or down, before the room to grow is added."""

PROBE_DIVISOR: Final = 4
"""While the minimum latency is measured, the limit is divided by this."""

PROBE_SAMPLES: Final = 50
"""Samples that complete that measurement."""

PROBE_SECONDS: Final = 1.0
"""Seconds that complete it with fewer, but at least `MIN_SAMPLES`."""

PROBE_INTERVAL: Final = 60.0
"""Seconds between two measurements."""

JITTER: Final = 0.15
"""By up to this share the interval is longer, so that gateways do not measure at the same moment."""

STUCK_WINDOWS: Final = 5
"""Windows in a row at the minimum limit, after which the minimum latency is measured anew."""

MIN_LATENCY: Final = 1e-6
"""Seconds; a shorter one is a clock that stood still."""


class AdaptiveLimit:
    """The limit follows the ratio of the minimum latency to the latest one.

    Below the knee of a service, two requests at a time take as long as one; beyond it, each further request
    only waits inside the service. So a limit with about the minimum latency is near the knee.

    The rule is that of Envoy's gradient controller (its documentation, "Adaptive Concurrency"): a window's
    new limit is `limit * gradient + sqrt(limit * gradient)`, the gradient being the minimum latency with some
    tolerance, over the window's median. The root is the headroom to grow. Now and then the limit is small
    for a moment, to measure the minimum latency anew: it may have changed. Of Netflix's
    concurrency-limits (`Gradient2Limit`) is that a limit grows only while at least half of it is used, as
    else it would say nothing at the moment at which it is needed.

    Unlike Envoy, only the first measurement is made at the minimum limit, which refuses almost all requests.
    Later ones are made at a quarter of the limit: that is below the knee, as the rule settles at 1.25 of the
    knee and a root. A lower latency that is seen at other times is taken at once.

    Args:
        tolerance: the factor by which a latency may exceed the minimum before the limit shrinks.
        unlimited: whether the limit begins at `max_limit`, and the first window gives the minimum latency, so
            that nothing is refused before a latency has risen. It then grows by the root alone, as that of
            Netflix does: a limit that was reached from above doubles too far before its latency shows.
        acceptable: seconds; the limit does not shrink while the latency is below.
    """

    def __init__(
        self,
        min_limit: int,
        max_limit: int,
        now: float,
        chance: Callable[[], float] = random.random,
        *,
        tolerance: float = TOLERANCE,
        unlimited: bool = False,
        acceptable: float = 0.0,
    ) -> None:
        self.min_limit = min_limit
        self.max_limit = max_limit
        self.limit = max_limit if unlimited else self._clamp(INITIAL_LIMIT)
        """Requests at a time, at present."""
        self._unlimited = unlimited
        self._tolerance = tolerance
        self._acceptable = acceptable
        self._chance = chance
        self._limit_before_probe = self.limit
        self.min_latency: float | None = None
        """Seconds; None until it has been measured."""
        self._latencies: list[float] = []
        self._peak = 0
        self._windows_at_min = 0
        self._window_began = now
        self._probe_at = now + self._interval() if unlimited else now
        self._probing = False

    @property
    def tolerable_latency(self) -> float:
        """Seconds; a longer latency makes the limit shrink. Infinite until the minimum is known."""
        if self.min_latency is None:
            return inf
        return max(self.min_latency * self._tolerance, self._acceptable)

    def sample(self, began: float, now: float, in_flight: int, *, timed_out: bool = False) -> None:
        """Add the latency of a request; `in_flight` counts the requests at its end, itself included."""
        if self._probing and (timed_out or began < self._window_began):
            return  # it is no minimum, or has seen more load than the probe allows
        self._latencies.append(now - began)
        if in_flight > self._peak:  # noqa: PLR1730 (a call of `max` costs as much as ten lines)
            self._peak = in_flight
        samples, seconds = len(self._latencies), PROBE_SECONDS if self._probing else WINDOW
        is_measured = self._probing and samples >= PROBE_SAMPLES
        if is_measured or (samples >= MIN_SAMPLES and now - self._window_began >= seconds):
            self._finish_window(now)

    def _finish_window(self, now: float) -> None:
        latency = max(MIN_LATENCY, median(self._latencies))
        if self._probing:
            self._probing = False
            self.min_latency = latency
            self.limit = self._limit_before_probe
            self._probe_at = now + self._interval()
        elif self.min_latency is not None:
            self.min_latency = min(self.min_latency, latency)
            self._adjust(latency)
        elif self._unlimited:
            self.min_latency = latency
        self._latencies.clear()
        self._peak = 0
        self._window_began = now
        if now >= self._probe_at or self._windows_at_min >= STUCK_WINDOWS:
            self._begin_probe()

    def _adjust(self, latency: float) -> None:
        max_growth = 1.0 if self._unlimited else MAX_STEP
        gradient = min(max_growth, max(1 / MAX_STEP, self.tolerable_latency / latency))
        used = self.limit if gradient >= 1 else min(self.limit, max(self.min_limit, self._peak))
        wanted = used * gradient
        limit = self._clamp(int(wanted + sqrt(wanted)))
        if limit <= self.limit or 2 * self._peak >= self.limit:
            self.limit = limit
        is_at_min = self.limit == self.min_limit < self.max_limit and not self._unlimited
        self._windows_at_min = self._windows_at_min + 1 if is_at_min else 0

    def _begin_probe(self) -> None:
        self._probing = True
        self._windows_at_min = 0
        self._limit_before_probe = self.limit
        self.limit = self.min_limit if self.min_latency is None else self._clamp(self.limit // PROBE_DIVISOR)

    def _interval(self) -> float:
        return PROBE_INTERVAL * (1 + JITTER * self._chance())

    def _clamp(self, limit: int) -> int:
        return max(self.min_limit, min(self.max_limit, limit))
