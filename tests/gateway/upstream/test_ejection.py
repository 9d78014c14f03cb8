"""An address that fails gets no calls for a while, and then one to see."""

import asyncio
from contextlib import suppress

import pytest

from gateway.upstream import (
    ClientLeft,
    Failed,
    Nonsense,
    Request,
    TimedOut,
    Unreachable,
    UpstreamError,
)
from gateway.upstream.balance import EJECTED_AFTER, JITTER, Balanced
from tests.gateway.upstream.fakes import (
    GET,
    Answer,
    Chance,
    Clock,
    Fake,
    Held,
    answering,
    ask,
    ended,
    hanging,
    raising,
    sending,
    streamed,
    streaming,
)

FAILURES: list[Answer] = [
    *(raising(failure) for failure in (Unreachable("a"), TimedOut("b"), Nonsense("c"), Failed("d"))),
    *(answering(status) for status in (500, 502, 503, 504)),
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chance() -> Chance:
    return Chance()


@pytest.fixture
def a() -> Fake:
    return Fake()


@pytest.fixture
def b() -> Fake:
    return Fake()


@pytest.fixture
def two(a: Fake, b: Fake, clock: Clock, chance: Chance) -> Balanced:
    return Balanced({"a": a, "b": b}, health=None, random=chance, clock=clock)


async def call(balanced: Balanced) -> None:
    """Make one call, which is not begun anew elsewhere, however it ends."""
    with suppress(UpstreamError):
        await ask(balanced, streamed())


@pytest.mark.parametrize("failure", FAILURES)
async def test_an_address_that_fails_several_times_in_a_row_is_left_out(
    a: Fake, b: Fake, two: Balanced, failure: Answer
) -> None:
    a.answer = failure
    while len(a.asked) < EJECTED_AFTER:
        await call(two)
    b.asked.clear()

    for _ in range(50):
        assert await ask(two) == 200
    assert (len(a.asked), len(b.asked)) == (EJECTED_AFTER, 50)


@pytest.mark.parametrize(
    "answer",
    [
        *(answering(status) for status in (200, 302, 400, 404, 429, 499)),
        raising(ClientLeft()),
        raising(ZeroDivisionError()),
        raising(asyncio.CancelledError()),
    ],
)
async def test_refusals_leaving_clients_and_our_own_bugs_say_nothing_against_an_address(
    a: Fake, two: Balanced, answer: Answer
) -> None:
    a.answer = answer
    for _ in range(10 * EJECTED_AFTER):
        with suppress(ClientLeft, ZeroDivisionError, asyncio.CancelledError):
            await ask(two)

    assert len(a.asked) > 2 * EJECTED_AFTER
    assert two.outstanding == {"a": 0, "b": 0}


async def test_failures_that_are_not_in_a_row_say_nothing_against_an_address(a: Fake, two: Balanced) -> None:
    for _ in range(5):
        a.answer = answering(500)
        asked = len(a.asked)
        while len(a.asked) < asked + EJECTED_AFTER - 1:
            await ask(two)
        a.answer = answering(404)
        while len(a.asked) < asked + EJECTED_AFTER:
            await ask(two)

    assert len(a.asked) == 5 * EJECTED_AFTER


@pytest.mark.parametrize(("seconds", "calls"), [(1.9, EJECTED_AFTER), (1.7, 50)])
async def test_a_call_that_is_cancelled_when_its_time_is_nearly_up_has_timed_out_and_others_have_not(
    a: Fake, two: Balanced, clock: Clock, seconds: float, calls: int
) -> None:
    a.answer = hanging
    while len(a.asked) < calls:
        async with sending(two, Request(method="GET", target="/a", timeout=2.0)) as waiting:
            if not waiting.done():
                clock.go_on(seconds)
                await ended(waiting)
    a.answer = answering(200)

    for _ in range(20):
        await ask(two)
    assert (len(a.asked) == calls) == (calls == EJECTED_AFTER)
    assert two.outstanding == {"a": 0, "b": 0}


async def eject(balanced: Balanced, fake: Fake) -> None:
    """Let an address fail until it is left out."""
    fake.answer = answering(500)
    asked = len(fake.asked)
    while len(fake.asked) < asked + EJECTED_AFTER:
        await call(balanced)
    fake.asked.clear()


async def test_after_a_pause_one_call_tries_whether_an_address_is_back(
    a: Fake, b: Fake, two: Balanced, clock: Clock, chance: Chance
) -> None:
    await eject(two, a)
    held = Held()
    a.answer = held
    clock.go_on(1)

    async with asyncio.timeout(5), sending(two) as trial:
        assert (held.calls, trial.done()) == (1, False)
        for _ in range(10):
            await ask(two)
        assert len(a.asked) == 1, "one trial at a time"
        held.give(await streaming(GET))
        async with await trial:
            a.answer = answering(200)
            b.asked.clear()
            for _ in range(10):
                await ask(two)
            assert len(b.asked) == 10, "the trial's reply is still outstanding"
    chance.next = [0.0, 0.0]
    await ask(two)
    assert len(a.asked) == 2, "it is in use again"


async def test_a_trial_that_is_given_up_decides_nothing(a: Fake, two: Balanced, clock: Clock) -> None:
    await eject(two, a)
    a.answer = hanging
    clock.go_on(1)

    for tried in (1, 2, 3):
        async with sending(two):
            assert len(a.asked) == tried


async def test_the_pause_doubles_with_every_trial_that_fails_up_to_a_minute(
    a: Fake, two: Balanced, clock: Clock
) -> None:
    await eject(two, a)

    for pause in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        await ask(two)
        a.asked.clear()
        clock.go_on(pause * (1 - JITTER) - 0.01)
        await ask(two)
        assert not a.asked, pause
        clock.go_on(pause * JITTER + 0.01)
        await ask(two)
        assert len(a.asked) == 1, pause


async def test_a_success_lets_the_pauses_begin_anew(a: Fake, two: Balanced, clock: Clock) -> None:
    await eject(two, a)
    for pause in (1, 2, 4, 8):
        clock.go_on(pause)
        await ask(two)
    a.answer = answering(200)
    clock.go_on(16)
    await ask(two)
    await eject(two, a)

    clock.go_on(1)
    await ask(two)

    assert len(a.asked) == 1


@pytest.mark.parametrize(("number", "pause"), [(0.0, 1.0), (0.5, 0.875), (0.999, 0.75025)])
async def test_chance_shortens_a_pause_by_up_to_a_quarter(
    a: Fake, b: Fake, clock: Clock, number: float, pause: float
) -> None:
    two = Balanced({"a": a, "b": b}, health=None, random=lambda: number, clock=clock)
    if number >= 0.5:  # the one that chance names whenever both are idle
        a, b = b, a
    await eject(two, a)

    clock.go_on(pause - 0.001)
    await ask(two)
    assert not a.asked
    clock.go_on(0.002)
    await ask(two)
    assert len(a.asked) == 1


async def test_when_all_are_left_out_they_are_tried_in_turn_the_longest_out_first(clock: Clock) -> None:
    fakes = {name: Fake(answering(503)) for name in "abc"}
    balanced = Balanced(fakes, health=None, clock=clock)
    for _ in range(3 * EJECTED_AFTER):
        clock.go_on(0.001)
        await call(balanced)
    for fake in fakes.values():
        fake.asked.clear()

    turns = []
    for _ in range(9):
        clock.go_on(0.001)
        assert await ask(balanced) == 503
        turns += [name for name, fake in fakes.items() if fake.asked]
        for fake in fakes.values():
            fake.asked.clear()
    assert set(turns) == set("abc")
    assert turns == turns[:3] * 3

    fakes[turns[0]].answer = answering(200)
    for _ in range(10):
        assert await ask(balanced) == 200
    assert len(fakes[turns[0]].asked) == 10, "what answered is in use again at once"


async def test_calls_made_for_want_of_a_better_address_lengthen_no_pause(
    a: Fake, b: Fake, two: Balanced, clock: Clock
) -> None:
    a.answer = b.answer = answering(503)
    for _ in range(10 * EJECTED_AFTER):
        clock.go_on(0.001)
        await call(two)
    b.answer = answering(200)
    for _ in range(2):
        clock.go_on(0.001)
        await call(two)
    assert await ask(two) == 200
    a.asked.clear()

    clock.go_on(1)
    await ask(two)

    assert len(a.asked) == 1


async def test_an_address_that_is_left_out_is_still_better_than_none(a: Fake, b: Fake, two: Balanced) -> None:
    await eject(two, a)
    a.answer = answering(200)
    b.answer = raising(Unreachable("away"))

    assert await ask(two) == 200
    assert len(a.asked) == 1
