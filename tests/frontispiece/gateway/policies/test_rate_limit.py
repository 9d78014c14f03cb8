"""What one gateway counts: one limit or several, by route, user, address or key."""

from typing import Any

import pytest

from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.policies.rate_limit import buckets
from frontispiece.gateway.policies.rate_limit.buckets import SECOND
from frontispiece.gateway.policies.rate_limit.config import Limit
from frontispiece.gateway.policies.rate_limit.layer import rate_limit_layer
from frontispiece.http.problems import Problem
from frontispiece.security import Identity
from tests.support.calls import answering, call
from tests.support.clock import Nanoseconds

MINUTE = 60 * SECOND

KEY = {"rate": "2/minute", "by": "key", "header": "X-API-Key"}
ADDRESS = {"rate": "3/hour", "by": "address"}


def limited(clock: Nanoseconds, *limits: dict[str, Any]) -> Handler:
    """A handler behind these limits."""
    policy = [Limit.model_validate({"by": "route", **limit}) for limit in limits]
    return rate_limit_layer(policy, "GET /a", clock=clock)(answering(200))


def call_of(ip: str = "192.0.2.7", user: str | None = None, key: str | None = None, client: str = "") -> Call:
    identity = Identity(subject=user, scopes=frozenset(), client=client) if user else None
    headers = [] if key is None else [(b"x-api-key", key.encode())]
    return call(client_ip=ip, identity=identity, headers=headers)


async def fields_of(handler: Handler, one: Call) -> tuple[str, str, str | None]:
    """`RateLimit-Policy`, `RateLimit` and, of a refusal, `Retry-After`."""
    retry_after = None
    try:
        await handler(one)
    except Problem as problem:
        retry_after = problem.headers["Retry-After"]
    fields = {name.decode(): value.decode() for name, value in one.response_headers}
    return fields["ratelimit-policy"], fields["ratelimit"], retry_after


async def passes(handler: Handler, **caller: Any) -> bool:
    return (await fields_of(handler, call_of(**caller)))[2] is None


async def how_many(handler: Handler, tries: int, **caller: Any) -> int:
    return sum([await passes(handler, **caller) for _ in range(tries)])


@pytest.mark.parametrize(
    ("rate", "within"),
    [("5/second", SECOND), ("5/minute", MINUTE), ("5/hour", 60 * MINUTE), ("5/day", 24 * 60 * MINUTE)],
)
async def test_as_many_calls_as_the_rate_says_pass_at_once_and_come_back_in_its_time(
    rate: str, within: int
) -> None:
    clock = Nanoseconds()
    handler = limited(clock, {"rate": rate})
    assert await how_many(handler, 7) == 5

    clock.now += within // 5 - 1
    assert not await passes(handler)
    clock.now += 1
    assert await how_many(handler, 2) == 1
    clock.now += within
    assert await how_many(handler, 7) == 5


async def test_a_burst_may_be_larger_or_smaller_than_the_rate() -> None:
    clock = Nanoseconds()
    larger = limited(clock, {"rate": "2/second", "burst": 6})
    smaller = limited(clock, {"rate": "600/minute", "burst": 1})
    assert (await how_many(larger, 9), await how_many(smaller, 9)) == (6, 1)

    clock.now += SECOND // 10
    assert (await how_many(larger, 9), await how_many(smaller, 9)) == (0, 1)
    clock.now += SECOND
    assert await how_many(larger, 9) == 2


async def test_a_rate_that_divides_no_second_loses_no_call_to_rounding() -> None:
    clock = Nanoseconds()
    handler = limited(clock, {"rate": "3/second"})
    assert await how_many(handler, 3) == 3
    passed = 0
    for _ in range(3000):
        clock.now += SECOND // 3
        passed += await how_many(handler, 2)

    assert passed == 3000


async def test_each_user_has_a_bucket_at_all_addresses() -> None:
    handler = limited(Nanoseconds(), {"rate": "2/minute", "by": "user"})

    assert await how_many(handler, 3, user="reader", ip="192.0.2.1") == 2
    assert await how_many(handler, 3, user="reader", ip="192.0.2.2") == 0
    assert await how_many(handler, 3, user="clerk", ip="192.0.2.1") == 2


async def test_all_users_of_an_app_have_one_bucket() -> None:
    handler = limited(Nanoseconds(), {"rate": "2/minute", "by": "client"})

    passed = [await passes(handler, user=user, client="agent") for user in ("a", "b", "c")]
    assert passed == [True, True, False]
    assert await passes(handler, user="c", client="web")
    assert await how_many(handler, 3, user="c", ip="192.0.2.9") == 2


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
    handler = limited(Nanoseconds(), {"rate": "1/minute", "by": "address"})

    assert await passes(handler, ip=one)
    assert await passes(handler, ip=other) is not same


async def test_a_refused_call_is_not_counted_and_passes_after_retry_after() -> None:
    clock = Nanoseconds()
    handler = limited(clock, {"rate": "7/minute"})
    for _ in range(50):
        _, _, retry_after = await fields_of(handler, call_of())
        if retry_after is not None:
            clock.now += int(retry_after) * SECOND
            assert await passes(handler)


async def test_of_too_many_callers_the_least_recent_one_gets_a_new_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buckets, "MAX_CALLERS", 2)
    handler = limited(Nanoseconds(), {"rate": "1/day", "by": "address"})
    a, b, c = "192.0.2.1", "192.0.2.2", "192.0.2.3"

    assert [await passes(handler, ip=ip) for ip in (a, b, a, c)] == [True, True, False, True]
    assert [await passes(handler, ip=ip) for ip in (a, c, b)] == [False, False, True]


async def test_a_call_passes_when_each_limit_has_room_and_responses_list_all() -> None:
    handler = limited(Nanoseconds(), KEY, ADDRESS)
    fields = [await fields_of(handler, call_of(key=key)) for key in "aaabc"]

    assert {policy for policy, *_ in fields} == {'"key";q=2;w=60, "address";q=3;w=3600'}
    assert [tuple(rest) for _, *rest in fields] == [
        ('"key";r=1;t=30, "address";r=2;t=1200', None),
        ('"key";r=0;t=30, "address";r=1;t=1200', None),
        ('"key";r=0;t=30, "address";r=1;t=1200', "30"),
        ('"key";r=1;t=30, "address";r=0;t=1200', None),
        ('"key";r=2;t=30, "address";r=0;t=1200', "1200"),
    ]
    assert await passes(handler, ip="192.0.2.8", key="c"), "the refusal took nothing"


async def test_callers_of_refused_calls_displace_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MAX_CALLERS", 2)
    handler = limited(Nanoseconds(), KEY | {"burst": 1}, ADDRESS | {"burst": 1})
    assert await passes(handler, ip="192.0.2.1", key="mine")

    assert [await passes(handler, key=key) for key in "abcde"] == [True, *[False] * 4]
    assert not await passes(handler, ip="192.0.2.2", key="mine")


async def test_calls_without_a_key_are_counted_by_address_and_no_key_is_an_address() -> None:
    handler = limited(Nanoseconds(), KEY)

    for one in (call_of(), call_of(key="192.0.2.7"), call_of("192.0.2.8")):
        assert (await fields_of(handler, one))[1] == '"key";r=1;t=30'
    assert (await fields_of(handler, call_of()))[1] == '"key";r=0;t=30'
