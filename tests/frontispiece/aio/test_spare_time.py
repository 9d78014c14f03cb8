"""Work that may wait begins when the event loop has nothing else to do, and soon when it always has."""

import asyncio

import pytest

from frontispiece.aio import SpareTime
from frontispiece.aio.spare_time import MAX_WAIT, SHORT_TURN

LONG_TURN = 2 * SHORT_TURN


class BusyLoop:
    """An event loop with a clock that only what it has to do moves on, by a long turn each."""

    def __init__(self) -> None:
        self.now = 0.0
        self.spare_time = SpareTime(clock=lambda: self.now)
        self.begun: list[float] = []

    async def work(self, seconds: float) -> None:
        while self.now < seconds:
            self.now += LONG_TURN
            await asyncio.sleep(0)

    async def begin(self) -> None:
        await self.spare_time.wait()
        self.begun.append(self.now)


@pytest.fixture
def loop() -> BusyLoop:
    return BusyLoop()


async def test_work_begins_after_what_the_loop_has_to_do(loop: BusyLoop) -> None:
    await asyncio.gather(loop.begin(), loop.begin(), loop.work(MAX_WAIT / 2))

    assert loop.begun == pytest.approx([MAX_WAIT / 2] * 2)


async def test_work_begins_although_the_loop_is_never_idle(loop: BusyLoop) -> None:
    await asyncio.gather(loop.begin(), loop.begin(), loop.work(10 * MAX_WAIT))

    assert all(MAX_WAIT / 2 < begun < 2 * MAX_WAIT for begun in loop.begun)


async def test_work_that_is_cancelled_while_it_waits_does_not_keep_other_work_from_beginning(
    loop: BusyLoop,
) -> None:
    first, second = (asyncio.create_task(loop.begin()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()

    await second

    assert first.cancelled()
    assert len(loop.begun) == 1
