"""A concurrency limit that adapts, around a service as a transport sees it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from frontispiece.http import messages
from frontispiece.http.messages import BodyStream
from frontispiece.upstream import Overloaded, Reply, Request, TimedOut, Unreachable, UpstreamServerError
from frontispiece.upstream.adaptive_limit import INITIAL_LIMIT, MIN_SAMPLES, PROBE_SAMPLES
from frontispiece.upstream.concurrency_limit import ConcurrencyLimiter
from frontispiece.upstream.config import ConcurrencyPolicy
from tests.frontispiece.upstream.fakes import GET, Deferred, Fake, ask, ended, settled
from tests.support.calls import Answer, answering, raising
from tests.support.clock import Clock

MIN_LIMIT = 3


@pytest.fixture
def limited(service: Fake, clock: Clock) -> ConcurrencyLimiter:
    policy = ConcurrencyPolicy(adaptive=True, min_limit=MIN_LIMIT, max_limit=100, max_queue=1)
    return ConcurrencyLimiter(service, policy, clock=clock)


def taking(clock: Clock, seconds: float, answer: Answer) -> Answer:
    async def later(request: Request) -> Reply:
        clock.advance(seconds)
        return await answer(request)

    return later


async def ask_often(limited: ConcurrencyLimiter, times: int) -> None:
    for _ in range(times):
        with suppress(Unreachable, UpstreamServerError, TimedOut):
            await ask(limited)


def uploaded(clock: Clock, seconds: float) -> Request:
    """A request whose client takes so long to send the body."""

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        clock.advance(seconds)

    return Request(method="POST", target="/a", body=BodyStream(body()))


async def take_upload(request: Request) -> None:
    """Read the body as it comes."""
    assert isinstance(request.body, BodyStream)
    async for _ in request.body:
        pass


async def know_the_best(limited: ConcurrencyLimiter, service: Fake, clock: Clock) -> None:
    """Calls until the best latency has been measured: 20 ms."""
    service.answer = taking(clock, 0.02, answering(200))
    await ask_often(limited, MIN_SAMPLES + PROBE_SAMPLES)
    assert limited.limit == INITIAL_LIMIT


async def test_calls_above_the_limit_wait_and_those_above_the_queue_are_refused_as_overloaded(
    service: Fake, limited: ConcurrencyLimiter
) -> None:
    service.answer = Deferred()
    tasks = [asyncio.create_task(limited.send(GET)) for _ in range(INITIAL_LIMIT + 1)]
    await settled()
    assert (len(service.requests), limited.in_flight, limited.waiting) == (INITIAL_LIMIT, INITIAL_LIMIT, 1)

    with pytest.raises(Overloaded, match="it has 20 calls already, and 1 waiting") as refusal:
        await limited.send(GET)

    assert refusal.value.problem("things").kind == "upstream-overloaded"
    for task in tasks:
        await ended(task)
    assert (limited.in_flight, limited.waiting) == (0, 0)


@pytest.mark.parametrize(
    ("seconds", "answer"), [(0.2, answering(200)), (10, raising(TimedOut("no answer in 10 s")))]
)
async def test_a_service_that_becomes_slow_or_times_out_gets_fewer_requests(
    service: Fake, limited: ConcurrencyLimiter, clock: Clock, seconds: float, answer: Answer
) -> None:
    await know_the_best(limited, service, clock)

    service.answer = taking(clock, seconds, answer)
    await ask_often(limited, 2 * MIN_SAMPLES)

    assert MIN_LIMIT <= limited.limit < INITIAL_LIMIT


@pytest.mark.parametrize(
    "answer",
    [
        answering(500),
        answering(503),
        raising(Unreachable("no connection")),
        raising(UpstreamServerError("it broke")),
    ],
)
async def test_what_fails_quickly_is_not_taken_for_a_better_latency(
    service: Fake, limited: ConcurrencyLimiter, clock: Clock, answer: Answer
) -> None:
    await know_the_best(limited, service, clock)

    service.answer = taking(clock, 0.0001, answer)
    await ask_often(limited, 500)

    service.answer = taking(clock, 0.02, answering(200))
    await ask_often(limited, 5 * MIN_SAMPLES)
    assert limited.limit == INITIAL_LIMIT


async def test_calls_that_wait_go_on_when_the_limit_has_shrunk_and_the_others_have_ended(
    service: Fake, clock: Clock
) -> None:
    limited = ConcurrencyLimiter(
        service, ConcurrencyPolicy(adaptive=True, min_limit=1, max_limit=100, max_queue=50), clock=clock
    )
    deferred = Deferred()
    service.answer = deferred
    tasks = [asyncio.create_task(limited.send(GET)) for _ in range(40)]
    await settled()
    peak = 0
    while deferred.calls:
        peak = max(peak, deferred.calls)
        clock.advance(0.05)
        deferred.give(Reply.whole(200, b"", []))
        await settled()

    assert peak == INITIAL_LIMIT
    assert [(await task).status for task in tasks] == [200] * 40
    assert (limited.in_flight, limited.waiting) == (0, 0)


async def test_a_client_that_is_slow_to_send_is_no_sign_of_a_slow_service(
    service: Fake, limited: ConcurrencyLimiter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(request: Request) -> Reply:
        await take_upload(request)
        return await taking(clock, 0.02, answering(200))(request)

    monkeypatch.setattr(messages, "monotonic", clock)
    await know_the_best(limited, service, clock)
    service.answer = answer

    for _ in range(5 * MIN_SAMPLES):
        await ask(limited, uploaded(clock, 1.0))

    assert limited.limit >= INITIAL_LIMIT
