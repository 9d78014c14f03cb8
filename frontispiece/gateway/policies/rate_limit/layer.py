"""The layer that refuses calls above the rate limits of a route.

A call passes when every limit has room for it; a refused call counts for none of them. While Valkey is
unavailable, each gateway counts shared limits by itself, so that as many times the rate may pass as there are
gateways; such calls are counted as a metric.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from typing import NamedTuple, Self

from frontispiece import clocks
from frontispiece.gateway.auth.caller import network_of, subject_of
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.rate_limit.buckets import (
    SECOND,
    Buckets,
    Clock,
    SharedBuckets,
    shared_key,
)
from frontispiece.gateway.policies.rate_limit.config import Limit, RateLimitKey
from frontispiece.gateway.resources import TableResources
from frontispiece.http.problems import Problem
from frontispiece.stores.valkey import ValkeyUnavailable
from frontispiece.upstream import Reply

OnFallback = Callable[[], None]
"""Called for each call that was counted in the process because Valkey was unavailable."""


def for_route(route: Route, resources: TableResources) -> Iterator[Layer]:
    """The layer of a route with rate limits."""
    if route.rate_limit:
        runtime = resources.runtime
        on_fallback = partial(runtime.metrics.rate_limit_fallbacks.add, route.name)
        yield rate_limit_layer(
            route.rate_limit, route.id, shared=runtime.shared_limits, on_fallback=on_fallback
        )


def rate_limit_layer(
    limits: Sequence[Limit],
    route_id: str,
    *,
    shared: SharedBuckets | None = None,
    on_fallback: OnFallback = lambda: None,
    clock: Clock = clocks.monotonic_ns,
) -> Layer:
    """Pass calls for which all limits have room; responses have `RateLimit-Policy` and `RateLimit`.

    These are as in draft-ietf-httpapi-ratelimit-headers-11: the policy is the burst and the time in which it
    comes back, `t` the seconds until there is room for one more call.
    """
    if len(limits) == 1 and not limits[0].shared:
        return _single_limit_layer(limits[0], clock)
    counters = _counters(limits, route_id, clock)
    local = [counter for counter in counters if not counter.limit.shared]
    common = [counter for counter in counters if counter.limit.shared]
    policy = ", ".join(counter.policy for counter in counters).encode()

    async def count(call: Call) -> list[_Outcome]:
        outcomes = _count(local, call)
        if not common or any(outcome.refuses for outcome in outcomes):
            return outcomes
        more = await _count_shared(shared, common, call, on_fallback)
        if any(outcome.refuses for outcome in more):
            outcomes = _refunded(outcomes, call)
        return sorted([*outcomes, *more], key=lambda outcome: counters.index(outcome.counter))

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            outcomes = await count(call)
            call.response_headers += (
                (b"ratelimit-policy", policy),
                (b"ratelimit", ", ".join(map(str, outcomes)).encode()),
            )
            if refusing := [outcome.seconds for outcome in outcomes if outcome.refuses]:
                raise _refusal(max(refusing))
            return await inner(call)

        return handle

    return layer


def _single_limit_layer(limit: Limit, clock: Clock) -> Layer:
    """The same for one limit in this process, which most routes have, in a third of the time."""
    counter = _Counter(limit, limit.by.value, "", clock)
    acquire, caller_of = counter.buckets.acquire, counter.caller_of
    policy = counter.policy.encode()
    state = f'"{counter.name}";r=%d;t=%d'.encode()

    def layer(inner: Handler) -> Handler:
        def handle(call: Call) -> Awaitable[Reply]:
            left, wait = acquire(caller_of(call))
            seconds = -(-wait // SECOND)
            call.response_headers += (
                (b"ratelimit-policy", policy),
                (b"ratelimit", state % (max(left, 0), seconds)),
            )
            if left < 0:
                raise _refusal(seconds)
            return inner(call)

        return handle

    return layer


class _Counter:
    """One limit of a route and its buckets, by the name that clients see."""

    def __init__(self, limit: Limit, name: str, route_id: str, clock: Clock) -> None:
        self.limit = limit
        self.name = name
        self.buckets = Buckets(limit, clock)
        self.caller_of = _caller_of(limit)
        self.policy = f'"{name}";q={limit.capacity};w={-(-self.buckets.depth // SECOND)}'
        self._limit_id = f"{route_id} {limit} {limit.capacity} {limit.header}"

    def shared_key(self, call: Call) -> str:
        """The caller's bucket in Valkey."""
        return shared_key(self._limit_id, self.caller_of(call))


