"""Refusals of an overloaded gateway wait, so that clients which come again at once do no more harm."""

import asyncio

import pytest

from frontispiece.gateway.policies.load_shedding import MAX_WAITING_REFUSALS, OverloadMonitor
from tests.support.clock import Clock


class Refusals:
    """Refusals of a process, and how long each waited, in the seconds of a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.overload = OverloadMonitor(clock=self.clock, sleep=self._sleep)
        self.waited = 0.0
        self.hanging: asyncio.Event | None = None

    async def _sleep(self, seconds: float) -> None:
        self.waited = seconds
        if self.hanging is not None:
            await self.hanging.wait()

    async def next(self) -> float:
        self.waited = 0.0
        await self.overload.pace_refusal()
        return self.waited


async def test_refusals_wait_a_second_at_most_while_clients_come_again_without_a_pause() -> None:
    refusals = Refusals()
    waits = [await refusals.next() for _ in range(5000)]

    assert waits[:200] == [0] * 200
    assert waits[200:1200] == pytest.approx([number / 1000 for number in range(1, 1001)])
    assert waits[1300:] == pytest.approx([1.0] * 3700)
    refusals.clock.advance(2)
    assert await refusals.next() == 0


async def test_only_so_many_refusals_wait_and_those_whose_clients_leave_do_not() -> None:
    refusals = Refusals()
    for _ in range(1200):
        await refusals.next()
    refusals.hanging = asyncio.Event()
    waiting = [asyncio.create_task(refusals.next()) for _ in range(MAX_WAITING_REFUSALS)]
    await asyncio.sleep(0)

    assert await refusals.next() == 0
    waiting.pop().cancel()
    await asyncio.sleep(0)
    refusals.hanging.set()
    assert await refusals.next() > 0
    await asyncio.gather(*waiting, return_exceptions=True)
