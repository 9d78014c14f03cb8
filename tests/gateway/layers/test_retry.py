"""Calls that are tried again, and those that must not be."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.call import Call
from gateway.layers.retry import FIRST_PAUSE, LONGEST_PAUSE, SAVED, again
from gateway.policies.retry import Retry
from gateway.upstream import (
    Failed,
    Nonsense,
    Overloaded,
    Refused,
    Reply,
    TimedOut,
    Unreachable,
    UpstreamError,
)
from tests.gateway.layers.calls import Handler, answering, call, in_chunks, raising, reading
from tests.gateway.upstream.fakes import Clock

DOWN = raising(Unreachable("there is no connection"))


class Route:
    """A route whose calls are tried again, in a time that goes on only while it waits."""

    def __init__(self, handler: Handler, timeout: float = 10.0, draws: float = 1.0, **policy: Any) -> None:
        self.handler = handler
        self.clock = Clock()
        self.waits: list[float] = []
        self.counted: Counter[str] = Counter()
        self._draws = draws
        self.layer = again(
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
        self.clock.go_on(seconds)

    def _chance(self, least: float, most: float) -> float:
        return least + self._draws * (most - least)

    async def ask(self, one: Call | None = None) -> int | str:
        """The status of the answer, or the reason why there is none."""
        try:
            return (await self._handle(one or call())).status
        except UpstreamError as failure:
            return failure.reason

    @property
    def tries(self) -> int:
        return len(self.handler.calls)


@pytest.mark.parametrize(
    ("fails", "on"),
    [
        (DOWN, "unavailable"),
        (raising(TimedOut("no answer")), "timeout"),
        (raising(Failed("it broke off")), "failed"),
        (raising(Nonsense("this is no HTTP")), "failed"),
        (answering(500), "500"),
        (answering(502), "502"),
        (answering(503), "503"),
        (answering(504), "504"),
    ],
)
async def test_what_the_table_names_is_tried_again_and_nothing_else(fails: Any, on: str) -> None:
    route = Route(Handler(fails, answering(200)), on=[on])
    assert await route.ask() == 200
    assert (route.tries, route.counted) == (2, {"again": 1})

    others = [each for each in ("unavailable", "timeout", "failed", "500", "502", "503", "504") if each != on]
    route = Route(Handler(fails, answering(200)), on=others)
    assert await route.ask() != 200
    assert (route.tries, route.counted) == (1, {})


@pytest.mark.parametrize(
    "answer",
    [
        answering(200),
        answering(404),
        answering(429),
        raising(Refused(409)),
        raising(Overloaded("it is full")),
    ],
)
async def test_an_answer_a_refusal_and_a_limit_of_ours_are_not_tried_again(answer: Any) -> None:
    every = ["unavailable", "timeout", "failed", "500", "502", "503", "504"]
    route = Route(Handler(answer), on=every)

    await route.ask()

    assert (route.tries, route.counted) == (1, {})


@pytest.mark.parametrize("attempts", [2, 3, 5])
async def test_there_are_at_most_so_many_tries_and_the_last_answer_is_given(attempts: int) -> None:
    route = Route(Handler(*[answering(503)] * (attempts - 1), answering(502)), attempts=attempts)

    assert await route.ask() == 502
    assert route.tries == attempts


async def test_pauses_are_drawn_below_a_bound_that_doubles() -> None:
    longest = Route(Handler(DOWN), attempts=5, draws=1.0)
    await longest.ask()
    assert longest.waits == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE, 8 * FIRST_PAUSE]
    assert max(longest.waits) <= LONGEST_PAUSE

    shortest = Route(Handler(DOWN), attempts=5, draws=0.0)
    await shortest.ask()
    assert shortest.waits == [0.0] * 4


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_calls_that_mean_the_same_twice_are_tried_again(method: str) -> None:
    route = Route(Handler(DOWN, answering(200)))
    assert await route.ask(call(method, body=b"whole")) == 200


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_others_are_only_with_a_key_that_makes_them_so(method: str) -> None:
    route = Route(Handler(DOWN, answering(200)))
    assert await route.ask(call(method)) == "unavailable"
    assert (route.tries, route.counted) == (1, {"not-repeatable": 1})

    route = Route(Handler(DOWN, answering(200)))
    assert await route.ask(call(method, headers=[(b"idempotency-key", b"k")])) == 200


async def test_a_body_that_somebody_has_begun_to_read_is_not_sent_again() -> None:
    route = Route(Handler(reading, answering(200)))

    assert await route.ask(call("PUT", body=in_chunks(b"a", b"b"))) == 503
    assert (route.tries, route.counted) == (1, {"not-repeatable": 1})


async def test_a_body_that_nobody_has_begun_to_read_is_sent_whole() -> None:
    got = []

    async def answer(one: Call) -> Reply:
        assert not isinstance(one.body, bytes)
        got.extend([chunk async for chunk in one.body])
        return Reply.whole(200, b"", [])

    route = Route(Handler(DOWN, answer))

    assert await route.ask(call("PUT", body=in_chunks(b"a", b"b"))) == 200
    assert got == [b"a", b"b"]


async def test_a_short_wish_to_be_left_alone_is_kept_and_a_long_one_is_passed_on() -> None:
    route = Route(Handler(answering(503, (b"retry-after", b"2")), answering(200)))
    assert await route.ask() == 200
    assert route.waits == [2.0]

    for wish in (b"3", b"120", b"9" * 500):
        route = Route(Handler(answering(503, (b"retry-after", wish)), answering(200)), timeout=500)
        assert await route.ask() == 503
        assert route.counted == {"left-alone": 1}


async def test_a_wish_may_be_a_date_and_one_that_means_nothing_is_none() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True).encode()
    route = Route(Handler(answering(503, (b"retry-after", later)), answering(200)))
    assert await route.ask() == 503

    for wish in (b"Tue, 01 Jan 2019 00:00:00 GMT", b"soon", b"-1", b"", b"\xff"):
        route = Route(Handler(answering(503, (b"retry-after", wish)), answering(200)))
        assert await route.ask() == 200
        assert route.waits == [FIRST_PAUSE]


async def test_a_service_whose_breaker_is_open_for_long_is_not_asked_again() -> None:
    route = Route(
        Handler(raising(Unreachable("its circuit breaker is open", retry_after=4.2)), answering(200))
    )

    assert await route.ask() == "unavailable"
    assert route.counted == {"left-alone": 1}


async def test_no_try_begins_when_its_time_is_over() -> None:
    async def slow(_call: Call) -> Reply:
        route.clock.go_on(0.99)
        return Reply.whole(503, b"", [])

    route = Route(Handler(slow, answering(200)), timeout=1.0)

    assert await route.ask() == 503
    assert (route.waits, route.counted) == ([], {"no-time": 1})


async def test_the_time_of_one_try_is_what_the_table_says_or_an_even_share() -> None:
    for policy, expected in (
        ({"attempts": 2}, None),
        ({"attempts": 4, "on": ["timeout"]}, 2.5),
        ({"attempts": 4, "on": ["timeout"], "each": "300ms"}, 0.3),
    ):
        route = Route(Handler(answering(200)), **policy)
        await route.ask()
        assert route.handler.calls[0].seconds == expected


async def test_the_answer_of_a_try_that_does_not_count_is_let_go_of() -> None:
    released = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"

    async def failing(_call: Call) -> Reply:
        async def release() -> None:
            released.append(True)

        return Reply(status=503, headers=[], body=endless(), release=release)

    route = Route(Handler(failing))

    assert await route.ask() == 503
    assert released == [True]  # that of the first try: the second is the caller's


async def test_after_a_reserve_no_more_than_a_tenth_of_all_calls_are_tried_again() -> None:
    route = Route(Handler(answering(503)))

    for _ in range(1000):
        assert await route.ask() == 503

    assert SAVED <= route.counted["again"] <= SAVED + 100
    assert route.tries == 1000 + route.counted["again"]
    assert route.counted["no-budget"] == 1000 - route.counted["again"]


async def test_each_side_of_a_split_has_a_budget_of_its_own() -> None:
    route = Route(Handler(answering(503)))
    for _ in range(100):
        await route.ask(call(side="canary"))
    route.counted.clear()

    await route.ask(call())

    assert route.counted == {"again": 1}


@given(st.lists(st.sampled_from([200, 404, 500, 502, 503]), min_size=5, max_size=5), st.integers(2, 5))
async def test_the_client_gets_the_first_answer_that_counts_or_the_last_one(
    statuses: list[int], attempts: int
) -> None:
    route = Route(Handler(*map(answering, statuses)), attempts=attempts, on=["502", "503"])
    made = statuses[:attempts]

    expected = next((status for status in made if status not in {502, 503}), made[-1])
    assert await route.ask() == expected
