"""A timer queue calls what has a deadline, in time, unless it was discarded."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest

from frontispiece.aio import TimerQueue


class Alarm:
    """Notes that its deadline has passed, and does something then."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.passed = asyncio.Event()
        self._then = then

    def expire(self) -> None:
        self.passed.set()
        self._then()


@pytest.fixture
def queue() -> TimerQueue:
    return TimerQueue()


async def test_what_was_discarded_does_not_expire(queue: TimerQueue) -> None:
    loop = asyncio.get_running_loop()
    last = Alarm()
    discarded = Alarm()
    by_another = Alarm()
    first = Alarm(lambda: queue.discard(by_another))
    queue.add(discarded, loop.time(), loop)
    queue.add(first, loop.time(), loop)
    queue.add(by_another, loop.time(), loop)
    queue.add(last, loop.time() + 0.01, loop)
    queue.discard(discarded)
    queue.discard(discarded)

    async with asyncio.timeout(60):
        await last.passed.wait()

    assert first.passed.is_set()
    assert not discarded.passed.is_set()
    assert not by_another.passed.is_set()


async def test_one_that_expires_may_add_another(queue: TimerQueue) -> None:
    loop = asyncio.get_running_loop()
    second = Alarm()
    queue.add(Alarm(lambda: queue.add(second, loop.time(), loop)), loop.time(), loop)

    async with asyncio.timeout(60):
        await second.passed.wait()


class SimulatedLoop:
    """A loop's time and its one timer."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(
        self, when: float, callback: Callable[..., None], *arguments: Any, **_options: Any
    ) -> "SimulatedLoop":
        self.due = [(when, partial(callback, *arguments))]
        return self

    def cancel(self) -> None:
        self.due = []

    def run(self, until: float) -> int:
        """Call what is due until then; returns how many calls that were."""
        turns = 0
        while self.due and self.due[0][0] <= until:
            ((self.now, call),) = self.due
            self.due = []
            call()
            turns += 1
        return turns


def test_each_expires_at_its_deadline_in_whatever_order_they_were_added(queue: TimerQueue) -> None:
    loop = SimulatedLoop()
    passed: list[float] = []
    for deadline in (600.0, 4.0, 1.0):
        queue.add(Alarm(lambda: passed.append(loop.now)), deadline, cast(asyncio.AbstractEventLoop, loop))

    loop.run(until=10)

    assert passed == [1, 4]


def test_deadlines_that_all_pass_are_called_together_and_not_late(queue: TimerQueue) -> None:
    loop = SimulatedLoop()
    passed: list[float] = []
    deadlines = [1 + number / 10_000 for number in range(5_000)]
    for deadline in deadlines:
        queue.add(Alarm(lambda: passed.append(loop.now)), deadline, cast(asyncio.AbstractEventLoop, loop))

    turns = loop.run(until=10)

    assert len(passed) == len(deadlines)
    assert max(late - deadline for late, deadline in zip(passed, deadlines, strict=True)) < 0.006
    assert turns < len(deadlines) / 2


def test_it_works_in_a_later_loop_too(queue: TimerQueue) -> None:
    async def expire(seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        alarm = Alarm()
        queue.add(alarm, loop.time() + seconds, loop)
        if seconds:
            return alarm.passed.is_set()
        async with asyncio.timeout(60):
            return await alarm.passed.wait()

    assert not asyncio.run(expire(600))
    assert asyncio.run(expire(0))
