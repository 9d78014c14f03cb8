"""A limit that follows from latencies, at a simulated service and in simulated time."""

import random
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.gradient import Gradient

LATENCY = 0.02
"""Seconds that the simulated service takes for a call when it has room."""


class Simulation:
    """A service with so many workers and a queue without end, and clients that come as chance will have it.

    Args:
        workers: calls that it does at a time: its knee.
        least: of the limit.
        most: of the limit.
    """

    def __init__(self, workers: int, least: int = 2, most: int = 500) -> None:
        self.workers = workers
        self.latency = LATENCY
        self.now = 50.0
        self.gradient = Gradient(least, most, self.now, chance=lambda: 0.5)
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
        if self._running >= self.gradient.calls:
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
        self.gradient.took(began, self.now, self._running)
        self._running -= 1
        self.answered.append(self.now - began)
        self.limits.append(self.gradient.calls)
        self._work()

    @property
    def limit(self) -> int:
        """What the limit was in the middle of all calls."""
        return sorted(self.limits)[len(self.limits) // 2]

    @property
    def typical(self) -> float:
        """What a call took in the middle of all."""
        return sorted(self.answered)[len(self.answered) // 2]


@pytest.mark.parametrize("workers", [3, 20, 80])
@pytest.mark.parametrize("times", [2, 10])
def test_under_too_much_load_the_limit_settles_near_the_knee(workers: int, times: int) -> None:
    world = Simulation(workers)
    world.run(10, times * world.bears)

    world.run(20, times * world.bears)

    assert workers <= world.limit <= 2.3 * workers
    assert world.typical <= 2.5 * LATENCY
    assert len(world.answered) >= 0.9 * 20 * world.bears  # it keeps the service busy


def test_where_there_is_room_nobody_is_refused() -> None:
    world = Simulation(40)
    world.run(10, 0.5 * world.bears)

    world.run(70, 0.5 * world.bears)

    assert world.refused <= 0.02 * len(world.answered)  # while it measures the best latency anew


def test_a_service_that_loses_workers_gets_fewer_calls_and_more_again_when_they_are_back() -> None:
    world = Simulation(40)
    rate = 2 * world.bears
    world.run(20, rate)
    before = world.limit

    world.workers = 8
    world.run(10, rate)
    world.run(20, rate)
    assert 8 <= world.limit <= 20

    world.workers = 40
    world.run(5, rate)
    world.run(20, rate)
    assert 0.7 * before <= world.limit <= 1.4 * before


def test_a_service_that_has_become_slower_at_its_best_is_not_kept_at_the_least_limit() -> None:
    world = Simulation(30)
    world.run(20, 1.5 * world.bears)

    world.latency *= 4
    world.run(20, 1.5 * world.bears)
    world.run(20, 1.5 * world.bears)

    assert world.limit >= 25
    assert world.gradient.best == pytest.approx(4 * LATENCY, rel=0.3)


def test_overload_that_lasts_is_never_taken_for_the_best_latency() -> None:
    world = Simulation(10)

    world.run(400, 5 * world.bears)  # the best latency is measured several times meanwhile

    assert world.gradient.best is not None
    assert world.gradient.best <= 1.3 * LATENCY
    assert world.limit <= 23


def test_a_limit_that_is_hardly_used_does_not_grow() -> None:
    gradient = Gradient(1, 1000, 0.0, chance=lambda: 0.0)

    for call in range(1, 5000):
        gradient.took(call * 0.01, call * 0.01 + 0.005, running=2)

    assert gradient.calls == 20


def test_time_outs_let_the_limit_shrink_and_are_never_the_best_latency() -> None:
    gradient = Gradient(2, 100, 0.0, chance=lambda: 0.0)
    for call in range(1, 400):
        gradient.took(call * 0.01, call * 0.01 + 0.005, running=20)
    grown = gradient.calls

    for call in range(400, 700):
        gradient.took(call * 0.1, call * 0.1 + 10, running=20, timed_out=True)

    assert grown > 20
    assert gradient.calls == 2
    assert gradient.best == pytest.approx(0.005)


LATENCIES = st.floats(0, 1e4, allow_nan=False)


@given(
    least=st.integers(1, 30),
    more=st.integers(0, 300),
    calls=st.lists(st.tuples(st.floats(0, 5), LATENCIES, st.integers(1, 400), st.booleans()), max_size=400),
)
def test_whatever_is_seen_the_limit_stays_within_its_bounds(
    least: int, more: int, calls: list[tuple[float, float, int, bool]]
) -> None:
    now = 0.0
    gradient = Gradient(least, least + more, now)
    for later, took, running, timed_out in calls:
        now += later
        gradient.took(now - took, now, running, timed_out=timed_out)
        assert least <= gradient.calls <= least + more
