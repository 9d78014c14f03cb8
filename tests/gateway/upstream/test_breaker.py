"""A service that fails too often is left alone for a while."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from gateway.upstream import ClientLeft, Failed, Nonsense, Reply, Request, TimedOut, Unreachable
from gateway.upstream.breaker import Breaker
from gateway.upstream.policy import BreakerPolicy
from tests.gateway.upstream.fakes import (
    GET,
    Answer,
    Clock,
    Fake,
    Held,
    answering,
    ask,
    ended,
    hanging,
    raising,
    sending,
    streaming,
)

POLICY = BreakerPolicy.model_validate({"share": 0.5, "calls": 4, "window": "10s", "pause": "5s"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Fake:
    return Fake()


@pytest.fixture
def breaker(service: Fake, clock: Clock) -> Breaker:
    return Breaker("things", service, POLICY, clock=clock)


async def calls(breaker: Breaker, service: Fake, *answers: Answer) -> None:
    """Calls that are answered so, one after the other."""
    for answer in answers:
        service.answer = answer
        with suppress(Unreachable, TimedOut, Nonsense, Failed, ClientLeft, ZeroDivisionError):
            await ask(breaker)


async def is_open(breaker: Breaker, service: Fake) -> bool:
    """Whether a call is refused without being sent."""
    asked = len(service.asked)
    try:
        await ask(breaker)
    except Unreachable:
        return len(service.asked) == asked
    return False


FINE, BROKEN = answering(200), answering(500)


@pytest.mark.parametrize(
    "failure",
    [
        *(raising(failure) for failure in (Unreachable("a"), TimedOut("b"), Nonsense("c"), Failed("d"))),
        *(answering(status) for status in (500, 502, 503, 504)),
    ],
)
async def test_it_opens_when_so_large_a_share_of_calls_fails(
    breaker: Breaker, service: Fake, failure: Answer
) -> None:
    await calls(breaker, service, FINE, FINE, failure)
    service.answer = FINE
    assert not await is_open(breaker, service)  # that was the fourth call, and the third success

    await calls(breaker, service, failure, failure)
    service.answer = FINE
    assert await is_open(breaker, service)


async def test_too_few_calls_never_open_it(breaker: Breaker, service: Fake) -> None:
    await calls(breaker, service, BROKEN, BROKEN, BROKEN)
    service.answer = BROKEN

    assert not await is_open(breaker, service)
    assert await is_open(breaker, service)


@pytest.mark.parametrize(
    "answer",
    [
        *(answering(status) for status in (200, 304, 400, 404, 429, 499)),
        raising(ClientLeft()),
        raising(ZeroDivisionError()),
    ],
)
async def test_refusals_leaving_clients_and_our_own_bugs_never_open_it(
    breaker: Breaker, service: Fake, answer: Answer
) -> None:
    await calls(breaker, service, *([answer] * 50))

    assert len(service.asked) == 50


@pytest.mark.parametrize(("seconds", "sent"), [(1.7, 5), (1.9, 4)])
async def test_a_cancelled_call_counts_for_nothing_unless_its_time_was_nearly_up(
    breaker: Breaker, service: Fake, clock: Clock, seconds: float, sent: int
) -> None:
    service.answer = hanging
    for _ in range(POLICY.calls):
        async with sending(breaker, Request(method="GET", target="/a", timeout=2.0)) as call:
            clock.go_on(seconds)
            await ended(call)

    await calls(breaker, service, FINE)

    assert len(service.asked) == sent


async def test_what_is_older_than_the_window_counts_no_more(
    breaker: Breaker, service: Fake, clock: Clock
) -> None:
    await calls(breaker, service, BROKEN, BROKEN, BROKEN)
    clock.go_on(10)
    await calls(breaker, service, FINE, FINE, BROKEN)
    service.answer = FINE
    assert not await is_open(breaker, service)

    clock.go_on(1000)
    await calls(breaker, service, BROKEN, BROKEN, BROKEN)
    service.answer = FINE
    assert not await is_open(breaker, service)


async def test_the_window_moves_on_by_and_by(breaker: Breaker, service: Fake, clock: Clock) -> None:
    await calls(breaker, service, FINE, FINE, FINE)
    for _ in range(2):
        clock.go_on(5)
        await calls(breaker, service, BROKEN)
    service.answer = BROKEN
    clock.go_on(0.5)
    await calls(breaker, service, BROKEN)
    assert not await is_open(breaker, service), (
        "three calls, for the successes are too long ago, and a fourth"
    )
    assert await is_open(breaker, service)


async def test_while_it_is_open_a_client_is_told_when_to_come_again(
    breaker: Breaker, service: Fake, clock: Clock
) -> None:
    await calls(breaker, service, *([BROKEN] * 4))

    for passed, told in [(0, "5"), (0.5, "5"), (1, "4"), (3, "1"), (0.499, "1")]:
        clock.go_on(passed)
        with pytest.raises(Unreachable, match=r"^its circuit breaker is open$") as refusal:
            await breaker.send(GET)
        problem = refusal.value.problem("things")
        assert (problem.status, problem.headers) == (503, {"Retry-After": told})
    assert len(service.asked) == 4


async def test_after_the_pause_one_call_tries_and_its_success_closes_it(
    breaker: Breaker, service: Fake, clock: Clock
) -> None:
    await calls(breaker, service, *([BROKEN] * 4))
    clock.go_on(5)
    service.answer = held = Held()

    async with sending(breaker) as trial:
        with pytest.raises(Unreachable, match="is open") as refusal:
            await breaker.send(GET)
        assert refusal.value.problem("things").headers == {"Retry-After": "1"}
        held.give(await streaming(GET))
        async with await trial:  # its answer is enough, its body may go on
            await calls(breaker, service, BROKEN, BROKEN, BROKEN)
            service.answer = FINE
            assert not await is_open(breaker, service), "all is counted anew"


@pytest.mark.parametrize("failure", [BROKEN, raising(Unreachable("away")), raising(TimedOut("late"))])
async def test_a_failing_trial_begins_another_pause(
    breaker: Breaker, service: Fake, clock: Clock, failure: Answer
) -> None:
    await calls(breaker, service, *([BROKEN] * 4))
    for _ in range(3):
        clock.go_on(5)
        await calls(breaker, service, failure)
        service.answer = FINE
        clock.go_on(4.9)
        assert await is_open(breaker, service)
        clock.go_on(-4.9)

    clock.go_on(5)
    assert await ask(breaker) == 200
    assert await ask(breaker) == 200


async def test_a_trial_that_is_given_up_lets_the_next_call_try(
    breaker: Breaker, service: Fake, clock: Clock
) -> None:
    await calls(breaker, service, *([BROKEN] * 4))
    clock.go_on(5)
    service.answer = hanging
    async with sending(breaker):
        pass
    await calls(breaker, service, raising(ClientLeft()), raising(ZeroDivisionError()))

    service.answer = FINE
    assert await ask(breaker) == 200
    assert len(service.asked) == 8


async def test_calls_that_began_before_it_opened_change_nothing_when_they_end(
    breaker: Breaker, service: Fake, clock: Clock
) -> None:
    service.answer = held = Held()
    early = [asyncio.create_task(breaker.send(GET)) for _ in range(9)]
    await asyncio.sleep(0)
    assert held.calls == 9
    await calls(breaker, service, *([BROKEN] * 4))

    clock.go_on(4)
    held.give(await FINE(GET))
    await early[0]
    assert await is_open(breaker, service), "a late success does not close it"
    for call in early[1:5]:
        held.fail(TimedOut("late"))
        await asyncio.wait([call])
    clock.go_on(1)
    service.answer = FINE
    assert await ask(breaker) == 200, "late failures do not make the pause longer"
    for call in early[5:]:
        held.fail(TimedOut("late"))
        await asyncio.wait([call])
    assert await ask(breaker) == 200, "nor do they count after it"
    assert [type(call.exception()) for call in early[1:]] == [TimedOut] * 8


async def test_the_defaults_are_half_of_twenty_calls_in_ten_seconds_and_five_to_rest() -> None:
    policy = BreakerPolicy()

    assert (policy.share, policy.calls) == (0.5, 20)
    assert (policy.window, policy.pause) == (timedelta(seconds=10), timedelta(seconds=5))


async def test_it_opens_and_closes_with_what_it_wraps(breaker: Breaker, service: Fake) -> None:
    async with breaker:
        assert service.open
    assert not service.open


async def test_a_reply_goes_through_unchanged(breaker: Breaker, service: Fake) -> None:
    whole = Reply.whole(503, b"busy", [])

    async def answer(_request: Request) -> Reply:
        return whole

    service.answer = answer

    assert await breaker.send(GET) is whole
