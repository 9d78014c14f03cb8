"""An overloaded gateway refuses the calls of less important routes first."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import pytest

from frontispiece.gateway.call import Call
from frontispiece.gateway.policies.load_shedding import (
    OverloadMonitor,
    Priority,
    load_shedding_layer,
)
from frontispiece.http.problems import Problem
from frontispiece.telemetry.loop_lag import SUSTAINED_SAMPLES, LoopLag
from frontispiece.upstream import Reply
from tests.support.calls import Handler, answering, call
from tests.support.clock import Clock

MAX_LAG = timedelta(milliseconds=100)


class Loop:
    """An event loop's time and its timer, as late as a test says."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.due: list[tuple[float, object]] = []
        self.lag = LoopLag()
        self.overload = OverloadMonitor(max_loop_lag=MAX_LAG, loop_lag=self.lag)

    async def __aenter__(self) -> None:
        self.lag.start(cast(asyncio.AbstractEventLoop, self))

    async def __aexit__(self, *_exc: object) -> None:
        await self.lag.__aexit__()

    def time(self) -> float:
        return self.clock.now

    def call_at(self, moment: float, do: object) -> "Loop":
        self.due.append((moment, do))
        return self

    def cancel(self) -> None:
        self.due.clear()

    def sample(self, late: float, times: int = 1) -> None:
        """Call what is due, so many seconds too late."""
        for _ in range(times):
            ((moment, do),) = self.due
            self.due.clear()
            self.clock.now = moment + late
            assert callable(do)
            do()


async def passes(priority: Priority, overload: OverloadMonitor) -> bool:
    handle = load_shedding_layer(priority, overload, print)(Handler(answering(200)))
    try:
        await handle(call())
    except Problem as problem:
        if problem.kind != "overloaded":
            raise
        return False
    return True


async def passing(overload: OverloadMonitor) -> list[str]:
    return [priority.value for priority in Priority if await passes(priority, overload)]


async def test_a_refused_call_is_counted_and_has_a_longer_retry_after_the_less_it_matters() -> None:
    overload = OverloadMonitor(max_in_flight=1)
    inner = Handler(answering(200))
    counted: Counter[str] = Counter()
    waits = []
    overload.in_flight = 1
    for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH):
        handle = load_shedding_layer(priority, overload, lambda name: counted.update([name]))(inner)
        with pytest.raises(Problem, match="try again in") as refusal:
            await handle(call())
        waits.append((refusal.value.status, refusal.value.headers))

    assert waits == [(503, {"Retry-After": seconds}) for seconds in ("10", "5", "2")]
    assert inner.calls == []
    assert counted == {"low": 1, "normal": 1, "high": 1}


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
    async with loop:
        loop.sample(late, times=SUSTAINED_SAMPLES)
        assert loop.lag.sustained == pytest.approx(late)
        assert await passing(loop.overload) == pass_still

        loop.sample(0.0)
        assert await passing(loop.overload) == ["low", "normal", "high", "critical"]
    assert loop.due == []


async def test_an_event_loop_that_stood_still_for_a_moment_refuses_no_call() -> None:
    loop = Loop()
    async with loop:
        loop.sample(5.0, times=SUSTAINED_SAMPLES - 1)
        assert await passes(Priority.LOW, loop.overload)

        loop.sample(5.0)
        assert not await passes(Priority.HIGH, loop.overload)


# The limit of a route, which adapts to its latency.


