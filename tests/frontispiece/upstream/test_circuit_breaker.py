"""A service that fails too often is left alone for a while."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from frontispiece.http.messages import BodyStream
from frontispiece.upstream import (
    ClientDisconnected,
    Reply,
    Request,
    TimedOut,
    Unreachable,
    UpstreamError,
)
from frontispiece.upstream.circuit_breaker import CircuitBreaker
from frontispiece.upstream.config import BreakerPolicy
from tests.frontispiece.upstream.fakes import (
    FAILURES,
    GET,
    NO_FAILURES,
    Deferred,
    Fake,
    ask,
    ended,
    hanging,
    sending,
    streaming,
)
from tests.support.calls import Answer, answering, raising
from tests.support.clock import Clock

POLICY = BreakerPolicy.model_validate(
    {"failure_ratio": 0.5, "min_requests": 4, "window": "10s", "open_duration": "5s"}
)


@pytest.fixture
def breaker(service: Fake, clock: Clock) -> CircuitBreaker:
    return CircuitBreaker("things", service, POLICY, clock=clock)


async def calls(breaker: CircuitBreaker, service: Fake, *answers: Answer) -> None:
    """Calls that are answered so, one after the other."""
    for answer in answers:
        service.answer = answer
        with suppress(UpstreamError, ClientDisconnected, ZeroDivisionError, asyncio.CancelledError):
            await ask(breaker)


async def is_open(breaker: CircuitBreaker, service: Fake) -> bool:
    """Whether a call is refused without being sent."""
    requested = len(service.requests)
    try:
        await ask(breaker)
    except Unreachable:
        return len(service.requests) == requested
    return False


FINE, BROKEN = answering(200), answering(500)


@pytest.mark.parametrize("failure", FAILURES)
async def test_it_opens_when_so_large_a_share_of_calls_fails(
    breaker: CircuitBreaker, service: Fake, failure: Answer
) -> None:
    await calls(breaker, service, FINE, FINE, failure)
    service.answer = FINE
    assert not await is_open(breaker, service)  # that was the fourth call, and the third success

    await calls(breaker, service, failure, failure)
    service.answer = FINE
    assert await is_open(breaker, service)


@pytest.mark.parametrize("answer", NO_FAILURES)
async def test_client_errors_disconnects_and_bugs_never_open_it(
    breaker: CircuitBreaker, service: Fake, answer: Answer
) -> None:
    await calls(breaker, service, *([answer] * 50))

    assert len(service.requests) == 50


@pytest.mark.parametrize(("seconds", "sent"), [(1.7, 5), (1.9, 4)])
async def test_a_cancelled_call_counts_for_nothing_unless_its_time_was_nearly_up(
    breaker: CircuitBreaker, service: Fake, clock: Clock, seconds: float, sent: int
) -> None:
    service.answer = hanging
    for _ in range(POLICY.min_requests):
        async with sending(breaker, Request(method="GET", target="/a", timeout=2.0)) as call:
            clock.advance(seconds)
            await ended(call)

    await calls(breaker, service, FINE)

    assert len(service.requests) == sent


async def test_while_it_is_open_retry_after_counts_down(
    breaker: CircuitBreaker, service: Fake, clock: Clock
) -> None:
    await calls(breaker, service, *([BROKEN] * 4))

    for passed, retry_after in [(0, "5"), (0.5, "5"), (1, "4"), (3, "1"), (0.499, "1")]:
        clock.advance(passed)
        with pytest.raises(Unreachable, match=r"^its circuit breaker is open$") as refusal:
            await breaker.send(GET)
        problem = refusal.value.problem("things")
        assert (problem.status, problem.headers) == (503, {"Retry-After": retry_after})
    assert len(service.requests) == 4


async def test_after_the_open_duration_a_single_probe_closes_it(
    breaker: CircuitBreaker, service: Fake, clock: Clock
) -> None:
    await calls(breaker, service, *([BROKEN] * 4))
    clock.advance(5)
    service.answer = deferred = Deferred()

    async with sending(breaker) as trial:
        with pytest.raises(Unreachable, match="is open") as refusal:
            await breaker.send(GET)
        assert refusal.value.problem("things").headers == {"Retry-After": "1"}
        deferred.give(await streaming(GET))
        async with await trial:  # its answer is enough, its body may go on
            await calls(breaker, service, BROKEN, BROKEN, BROKEN)
            service.answer = FINE
            assert not await is_open(breaker, service), "all is counted anew"


@pytest.mark.parametrize("failure", [BROKEN, raising(Unreachable("away")), raising(TimedOut("late"))])
async def test_a_failed_probe_opens_it_again(
    breaker: CircuitBreaker, service: Fake, clock: Clock, failure: Answer
) -> None:
    await calls(breaker, service, *([BROKEN] * 4))
    for _ in range(3):
        clock.advance(5)
        await calls(breaker, service, failure)
        service.answer = FINE
        clock.advance(4.9)
        assert await is_open(breaker, service)
        clock.advance(-4.9)

    clock.advance(5)
    assert await ask(breaker) == 200
    assert await ask(breaker) == 200


async def test_after_a_cancelled_probe_the_next_call_is_a_probe(
    breaker: CircuitBreaker, service: Fake, clock: Clock
) -> None:
    await calls(breaker, service, *([BROKEN] * 4))
    clock.advance(5)
    service.answer = hanging
    async with sending(breaker):
        pass
    await calls(breaker, service, raising(ClientDisconnected()), raising(ZeroDivisionError()))

    service.answer = FINE
    assert await ask(breaker) == 200
    assert len(service.requests) == 8


async def test_a_probe_whose_client_is_slow_gives_way_to_the_next_and_decides_nothing(
    breaker: CircuitBreaker, service: Fake, clock: Clock
) -> None:
    go_on = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        await go_on.wait()
        yield b"late"

    async def fail_after_the_body(request: Request) -> Reply:
        assert isinstance(request.body, BodyStream)
        async for _ in request.body:
            pass
        return await BROKEN(request)

    await calls(breaker, service, *([BROKEN] * 4))
    clock.advance(5)
    service.answer = fail_after_the_body
    async with sending(breaker, Request(method="POST", target="/a", body=BodyStream(body()))) as slow:
        service.answer = FINE
        assert await ask(breaker) == 200
        go_on.set()
        assert (await slow).status == 500

    assert not await is_open(breaker, service)


async def test_calls_that_began_before_it_opened_change_nothing_when_they_end(
    breaker: CircuitBreaker, service: Fake, clock: Clock
) -> None:
    service.answer = deferred = Deferred()
    early = [asyncio.create_task(breaker.send(GET)) for _ in range(9)]
    await asyncio.sleep(0)
    assert deferred.calls == 9
    await calls(breaker, service, *([BROKEN] * 4))

    clock.advance(4)
    deferred.give(await FINE(GET))
    await early[0]
    assert await is_open(breaker, service), "a late success does not close it"
    for call in early[1:5]:
        deferred.fail(TimedOut("late"))
        await asyncio.wait([call])
    clock.advance(1)
    service.answer = FINE
    assert await ask(breaker) == 200, "late failures do not make the pause longer"
    for call in early[5:]:
        deferred.fail(TimedOut("late"))
        await asyncio.wait([call])
    assert await ask(breaker) == 200, "nor do they count after it"
    assert [type(call.exception()) for call in early[1:]] == [TimedOut] * 8
