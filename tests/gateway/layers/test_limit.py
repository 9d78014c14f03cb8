from collections.abc import Callable

import pytest

from gateway.call import Call, Handler
from gateway.layers import limit
from gateway.layers.limit import SECOND, at_most
from gateway.table import Limit
from gateway.upstream import Reply
from kit.problems import Problem
from kit.tokens import Identity

MINUTE = 60 * SECOND


class Clock:
    """Shows the time that a test says, in nanoseconds; its beginning is no round number."""

    def __init__(self) -> None:
        self.now = 7_654_321_987_654_321

    def __call__(self) -> int:
        return self.now


async def passing(_call: Call) -> Reply:
    """Answer 200."""
    return Reply.whole(200, b"", [])


def limited(clock: Callable[[], int], rate: str, by: str = "route", **more: int) -> Handler:
    """A handler that lets calls pass within this limit."""
    return at_most(Limit.model_validate({"rate": rate, "by": by, **more}), clock)(passing)


def call(peer: str = "192.0.2.7", user: str | None = None) -> Call:
    identity = Identity(subject=user, scopes=frozenset()) if user else None
    return Call(
        params={},
        method="GET",
        query=b"",
        headers=[],
        body=b"",
        request_id=b"7",
        scheme="http",
        peer=peer,
        identity=identity,
    )


async def passes(handler: Handler, one: Call | None = None) -> bool:
    try:
        await handler(one or call())
    except Problem as problem:
        if problem.kind != "rate-limited":
            raise
        return False
    return True


async def how_many(handler: Handler, tries: int, **caller: str) -> int:
    return sum([await passes(handler, call(**caller)) for _ in range(tries)])


@pytest.mark.parametrize(
    ("rate", "within"),
    [("5/second", SECOND), ("5/minute", MINUTE), ("5/hour", 60 * MINUTE), ("5/day", 24 * 60 * MINUTE)],
)
async def test_as_many_calls_as_the_rate_says_pass_at_once_and_come_back_in_its_time(
    rate: str, within: int
) -> None:
    clock = Clock()
    handler = limited(clock, rate)
    assert await how_many(handler, 7) == 5

    clock.now += within // 5 - 1
    assert not await passes(handler)
    clock.now += 1
    assert await how_many(handler, 2) == 1
    clock.now += within
    assert await how_many(handler, 7) == 5


async def test_a_burst_may_be_larger_or_smaller_than_the_rate() -> None:
    clock = Clock()
    larger, smaller = limited(clock, "2/second", burst=6), limited(clock, "600/minute", burst=1)
    assert (await how_many(larger, 9), await how_many(smaller, 9)) == (6, 1)

    clock.now += SECOND // 10
    assert (await how_many(larger, 9), await how_many(smaller, 9)) == (0, 1)
    clock.now += SECOND
    assert await how_many(larger, 9) == 2


async def test_a_rate_that_divides_no_second_loses_no_call_to_rounding() -> None:
    clock = Clock()
    handler = limited(clock, "3/second")
    assert await how_many(handler, 3) == 3
    passed = 0
    for _ in range(3000):
        clock.now += SECOND // 3
        passed += await how_many(handler, 2)

    assert passed == 3000


async def test_refused_calls_take_nothing_from_what_comes_back() -> None:
    clock = Clock()
    handler = limited(clock, "1/second")
    assert await how_many(handler, 50) == 1

    clock.now += SECOND
    assert await passes(handler)


async def test_users_do_not_take_from_each_other_wherever_they_call_from() -> None:
    handler = limited(Clock(), "2/minute", by="user")

    assert await how_many(handler, 3, user="reader", peer="192.0.2.1") == 2
    assert await how_many(handler, 3, user="reader", peer="192.0.2.2") == 0
    assert await how_many(handler, 3, user="clerk", peer="192.0.2.1") == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("2001:DB8:1:2::1", "2001:db8:1:2:0:0:0:1", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("::1", "::1", True),
        ("unknown", "192.0.2.1", False),
        ("unknown", "unknown", True),
    ],
)
async def test_an_address_is_one_of_version_4_or_a_whole_network_of_version_6(
    one: str, other: str, *, same: bool
) -> None:
    handler = limited(Clock(), "1/minute", by="address")

    assert await passes(handler, call(peer=one))
    assert await passes(handler, call(peer=other)) is not same


async def test_a_limit_by_route_is_for_all_callers_together() -> None:
    handler = limited(Clock(), "3/minute", by="route")

    assert [await how_many(handler, 2, peer=peer) for peer in ("192.0.2.1", "192.0.2.2")] == [2, 1]


async def test_every_answer_tells_the_policy_and_what_is_left_and_a_refusal_when_to_come_again() -> None:
    clock = Clock()
    handler = limited(clock, "6/minute", by="address", burst=2)
    told = []
    for later in (0, 3 * SECOND, 0, 5 * SECOND + 1):
        clock.now += later
        one = call()
        retry = None
        try:
            await handler(one)
        except Problem as problem:
            retry = problem.headers["Retry-After"]
        told.append((dict(one.told)[b"ratelimit"], retry))
        assert dict(one.told)[b"ratelimit-policy"] == b'"address";q=2;w=20'

    assert told == [
        (b'"address";r=1;t=10', None),
        (b'"address";r=0;t=7', None),
        (b'"address";r=0;t=7', "7"),
        (b'"address";r=0;t=2', "2"),
    ]


async def test_a_refusal_that_is_obeyed_is_not_followed_by_another() -> None:
    clock = Clock()
    handler = limited(clock, "7/minute")
    for _ in range(50):
        try:
            await handler(call())
        except Problem as problem:
            clock.now += int(problem.headers["Retry-After"]) * SECOND
            assert await passes(handler)


async def test_of_too_many_callers_the_one_unseen_for_longest_begins_anew_and_the_others_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limit, "MOST_CALLERS", 2)
    handler = limited(Clock(), "1/day", by="address")
    a, b, c = "192.0.2.1", "192.0.2.2", "192.0.2.3"

    assert [await passes(handler, call(peer=peer)) for peer in (a, b, a, c)] == [True, True, False, True]
    assert [await passes(handler, call(peer=peer)) for peer in (a, c, b)] == [False, False, True]
