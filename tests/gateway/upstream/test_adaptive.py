"""A concurrency limit that adapts, around a service as a transport sees it."""

import asyncio
from contextlib import suppress

import pytest

from gateway.upstream import Failed, Overloaded, Reply, Request, TimedOut, Unreachable
from gateway.upstream.gradient import CALM_CALLS, ENOUGH, FIRST
from gateway.upstream.limit import Limited
from gateway.upstream.policy import ConcurrencyPolicy
from tests.gateway.upstream.fakes import (
    GET,
    Answer,
    Clock,
    Fake,
    Held,
    answering,
    ask,
    ended,
    raising,
    settled,
)

LEAST = 3


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Fake:
    return Fake()


@pytest.fixture
def limited(service: Fake, clock: Clock) -> Limited:
    policy = ConcurrencyPolicy(adaptive=True, min=LEAST, max=100, queue=1)
    return Limited(service, policy, clock=clock)


def taking(clock: Clock, seconds: float, answer: Answer) -> Answer:
    async def later(request: Request) -> Reply:
        clock.go_on(seconds)
        return await answer(request)

    return later


async def ask_often(limited: Limited, times: int) -> None:
    for _ in range(times):
        with suppress(Unreachable, Failed, TimedOut):
            await ask(limited)


async def know_the_best(limited: Limited, service: Fake, clock: Clock) -> None:
    """Calls until the best latency has been measured: 20 ms."""
    service.answer = taking(clock, 0.02, answering(200))
    await ask_often(limited, ENOUGH + CALM_CALLS)
    assert limited.calls == FIRST


async def test_calls_above_the_limit_wait_and_those_above_the_queue_are_told_that_it_is_overloaded(
    service: Fake, limited: Limited
) -> None:
    service.answer = Held()
    tasks = [asyncio.create_task(limited.send(GET)) for _ in range(FIRST + 1)]
    await settled()
    assert (len(service.asked), limited.running, limited.waiting) == (FIRST, FIRST, 1)

    with pytest.raises(Overloaded, match="it has 20 calls already, and 1 waiting") as refusal:
        await limited.send(GET)

    assert refusal.value.problem("things").kind == "upstream-overloaded"
    for task in tasks:
        await ended(task)
    assert (limited.running, limited.waiting) == (0, 0)


async def test_a_service_that_becomes_slow_gets_fewer_calls(
    service: Fake, limited: Limited, clock: Clock
) -> None:
    await know_the_best(limited, service, clock)

    service.answer = taking(clock, 0.2, answering(200))
    await ask_often(limited, 2 * ENOUGH)

    assert LEAST <= limited.calls < FIRST


async def test_a_service_that_times_out_gets_fewer_calls(
    service: Fake, limited: Limited, clock: Clock
) -> None:
    await know_the_best(limited, service, clock)

    service.answer = taking(clock, 10, raising(TimedOut("no answer in 10 s")))
    await ask_often(limited, 2 * ENOUGH)

    assert LEAST <= limited.calls < FIRST


@pytest.mark.parametrize(
    "answer",
    [answering(500), answering(503), raising(Unreachable("no connection")), raising(Failed("it broke"))],
)
async def test_what_fails_quickly_is_not_taken_for_a_better_latency(
    service: Fake, limited: Limited, clock: Clock, answer: Answer
) -> None:
    await know_the_best(limited, service, clock)

    service.answer = taking(clock, 0.0001, answer)
    await ask_often(limited, 500)

    service.answer = taking(clock, 0.02, answering(200))
    await ask_often(limited, 5 * ENOUGH)
    assert limited.calls == FIRST


async def test_calls_that_wait_go_on_when_the_limit_has_shrunk_and_the_others_have_ended(
    service: Fake, clock: Clock
) -> None:
    limited = Limited(service, ConcurrencyPolicy(adaptive=True, min=1, max=100, queue=50), clock=clock)
    held = Held()
    service.answer = held
    tasks = [asyncio.create_task(limited.send(GET)) for _ in range(40)]
    await settled()
    most = 0
    while held.calls:
        most = max(most, held.calls)
        clock.go_on(0.05)
        held.give(Reply.whole(200, b"", []))
        await settled()

    assert most == FIRST
    assert [(await task).status for task in tasks] == [200] * 40
    assert (limited.running, limited.waiting) == (0, 0)
