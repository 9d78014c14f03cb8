"""Who is refused when there is too much to do."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from gateway.call import Call
from gateway.layers.shed import unless_needed
from gateway.load import LOOKS, Load
from gateway.policies.priority import Priority
from gateway.upstream import Reply, Unreachable
from kit.problems import Problem
from tests.gateway.layers.calls import Handler, answering, call, raising
from tests.gateway.upstream.fakes import Clock, settled

LAG = timedelta(milliseconds=100)


class Loop:
    """An event loop's time and its timers, as late as a test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.due: list[tuple[float, object]] = []

    def at(self, moment: float, do: object) -> "Loop":
        self.due.append((moment, do))
        return self

    def cancel(self) -> None:
        self.due.clear()

    def look(self, late: float, times: int = 1) -> None:
        """Have what is due called, so many seconds too late."""
        for _ in range(times):
            ((moment, do),) = self.due
            self.due.clear()
            self.clock.now = moment + late
            assert callable(do)
            do()


async def passes(priority: Priority, load: Load) -> bool:
    handle = unless_needed(priority, load, print)(Handler(answering(200)))
    try:
        await handle(call())
    except Problem as problem:
        if problem.kind != "shed":
            raise
        return False
    return True


async def who_passes(load: Load) -> list[str]:
    return [priority.value for priority in Priority if await passes(priority, load)]


@asynccontextmanager
async def busy(load: Load, calls: int) -> AsyncIterator[None]:
    """So many calls that wait for their answer."""

    async def hanging(_call: Call) -> Reply:
        return await asyncio.Future[Reply]()

    handle = unless_needed(Priority.CRITICAL, load, print)(hanging)
    tasks = [asyncio.ensure_future(handle(call())) for _ in range(calls)]
    await settled()
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@pytest.mark.parametrize(
    ("calls", "pass_still"),
    [
        (9, ["low", "normal", "high", "critical"]),
        (10, ["normal", "high", "critical"]),
        (14, ["normal", "high", "critical"]),
        (15, ["high", "critical"]),
        (19, ["high", "critical"]),
        (20, ["critical"]),
        (40, ["critical"]),
    ],
)
async def test_the_more_calls_wait_the_fewer_priorities_pass(calls: int, pass_still: list[str]) -> None:
    load = Load(most_calls=20)
    async with busy(load, calls):
        assert await who_passes(load) == pass_still

    assert load.running == 0
    assert await passes(Priority.LOW, load)


async def test_a_call_that_is_refused_is_counted_and_nothing_is_done_for_it() -> None:
    load = Load(most_calls=1)
    inner = Handler(answering(200))
    counted: Counter[str] = Counter()
    handle = unless_needed(Priority.LOW, load, lambda name: counted.update([name]))(inner)
    async with busy(load, 1):
        with pytest.raises(Problem, match="come again in 10 s") as refusal:
            await handle(call())
        assert (refusal.value.status, refusal.value.headers) == (503, {"Retry-After": "10"})
        assert load.running == 1

    assert inner.calls == []
    assert counted == {"low": 1}


async def test_a_call_that_fails_waits_no_longer() -> None:
    load = Load(most_calls=2)
    handle = unless_needed(Priority.HIGH, load, print)(Handler(raising(Unreachable("it is down"))))
    for _ in range(5):
        with pytest.raises(Unreachable):
            await handle(call())
    assert load.running == 0


async def test_what_matters_less_is_asked_to_stay_away_for_longer() -> None:
    load = Load(most_calls=1)
    waits = []
    async with busy(load, 1):
        for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH):
            with pytest.raises(Problem) as refusal:
                await unless_needed(priority, load, print)(Handler(answering(200)))(call())
            waits.append(int(refusal.value.headers["Retry-After"]))
    assert waits == sorted(waits, reverse=True)


@pytest.mark.parametrize(
    ("late", "pass_still"),
    [
        (0.05, ["low", "normal", "high", "critical"]),
        (0.06, ["normal", "high", "critical"]),
        (0.08, ["high", "critical"]),
        (0.11, ["critical"]),
    ],
)
async def test_the_later_the_event_loop_is_the_fewer_priorities_pass(
    late: float, pass_still: list[str]
) -> None:
    loop = Loop()
    async with Load(most_lag=LAG, clock=loop.clock, at=loop.at) as load:
        loop.look(late, times=LOOKS)
        assert load.lag == pytest.approx(late)
        assert await who_passes(load) == pass_still

        loop.look(0.0)
        assert await who_passes(load) == ["low", "normal", "high", "critical"]
    assert loop.due == []


async def test_an_event_loop_that_stood_still_for_a_moment_only_refuses_nobody() -> None:
    loop = Loop()
    async with Load(most_lag=LAG, clock=loop.clock, at=loop.at) as load:
        loop.look(5.0, times=LOOKS - 1)
        assert await passes(Priority.LOW, load)

        loop.look(5.0)
        assert not await passes(Priority.HIGH, load)


async def test_without_a_clock_of_its_own_it_looks_at_the_running_event_loop() -> None:
    loop = asyncio.get_running_loop()
    looked = asyncio.Event()

    def at(moment: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        def look() -> None:
            do()
            looked.set()

        return loop.call_at(moment, look)

    async with asyncio.timeout(10), Load(most_lag=LAG, at=at):
        await looked.wait()