class _Outcome(NamedTuple):
    """What one limit says of a call.

    Args:
        counter: of the limit.
        left: how many more calls there is room for; below zero there was none for this one.
        wait: nanoseconds until there is room for one more call.
    """

    counter: _Counter
    left: int
    wait: int

    @classmethod
    def of_room(cls, counter: _Counter, room: int, *, counted: bool) -> Self:
        """The outcome with so many nanoseconds of room beyond the call: below zero, what it lacks."""
        interval = counter.buckets.interval
        if room < 0 and not counted:
            return cls(counter, -1, -room)
        room = max(0, room)  # Valkey passes a call that lacks a microsecond, for rounding
        return cls(counter, room // interval + (not counted), interval - room % interval)

    @property
    def refuses(self) -> bool:
        """Whether there is no room for the call."""
        return self.left < 0

    @property
    def seconds(self) -> int:
        """Until there is room for one more call."""
        return -(-self.wait // SECOND)

    def __str__(self) -> str:
        return f'"{self.counter.name}";r={max(0, self.left)};t={self.seconds}'


def _counters(limits: Sequence[Limit], route_id: str, clock: Clock) -> list[_Counter]:
    """Named by what they count by; the second of a kind has a number: `address`, `address-2`."""
    kinds: list[str] = []
    counters = []
    for limit in limits:
        kinds.append(kind := limit.by.value)
        number = kinds.count(kind)
        counters.append(_Counter(limit, kind if number == 1 else f"{kind}-{number}", route_id, clock))
    return counters


def _count(counters: Sequence[_Counter], call: Call) -> list[_Outcome]:
    """Count a call in this process: for all limits, or for none when one has no room."""
    outcomes = [_Outcome(each, *each.buckets.acquire(each.caller_of(call))) for each in counters]
    return _refunded(outcomes, call) if any(outcome.refuses for outcome in outcomes) else outcomes


async def _count_shared(
    shared: SharedBuckets | None, counters: Sequence[_Counter], call: Call, on_fallback: OnFallback
) -> list[_Outcome]:
    assert shared is not None, "a table with shared limits is refused without a Valkey"
    try:
        fits, rooms = await shared.acquire(
            [(counter.shared_key(call), counter.limit) for counter in counters]
        )
    except ValkeyUnavailable:
        on_fallback()
        return _count(counters, call)
    pairs = zip(counters, rooms, strict=True)
    return [_Outcome.of_room(counter, room, counted=fits) for counter, room in pairs]


def _refunded(outcomes: Sequence[_Outcome], call: Call) -> list[_Outcome]:
    """The outcomes for a call that is not counted, because one of them or another refuses it."""
    for each in outcomes:
        if not each.refuses:
            each.counter.buckets.refund(each.counter.caller_of(call))
    return [each if each.refuses else _Outcome(each.counter, each.left + 1, each.wait) for each in outcomes]


def _refusal(seconds: int) -> Problem:
    detail = f"Too many calls: try again in {seconds} s."
    return Problem(429, "rate-limited", detail, headers={"Retry-After": str(seconds)})


def _caller_of(limit: Limit) -> Callable[[Call], Hashable]:
    """Whose a call is for this limit; callers without what it counts by are told apart by address."""

    def user(call: Call) -> Hashable:
        subject = subject_of(call)
        return network_of(call) if subject is None else ("user", subject)

    def client(call: Call) -> Hashable:
        name = call.identity.client if call.identity else ""
        return ("client", name) if name else network_of(call)

    def key(call: Call) -> Hashable:
        values = [value for name, value in call.headers if name == header]
        return ("key", sha256(b",".join(values)).digest()) if values else network_of(call)

    header = (limit.header or "").encode()
    by: dict[RateLimitKey, Callable[[Call], Hashable]] = {
        RateLimitKey.USER: user,
        RateLimitKey.CLIENT: client,
        RateLimitKey.KEY: key,
        RateLimitKey.ADDRESS: network_of,
        RateLimitKey.ROUTE: lambda _call: None,
    }
    return by[limit.by]
