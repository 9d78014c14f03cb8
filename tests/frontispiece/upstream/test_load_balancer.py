"""Several addresses of one service: which of them gets a call."""

from collections import Counter
from collections.abc import Callable
from typing import Self

import pytest

from frontispiece.upstream import LifespanFailed, Reply, Request, TimedOut, Unreachable
from frontispiece.upstream.load_balancer import CONSECUTIVE_FAILURES, LoadBalancer
from tests.frontispiece.upstream.fakes import GET, Chance, Fake, ask, streamed, streaming
from tests.support.calls import raising
from tests.support.clock import Clock


async def run(fakes: dict[str, Fake], calls: int, lasts: Callable[[str], int]) -> Counter[str]:
    """How many of the calls each address got, when a call to it lasts until so many others have begun."""
    balanced = LoadBalancer(fakes, health=None, random=Chance())
    got: Counter[str] = Counter()
    running: list[tuple[int, Reply]] = []
    for begun in range(calls):
        for _, reply in [each for each in running if each[0] <= begun]:
            await reply.release()
        running = [each for each in running if each[0] > begun]
        before = balanced.outstanding
        reply = await balanced.send(GET)
        (name,) = (name for name, count in balanced.outstanding.items() if count > before[name])
        got[name] += 1
        running.append((begun + lasts(name), reply))
    for _, reply in running:
        await reply.release()
    assert not any(balanced.outstanding.values())
    return got


async def test_of_two_addresses_that_chance_names_the_one_with_fewer_calls_gets_the_next(
    clock: Clock, chance: Chance
) -> None:
    fakes = {name: Fake(streaming) for name in "abc"}
    balanced = LoadBalancer(fakes, health=None, random=chance, clock=clock)

    for numbers, expected in [
        ((0.0, 0.0), "a"),  # a or b, both idle: the first
        ((0.0, 0.0), "b"),  # a or b: a has one
        ((0.4, 0.9), "c"),  # b or c: b has one
        ((0.9, 0.0), "c"),  # c or a, one each: the first
        ((0.9, 0.5), "b"),  # c or b: c has two
    ]:
        chance.next = [*numbers]
        before = balanced.outstanding
        await balanced.send(GET)
        assert balanced.outstanding == {**before, expected: before[expected] + 1}


async def test_a_slow_address_gets_less() -> None:
    got = await run({name: Fake(streaming) for name in "abcd"}, 4000, lambda name: 40 if name == "a" else 4)

    assert got["a"] < min(got[name] for name in "bcd") / 3, got


async def test_a_call_is_outstanding_until_its_reply_is_released_and_then_once_only(
    a: Fake, b: Fake, two: LoadBalancer
) -> None:
    a.answer = b.answer = streaming
    reply = await two.send(GET)
    other = await two.send(GET)
    assert two.outstanding == {"a": 1, "b": 1}

    await reply.release()
    await reply.release()

    assert sorted(two.outstanding.values()) == [0, 1]
    assert await other.read(10) == b"said"
    await other.release()
    assert two.outstanding == {"a": 0, "b": 0}


async def test_a_release_that_fails_ends_the_call_all_the_same(a: Fake, b: Fake, two: LoadBalancer) -> None:
    async def broken() -> None:
        raise ConnectionResetError

    async def answer(request: Request) -> Reply:
        reply = await streaming(request)
        reply.release = broken
        return reply

    a.answer = b.answer = answer
    reply = await two.send(GET)

    with pytest.raises(ConnectionResetError):
        await reply.release()
    assert two.outstanding == {"a": 0, "b": 0}


async def test_where_no_connection_can_be_made_another_address_gets_the_call_at_once(
    a: Fake, b: Fake, two: LoadBalancer
) -> None:
    a.answer = raising(Unreachable("no connection could be made"))

    for _ in range(20):
        assert await ask(two, Request(method="POST", target="/a", body=b"{}")) == 200
    assert 1 <= len(a.requests) <= CONSECUTIVE_FAILURES
    assert {request.body for request in b.requests} == {b"{}"}
    assert two.outstanding == {"a": 0, "b": 0}


async def test_another_address_gets_the_time_that_is_left(
    a: Fake, b: Fake, two: LoadBalancer, clock: Clock
) -> None:
    async def slowly(_request: Request) -> Reply:
        clock.advance(0.25)
        raise Unreachable("no connection could be made")

    a.answer = b.answer = slowly

    for timeout, requested in [(1.0, [1.0, 0.75]), (0.25, [0.25])]:
        with pytest.raises(Unreachable):
            await two.send(Request(method="GET", target="/a", timeout=timeout))
        assert sorted((r.timeout for r in a.requests + b.requests), reverse=True) == requested
        a.requests.clear()
        b.requests.clear()


async def test_what_may_have_been_begun_is_not_sent_again(a: Fake, b: Fake, two: LoadBalancer) -> None:
    a.answer = b.answer = raising(Unreachable("no connection could be made"))
    with pytest.raises(Unreachable):
        await two.send(streamed())
    assert len(a.requests + b.requests) == 1

    a.answer = b.answer = raising(TimedOut("no answer in 1 s"))
    with pytest.raises(TimedOut):
        await two.send(GET)
    assert len(a.requests + b.requests) == 2


async def test_what_was_opened_is_closed_when_another_cannot_be(a: Fake) -> None:
    class Stuck(Fake):
        async def __aenter__(self) -> Self:
            assert a.open
            raise LifespanFailed

    with pytest.raises(LifespanFailed):
        await LoadBalancer({"a": a, "b": Stuck()}, health=None).__aenter__()
    assert not a.open
