"""Calls that are retried, and those that must not be."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from frontispiece.gateway.call import Call
from frontispiece.gateway.policies.retry import BUDGET, INITIAL_BACKOFF, MAX_BACKOFF, Retry, retry_layer
from frontispiece.upstream import (
    Headers,
    InvalidResponse,
    Overloaded,
    Reply,
    TimedOut,
    Unreachable,
    UpstreamClientError,
    UpstreamError,
    UpstreamServerError,
)
from tests.support.calls import Handler, answering, call, in_chunks, raising, reading, watch_release
from tests.support.clock import Clock

DOWN = raising(Unreachable("there is no connection"))


class Route:
    """A route whose calls are retried, in a time that goes on only while it waits."""

    def __init__(self, handler: Handler, timeout: float = 10.0, draws: float = 1.0, **policy: Any) -> None:
        self.handler = handler
        self.clock = Clock()
        self.waits: list[float] = []
        self.counted: Counter[str] = Counter()
        self._draws = draws
        self.layer = retry_layer(
            Retry.model_validate(policy),
            timedelta(seconds=timeout),
            self._count,
            clock=self.clock,
            wait=self._wait,
            chance=self._chance,
        )
        self._handle = self.layer(handler)

    def _count(self, outcome: str) -> None:
        self.counted[outcome] += 1

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    def _chance(self, low: float, high: float) -> float:
        return low + self._draws * (high - low)

    async def ask(self, one: Call | None = None) -> int | str:
        """The status of the answer, or the reason why there is none."""
        try:
            return (await self._handle(one or call())).status
        except UpstreamError as failure:
            return failure.reason

    @property
    def attempts(self) -> int:
        return len(self.handler.calls)


@pytest.mark.parametrize(
    ("fails", "on"),
    [
        (DOWN, "unavailable"),
        (raising(TimedOut("no answer")), "timeout"),
        (raising(UpstreamServerError("it broke off")), "failed"),
        (raising(InvalidResponse("this is no HTTP")), "failed"),
        (answering(500), "500"),
        (answering(502), "502"),
        (answering(503), "503"),
        (answering(504), "504"),
    ],
)
async def test_failures_that_the_table_names_are_retried_and_no_others(fails: Any, on: str) -> None:
    route = Route(Handler(fails, answering(200)), on=[on])
    assert await route.ask() == 200
    assert (route.attempts, route.counted) == (2, {"retried": 1})

    others = [each for each in ("unavailable", "timeout", "failed", "500", "502", "503", "504") if each != on]
    route = Route(Handler(fails, answering(200)), on=others)
    assert await route.ask() != 200
    assert (route.attempts, route.counted) == (1, {})


@pytest.mark.parametrize(
    "answer",
    [
        answering(200),
        answering(404),
        answering(429),
        raising(UpstreamClientError(409)),
        raising(Overloaded("it is full")),
    ],
)
async def test_responses_refusals_and_our_own_limits_are_not_retried(answer: Any) -> None:
    every = ["unavailable", "timeout", "failed", "500", "502", "503", "504"]
    route = Route(Handler(answer), on=every)

    await route.ask()

    assert (route.attempts, route.counted) == (1, {})


async def test_the_backoff_is_drawn_below_a_bound_that_doubles() -> None:
    longest = Route(Handler(DOWN), attempts=5, draws=1.0)
    await longest.ask()
    assert longest.waits == [INITIAL_BACKOFF, 2 * INITIAL_BACKOFF, 4 * INITIAL_BACKOFF, 8 * INITIAL_BACKOFF]
    assert max(longest.waits) <= MAX_BACKOFF

    shortest = Route(Handler(DOWN), attempts=5, draws=0.0)
    await shortest.ask()
    assert shortest.waits == [0.0] * 4


@pytest.mark.parametrize(
    ("method", "headers", "retried"),
    [
        *((method, [], True) for method in ("GET", "HEAD", "PUT", "DELETE")),
        *((method, [], False) for method in ("POST", "PATCH")),
        *((method, [(b"idempotency-key", b"k")], True) for method in ("POST", "PATCH")),
    ],
)
async def test_idempotent_calls_are_retried_and_others_only_with_an_idempotency_key(
    method: str, headers: Headers, *, retried: bool
) -> None:
    route = Route(Handler(DOWN, answering(200)))

    await route.ask(call(method, headers=headers, body=b"whole"))
    assert (route.attempts, route.counted) == ((2, {"retried": 1}) if retried else (1, {"not-repeatable": 1}))


async def test_a_body_of_which_something_was_read_is_not_sent_again() -> None:
    route = Route(Handler(reading, answering(200)))

    assert await route.ask(call("PUT", body=in_chunks(b"a", b"b"))) == 503
    assert (route.attempts, route.counted) == (1, {"not-repeatable": 1})


async def test_a_body_of_which_nothing_was_read_is_sent_whole() -> None:
    got = []

    async def answer(one: Call) -> Reply:
        assert not isinstance(one.body, bytes)
        got.extend([chunk async for chunk in one.body])
        return Reply.whole(200, b"", [])

    route = Route(Handler(DOWN, answer))

    assert await route.ask(call("PUT", body=in_chunks(b"a", b"b"))) == 200
    assert got == [b"a", b"b"]


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [
        (b"2", [2.0]),
        *((long, []) for long in (b"3", b"120", b"9" * 500, b"Fri, 31 Dec 2999 00:00:00 GMT")),
        *((invalid, [INITIAL_BACKOFF]) for invalid in (b"soon", b"-1", b"", b"\xff")),
        (b"Tue, 01 Jan 2019 00:00:00 GMT", [INITIAL_BACKOFF]),
        (b"Sat, 01 Jan 0000 00:00:00 GMT", [INITIAL_BACKOFF]),
        (b"Sat, 01 Jan %b 00:00:00 GMT" % (b"9" * 20), [INITIAL_BACKOFF]),
    ],
)
async def test_a_short_retry_after_is_waited_for_and_a_long_one_is_passed_on(
    retry_after: bytes, waits: list[float]
) -> None:
    route = Route(Handler(answering(503, (b"retry-after", retry_after)), answering(200)), timeout=500)

    assert await route.ask() == (200 if waits else 503)
    assert (route.waits, route.counted) == (waits, {"retried" if waits else "retry-after": 1})


async def test_a_call_to_a_service_whose_breaker_stays_open_is_not_retried() -> None:
    route = Route(
        Handler(raising(Unreachable("its circuit breaker is open", retry_after=4.2)), answering(200))
    )

    assert await route.ask() == "unavailable"
    assert route.counted == {"retry-after": 1}


async def test_no_attempt_begins_after_the_timeout() -> None:
    async def slow(_call: Call) -> Reply:
        route.clock.advance(0.99)
        return Reply.whole(503, b"", [])

    route = Route(Handler(slow, answering(200)), timeout=1.0)

    assert await route.ask() == 503
    assert (route.waits, route.counted) == ([], {"no-time": 1})


async def test_the_per_try_timeout_is_the_table_s_or_an_even_share() -> None:
    for policy, expected in (
        ({"attempts": 2}, None),
        ({"attempts": 4, "on": ["timeout"]}, 2.5),
        ({"attempts": 4, "on": ["timeout"], "per_try_timeout": "300ms"}, 0.3),
    ):
        route = Route(Handler(answering(200)), **policy)
        await route.ask()
        assert route.handler.calls[0].per_try_timeout == expected


async def test_the_response_of_a_failed_attempt_is_released() -> None:
    released = []

    async def failing(_call: Call) -> Reply:
        reply = Reply(status=503, headers=[], body=in_chunks(b"x"))
        released.append(watch_release(reply))
        return reply

    route = Route(Handler(failing))

    assert await route.ask() == 503
    assert [event.is_set() for event in released] == [True, False]  # the last one is the caller's


async def test_after_a_reserve_no_more_than_a_tenth_of_all_calls_are_retried() -> None:
    route = Route(Handler(answering(503)))

    for _ in range(1000):
        assert await route.ask() == 503

    assert BUDGET <= route.counted["retried"] <= BUDGET + 100
    assert route.attempts == 1000 + route.counted["retried"]
    assert route.counted["no-budget"] == 1000 - route.counted["retried"]


async def test_each_variant_of_a_split_has_a_budget_of_its_own() -> None:
    route = Route(Handler(answering(503)))
    for _ in range(100):
        await route.ask(call(variant="canary"))
    route.counted.clear()

    await route.ask(call())

    assert route.counted == {"retried": 1}
