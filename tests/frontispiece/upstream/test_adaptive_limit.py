"""A limit that follows from latencies, at a simulated service and in simulated time."""

import random
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontispiece.upstream.adaptive_limit import AdaptiveLimit

LATENCY = 0.02
"""Seconds that the simulated service takes for a call when it has room."""


class Simulation:
    """A service with so many workers and a queue without end, and clients that come as chance will have it.

    Args:
        workers: calls that it does at a time: its knee.
        min_limit: of the limit.
        max_limit: of the limit.
    """

    def __init__(self, workers: int, min_limit: int = 2, max_limit: int = 500) -> None:
        self.workers = workers
        self.latency = LATENCY
        self.now = 50.0
        self.gradient = AdaptiveLimit(min_limit, max_limit, self.now, chance=lambda: 0.5)
        self.answered: list[float] = []
        self.refused = 0
        self.limits: list[int] = []
        self._chance = random.Random(11)  # noqa: S311 (nothing is secret here)
        self._running = 0
        self._working = 0
        self._queue: list[float] = []
        self._ends: list[tuple[float, float]] = []

    @property
    def bears(self) -> float:
        """Calls in a second that the service can answer."""
        return self.workers / self.latency

    def run(self, seconds: float, rate: float) -> None:
        """Let clients come at this rate for so long; what was noted before is forgotten."""
        self.answered, self.limits, self.refused = [], [], 0
        until = self.now + seconds
        arrives = self.now + self._chance.expovariate(rate)
        while min(arrives, self._ends[0][0] if self._ends else arrives) < until:
            if self._ends and self._ends[0][0] <= arrives:
                self._end()
            else:
                self.now = arrives
                self._arrive()
                arrives += self._chance.expovariate(rate)
        self.now = until

    def _arrive(self) -> None:
        if self._running >= self.gradient.limit:
            self.refused += 1
            return
        self._running += 1
        self._queue.append(self.now)
        self._work()

    def _work(self) -> None:
        while self._queue and self._working < self.workers:
            self._working += 1
            takes = self.latency * self._chance.uniform(0.8, 1.2)
            heappush(self._ends, (self.now + takes, self._queue.pop(0)))

    def _end(self) -> None:
        self.now, began = heappop(self._ends)
        self._working -= 1
        self.gradient.sample(began, self.now, self._running)
        self._running -= 1
        self.answered.append(self.now - began)
        self.limits.append(self.gradient.limit)
        self._work()

    @property
    def limit(self) -> int:
        """What the limit was in the middle of all calls."""
        return sorted(self.limits)[len(self.limits) // 2]

    @property
    def typical(self) -> float:
        """What a call took in the middle of all."""
        return sorted(self.answered)[len(self.answered) // 2]


@pytest.mark.parametrize(("workers", "times"), [(3, 10), (20, 5), (40, 2)])
def test_under_too_much_load_the_limit_settles_near_the_knee(workers: int, times: int) -> None:
    world = Simulation(workers)
    world.run(10, times * world.bears)

    world.run(20, times * world.bears)

    assert workers <= world.limit <= 2.3 * workers
    assert world.typical <= 2.5 * LATENCY
    assert len(world.answered) >= 0.9 * 20 * world.bears  # it keeps the service busy


def test_below_the_knee_hardly_any_call_is_refused() -> None:
    world = Simulation(20)
    world.run(10, 0.5 * world.bears)

    world.run(70, 0.5 * world.bears)

    assert world.refused <= 0.02 * len(world.answered)  # while it measures the best latency anew


def test_a_service_that_loses_workers_gets_fewer_calls_and_more_again_when_they_are_back() -> None:
    world = Simulation(20)
    rate = 2 * world.bears
    world.run(20, rate)
    before = world.limit

    world.workers = 4
    world.run(10, rate)
    world.run(20, rate)
    assert 4 <= world.limit <= 10

    world.workers = 20
    world.run(5, rate)
    world.run(20, rate)
    assert 0.7 * before <= world.limit <= 1.4 * before


def test_overload_that_lasts_is_never_taken_for_the_best_latency() -> None:
    world = Simulation(10)

    world.run(200, 5 * world.bears)  # the best latency is measured several times meanwhile

    assert world.gradient.min_latency is not None
    assert world.gradient.min_latency <= 1.3 * LATENCY
    assert world.limit <= 23


LATENCIES = st.floats(0, 1e4, allow_nan=False)


@given(
    min_limit=st.integers(1, 30),
    more=st.integers(0, 300),
    calls=st.lists(st.tuples(st.floats(0, 5), LATENCIES, st.integers(1, 400), st.booleans()), max_size=400),
)
def test_whatever_is_seen_the_limit_stays_within_its_bounds(
    min_limit: int, more: int, calls: list[tuple[float, float, int, bool]]
) -> None:
    now = 0.0
    gradient = AdaptiveLimit(min_limit, min_limit + more, now)
    for later, took, running, timed_out in calls:
        now += later
        gradient.sample(now - took, now, running, timed_out=timed_out)
        assert min_limit <= gradient.limit <= min_limit + more


def test_an_unlimited_one_takes_its_first_latency_however_late_it_comes() -> None:
    limit = AdaptiveLimit(4, 1000, 0.0, unlimited=True)
    for second in range(100, 110):
        limit.sample(second - 0.03, second, 1)
    assert limit.min_latency == pytest.approx(0.03)
    assert limit.limit == 1000 // 4, "as in every later measurement of the minimum"


def test_an_unlimited_one_refuses_nothing_before_a_latency_has_risen_and_keeps_the_minimum_it_saw() -> None:
    limit = AdaptiveLimit(4, 1000, 0.0, unlimited=True, tolerance=2.0, acceptable=0.1)
    now = 0.0
    for _ in range(40):
        now += 0.05
        limit.sample(now - 0.03, now, 20)
    assert limit.limit == 1000
    assert limit.min_latency == pytest.approx(0.03)

    for _ in range(20):  # above the minimum twice over, but acceptable
        now += 0.05
        limit.sample(now - 0.09, now, 20)
    assert limit.limit == 1000

    for _ in range(10):
        now += 0.05
        limit.sample(now - 0.2, now, 20)
    assert limit.limit < 20, "it shrinks from what was used, not from what never was"