class Backend:
    """Serves a route's calls one after the other, each in so many seconds of a clock."""

    def __init__(self, seconds: float = 0.02, priority: Priority = Priority.NORMAL) -> None:
        self.seconds = seconds
        self.clock = Clock()
        self.overload = OverloadMonitor(adaptive=True, clock=self.clock)
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.refused = 0
        self.latencies: list[float] = []
        self._handle = load_shedding_layer(priority, self.overload, lambda _name: None, "GET /a")(
            self._answer
        )
        self._tasks: set[asyncio.Task[None]] = set()

    async def _answer(self, _call: Call) -> Reply:
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        await turn
        return Reply.whole(200, b"", [])

    async def _arrive(self, body: bytes | AsyncIterator[bytes]) -> None:
        began = self.clock.now
        try:
            await self._handle(call(body=body))
        except Problem:
            self.refused += 1
        else:
            self.latencies.append(self.clock.now - began)

    async def run(
        self, arrivals: int, rounds: int, *, at_once: int = 1, body: bytes | AsyncIterator[bytes] = b""
    ) -> None:
        """In each round so many calls arrive, and the first few of those that wait are answered."""
        for _ in range(rounds):
            self._tasks |= {asyncio.create_task(self._arrive(body)) for _ in range(arrivals)}
            await asyncio.sleep(0)
            self.clock.advance(self.seconds)
            for _ in range(min(at_once, len(self.waiting))):
                self.waiting.popleft().set_result(None)
            for _ in range(3):  # until the answered calls have returned
                await asyncio.sleep(0)

    async def leave(self) -> None:
        """All clients that wait leave."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.waiting.clear()


async def test_at_five_times_the_capacity_what_is_carried_stays_fast_and_nothing_is_lost() -> None:
    backend = Backend()
    await backend.run(arrivals=1, rounds=50)
    assert backend.refused == 0

    backend.latencies.clear()
    await backend.run(arrivals=5, rounds=500)

    assert len(backend.latencies) == 500, "one is answered in each round"
    assert max(backend.latencies) < 2.0, "in the first moment, before a latency has risen, all are carried"
    assert max(backend.latencies[150:]) < 0.4
    assert backend.refused > 1900
    await backend.leave()
    assert backend.overload.in_flight == 0


async def test_operators_see_the_limit_of_a_route_whose_latency_has_risen() -> None:
    backend = Backend()

    def limits() -> list[tuple[str, float]]:
        families = {family.name: family.samples for family in backend.overload.collect()}
        return [(each.labels["route"], each.value) for each in families["gateway_route_concurrency_limit"]]

    await backend.run(arrivals=1, rounds=50)
    assert limits() == []
    await backend.run(arrivals=5, rounds=200)
    assert limits() == [("GET /a", 16)]
    await backend.leave()


async def test_when_the_load_is_over_nothing_is_refused_any_more() -> None:
    backend = Backend()
    await backend.run(arrivals=1, rounds=50)
    await backend.run(arrivals=5, rounds=200)
    await backend.run(arrivals=0, rounds=30)
    backend.refused = 0
    await backend.run(arrivals=1, rounds=200, at_once=2)
    assert backend.refused == 0

    await backend.run(arrivals=30, rounds=150, at_once=30)
    backend.refused = 0
    await backend.run(arrivals=40, rounds=10, at_once=40)
    assert backend.refused == 0, "the limit has grown again"


async def test_a_route_that_is_slow_all_the_time_is_not_overloaded() -> None:
    backend = Backend(seconds=1.0)
    await backend.run(arrivals=100, rounds=15, at_once=100)

    assert backend.refused == 0


async def test_slow_uploads_say_nothing_of_the_load() -> None:
    async def dawdling() -> AsyncIterator[bytes]:
        yield b""

    backend = Backend()
    await backend.run(arrivals=1, rounds=50)
    await backend.run(arrivals=200, rounds=1, at_once=0, body=dawdling())
    backend.clock.advance(60)
    await backend.run(arrivals=0, rounds=1, at_once=200)
    await backend.run(arrivals=50, rounds=1, at_once=50)

    assert backend.refused == 0


async def test_clients_that_leave_after_waiting_in_vain_make_the_limit_shrink() -> None:
    backend = Backend()
    await backend.run(arrivals=1, rounds=50)
    for _ in range(20):
        await backend.run(arrivals=100, rounds=1, at_once=0)
        backend.clock.advance(3)
        await backend.leave()

    assert backend.refused > 1000


@pytest.mark.parametrize("priority", [Priority.LOW, Priority.NORMAL, Priority.HIGH])
async def test_a_route_carries_some_calls_however_slow_it_is(priority: Priority) -> None:
    backend = Backend(priority=priority)
    await backend.run(arrivals=1, rounds=50)
    await backend.run(arrivals=5, rounds=200)
    backend.seconds = 5.0
    await backend.run(arrivals=5, rounds=50)

    assert len(backend.waiting) >= {"low": 8, "normal": 12, "high": 16}[priority] - 1
    await backend.leave()


async def test_pages_are_degraded_before_calls_are_refused_and_for_a_moment_after() -> None:
    backend = Backend(priority=Priority.HIGH)
    await backend.run(arrivals=1, rounds=50)
    assert not backend.overload.degrades()
    await backend.run(arrivals=2, rounds=60)
    assert backend.overload.degrades()
    await backend.run(arrivals=0, rounds=100)

    assert not backend.overload.degrades()
    await backend.leave()


@pytest.mark.parametrize(("calls", "degrades"), [(9, False), (10, True)])
def test_pages_are_degraded_from_half_of_the_calls_that_a_setting_allows(calls: int, degrades: bool) -> None:  # noqa: FBT001
    overload = OverloadMonitor(max_in_flight=20)
    overload.in_flight = calls

    assert overload.degrades() is degrades
