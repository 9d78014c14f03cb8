"""An address that fails gets no calls for a while, and then one to see."""

import asyncio
from contextlib import suppress

import pytest

from frontispiece.upstream import (
    ClientDisconnected,
    Request,
    Unreachable,
    UpstreamError,
)
from frontispiece.upstream.load_balancer import CONSECUTIVE_FAILURES, JITTER, LoadBalancer
from tests.frontispiece.upstream.fakes import (
    FAILURES,
    GET,
    NO_FAILURES,
    Chance,
    Deferred,
    Fake,
    ask,
    ended,
    hanging,
    sending,
    streamed,
    streaming,
)
from tests.support.calls import Answer, answering, raising
from tests.support.clock import Clock


async def call(balanced: LoadBalancer) -> None:
    """Make one call, which is not begun anew elsewhere, however it ends."""
    with suppress(UpstreamError):
        await ask(balanced, streamed())


@pytest.mark.parametrize("failure", FAILURES)
async def test_an_address_that_fails_several_times_in_a_row_is_ejected(
    a: Fake, b: Fake, two: LoadBalancer, failure: Answer
) -> None:
    a.answer = failure
    while len(a.requests) < CONSECUTIVE_FAILURES:
        await call(two)
    b.requests.clear()

    for _ in range(50):
        assert await ask(two) == 200
    assert (len(a.requests), len(b.requests)) == (CONSECUTIVE_FAILURES, 50)


@pytest.mark.parametrize("answer", NO_FAILURES)
async def test_client_errors_disconnects_and_bugs_eject_no_address(
    a: Fake, two: LoadBalancer, answer: Answer
) -> None:
    a.answer = answer
    for _ in range(10 * CONSECUTIVE_FAILURES):
        with suppress(ClientDisconnected, ZeroDivisionError, asyncio.CancelledError):
            await ask(two)

    assert len(a.requests) > 2 * CONSECUTIVE_FAILURES
    assert two.outstanding == {"a": 0, "b": 0}


@pytest.mark.parametrize(("seconds", "calls"), [(1.9, CONSECUTIVE_FAILURES), (1.7, 50)])
async def test_a_call_that_is_cancelled_when_its_time_is_nearly_up_has_timed_out_and_others_have_not(
    a: Fake, two: LoadBalancer, clock: Clock, seconds: float, calls: int
) -> None:
    a.answer = hanging
    while len(a.requests) < calls:
        async with sending(two, Request(method="GET", target="/a", timeout=2.0)) as waiting:
            if not waiting.done():
                clock.advance(seconds)
                await ended(waiting)
    a.answer = answering(200)

    for _ in range(20):
        await ask(two)
    assert (len(a.requests) == calls) == (calls == CONSECUTIVE_FAILURES)
    assert two.outstanding == {"a": 0, "b": 0}


async def eject(balanced: LoadBalancer, fake: Fake) -> None:
    """Let an address fail until it is left out."""
    fake.answer = answering(500)
    requested = len(fake.requests)
    while len(fake.requests) < requested + CONSECUTIVE_FAILURES:
        await call(balanced)
    fake.requests.clear()


async def test_after_the_ejection_a_single_probe_is_sent(
    a: Fake, b: Fake, two: LoadBalancer, clock: Clock, chance: Chance
) -> None:
    await eject(two, a)
    deferred = Deferred()
    a.answer = deferred
    clock.advance(1)

    async with asyncio.timeout(30), sending(two) as trial:
        assert (deferred.calls, trial.done()) == (1, False)
        for _ in range(10):
            await ask(two)
        assert len(a.requests) == 1, "one trial at a time"
        deferred.give(await streaming(GET))
        async with await trial:
            a.answer = answering(200)
            b.requests.clear()
            for _ in range(10):
                await ask(two)
            assert len(b.requests) == 10, "the trial's reply is still outstanding"
    chance.next = [0.0, 0.0]
    await ask(two)
    assert len(a.requests) == 2, "it is in use again"


async def test_an_ejection_doubles_with_every_failed_probe_up_to_a_minute(
    a: Fake, two: LoadBalancer, clock: Clock
) -> None:
    await eject(two, a)

    for pause in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        await ask(two)
        a.requests.clear()
        clock.advance(pause * (1 - JITTER) - 0.01)
        await ask(two)
        assert not a.requests, pause
        clock.advance(pause * JITTER + 0.01)
        await ask(two)
        assert len(a.requests) == 1, pause


async def test_when_all_are_left_out_they_are_tried_in_turn_the_longest_out_first(clock: Clock) -> None:
    fakes = {name: Fake(answering(503)) for name in "abc"}
    balanced = LoadBalancer(fakes, health=None, clock=clock)
    for _ in range(3 * CONSECUTIVE_FAILURES):
        clock.advance(0.001)
        await call(balanced)
    for fake in fakes.values():
        fake.requests.clear()

    turns = []
    for _ in range(9):
        clock.advance(0.001)
        assert await ask(balanced) == 503
        turns += [name for name, fake in fakes.items() if fake.requests]
        for fake in fakes.values():
            fake.requests.clear()
    assert set(turns) == set("abc")
    assert turns == turns[:3] * 3

    fakes[turns[0]].answer = answering(200)
    for _ in range(10):
        assert await ask(balanced) == 200
    assert len(fakes[turns[0]].requests) == 10, "what answered is in use again at once"


async def test_calls_to_an_ejected_address_without_another_do_not_lengthen_its_ejection(
    a: Fake, b: Fake, two: LoadBalancer, clock: Clock
) -> None:
    a.answer = b.answer = answering(503)
    for _ in range(10 * CONSECUTIVE_FAILURES):
        clock.advance(0.001)
        await call(two)
    b.answer = answering(200)
    for _ in range(2):
        clock.advance(0.001)
        await call(two)
    assert await ask(two) == 200
    a.requests.clear()

    clock.advance(1)
    await ask(two)

    assert len(a.requests) == 1


async def test_an_ejected_address_is_used_when_no_other_can_be_reached(
    a: Fake, b: Fake, two: LoadBalancer
) -> None:
    await eject(two, a)
    a.answer = answering(200)
    b.answer = raising(Unreachable("away"))

    assert await ask(two) == 200
    assert len(a.requests) == 1
