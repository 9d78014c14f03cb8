"""So many calls at a time, some more in a queue, the others refused at once."""

import asyncio

import pytest

from frontispiece.upstream import Overloaded, Reply, Request, TimedOut, Transport
from frontispiece.upstream.concurrency_limit import ConcurrencyLimiter
from frontispiece.upstream.config import ConcurrencyPolicy
from tests.frontispiece.upstream.fakes import (
    GET,
    Deferred,
    Fake,
    ended,
    hanging,
    sending,
    settled,
    streaming,
)
from tests.support.calls import raising


def get(target: str, timeout: float = 10.0) -> Request:
    return Request(method="GET", target=target, timeout=timeout)


@pytest.fixture
def deferred() -> Deferred:
    return Deferred()


@pytest.fixture
def service(deferred: Deferred) -> Fake:
    return Fake(deferred)


def limited(service: Transport, calls: int, queue: int) -> ConcurrencyLimiter:
    return ConcurrencyLimiter(service, ConcurrencyPolicy(max_concurrent=calls, max_queue=queue))


def targets(service: Fake) -> list[str]:
    return [request.target for request in service.requests]


async def begin(transport: Transport, *requests: Request) -> list[asyncio.Task[Reply]]:
    """Calls on their way, begun in this order."""
    tasks = [asyncio.create_task(transport.send(request)) for request in requests]
    await settled()
    return tasks


async def has_all_slots(transport: Transport, service: Fake, calls: int) -> bool:
    """Whether so many calls get through at a time, and no more."""
    requested = len(service.requests)
    service.answer = hanging
    tasks = await begin(transport, *([GET] * (calls + 1)))
    through = len(service.requests) - requested
    for task in reversed(tasks):
        await ended(task)
    return through == calls


async def test_calls_that_find_no_slot_wait_in_the_order_in_which_they_came(
    service: Fake, deferred: Deferred
) -> None:
    tasks = await begin(limited(service, 2, 3), *(get(f"/{n}") for n in range(5)))
    assert targets(service) == ["/0", "/1"]

    for n in range(2, 5):
        deferred.give(Reply.whole(200, b"", []))
        await settled()
        assert targets(service) == [f"/{k}" for k in range(n + 1)]
    deferred.give(Reply.whole(200, b"", []))
    deferred.give(Reply.whole(200, b"", []))
    assert [(await task).status for task in tasks] == [200] * 5


@pytest.mark.parametrize("queue", [0, 3])
async def test_where_the_queue_is_full_a_call_is_refused_at_once(service: Fake, queue: int) -> None:
    transport = limited(service, 1, queue)
    tasks = await begin(transport, *([GET] * (1 + queue)))

    with pytest.raises(Overloaded, match=f"it has 1 calls already, and {queue} waiting") as refusal:
        await transport.send(GET)

    problem = refusal.value.problem("things")
    assert (problem.status, problem.kind, problem.headers) == (
        503,
        "upstream-overloaded",
        {"Retry-After": "1"},
    )
    assert refusal.value.reason == "overloaded"
    assert len(service.requests) == 1
    for task in tasks:
        await ended(task)
    assert await has_all_slots(transport, service, 1)


@pytest.mark.parametrize("failure", [TimedOut("late"), ZeroDivisionError(), asyncio.CancelledError()])
async def test_a_call_that_ends_without_an_answer_gives_its_slot_back(
    service: Fake, failure: BaseException
) -> None:
    service.answer = raising(failure)
    transport = limited(service, 1, 0)

    for _ in range(3):
        with pytest.raises(type(failure)):
            await transport.send(GET)

    assert await has_all_slots(transport, service, 1)


async def test_a_call_that_leaves_the_queue_takes_no_slot_and_leaves_its_place(
    service: Fake, deferred: Deferred
) -> None:
    transport = limited(service, 1, 2)
    first, second, third = await begin(transport, get("/1"), get("/2"), get("/3"))
    await ended(second)
    (fourth,) = await begin(transport, get("/4"))

    for call in (first, third, fourth):
        deferred.give(Reply.whole(200, b"", []))
        await call
        await settled()

    assert targets(service) == ["/1", "/3", "/4"]
    assert await has_all_slots(transport, service, 1)


async def test_a_call_that_leaves_in_the_moment_of_its_turn_hands_the_slot_on(service: Fake) -> None:
    service.answer = streaming
    transport = limited(service, 1, 2)
    reply = await transport.send(get("/1"))
    second, third = await begin(transport, get("/2"), get("/3"))

    await reply.release()  # the slot is the second's now, which has not yet gone on
    second.cancel()
    async with await third:
        assert targets(service) == ["/1", "/3"]

    assert second.cancelled()
    assert await has_all_slots(transport, service, 1)


async def test_a_queued_request_waits_no_longer_than_its_timeout(service: Fake) -> None:
    transport = limited(service, 1, 1)
    async with sending(transport):
        with pytest.raises(Overloaded, match=r"none of its calls ended in 0\.02 s"):
            await transport.send(get("/2", timeout=0.02))
        assert targets(service) == ["/a"]

    assert await has_all_slots(transport, service, 1)
