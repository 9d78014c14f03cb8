"""Several limits at once, or such as all gateways count together: a call passes if each has room for it.

What is refused takes nothing from any of them. While Valkey is away, each gateway counts shared limits for
itself: as many times the rate may pass as there are gateways, and that is counted and logged.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

from gateway.call import Call, Handler, Layer
from gateway.layers.limit import SECOND, Buckets, Clock, at_most, caller_of, refusal
from gateway.policies import Limit
from gateway.shared.buckets import SharedBuckets, key_of
from gateway.shared.server import Away
from gateway.upstream import Reply

Fell = Callable[[], None]
"""Is told of each call that was counted here because Valkey was away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """One limit of a route, by the name that its clients are told."""

    limit: Limit
    name: str
    place: str
    buckets: Buckets
    caller_of: Callable[[Call], Hashable]


@dataclass(frozen=True, slots=True)
class State:
    """What room a policy has beyond the call that is counted, in ns, and whether that was poured in."""

    policy: Policy
    room: int
    poured: bool

    @property
    def refuses(self) -> bool:
        """Whether there is no room for it."""
        return self.room < 0 and not self.poured

    @property
    def seconds(self) -> int:
        """Until there is room for one more call."""
        interval = self.policy.buckets.interval
        return -(-(-self.room if self.refuses else interval - max(0, self.room) % interval) // SECOND)

    def __str__(self) -> str:
        left = max(0, self.room) // self.policy.buckets.interval + (not self.poured and not self.refuses)
        return f'"{self.policy.name}";r={left};t={self.seconds}'


def limited(
    limits: Sequence[Limit],
    place: str,
    *,
    shared: SharedBuckets | None = None,
    fell: Fell = lambda: None,
    clock: Clock = time.monotonic_ns,
) -> Layer:
    """Let calls pass that all of these limits have room for.

    Args:
        limits: at least one.
        place: names the route among those that share a Valkey.
        shared: counts those that are shared; there is one if any is.
        fell: is told when that does not answer.
        clock: for those of this process.
    """
    if len(limits) == 1 and not limits[0].shared:
        return at_most(limits[0], clock)
    policies = list(_policies(limits, place, clock))
    own = [policy for policy in policies if not policy.limit.shared]
    common = [policy for policy in policies if policy.limit.shared]
    told = ", ".join(
        f'"{policy.name}";q={policy.limit.at_once};w={-(-policy.buckets.depth // SECOND)}'
        for policy in policies
    ).encode()

    async def counted(call: Call) -> list[State]:
        states = _count(own, call)
        if not common or any(state.refuses for state in states):
            return states
        more = await _count_shared(shared, common, call, fell)
        if any(state.refuses for state in more):
            states = [State(state.policy, _give_back(state.policy, call), poured=False) for state in states]
        return sorted([*states, *more], key=lambda state: policies.index(state.policy))

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            states = await counted(call)
            call.told += (b"ratelimit-policy", told), (b"ratelimit", ", ".join(map(str, states)).encode())
            if refusing := [state.seconds for state in states if state.refuses]:
                raise refusal(max(refusing))
            return await inner(call)

        return handle

    return layer


def _policies(limits: Sequence[Limit], place: str, clock: Clock) -> Iterator[Policy]:
    """Those of one kind are told apart by a number behind."""
    kinds: list[str] = []
    for limit in limits:
        kinds.append(kind := limit.by.value)
        number = kinds.count(kind)
        yield Policy(
            limit=limit,
            name=kind if number == 1 else f"{kind}-{number}",
            place=f"{place} {limit} {limit.at_once} {limit.header}",
            buckets=Buckets(limit, clock),
            caller_of=caller_of(limit),
        )


def _count(policies: Sequence[Policy], call: Call) -> list[State]:
    """In this process: in all, or in none when one of them has no room."""
    rooms = [policy.buckets.room(policy.caller_of(call)) for policy in policies]
    fits = all(room >= 0 for room in rooms)
    if fits:
        for policy in policies:
            policy.buckets.pour(policy.caller_of(call))
    return [State(policy, room, fits) for policy, room in zip(policies, rooms, strict=True)]


async def _count_shared(
    shared: SharedBuckets | None, policies: Sequence[Policy], call: Call, fell: Fell
) -> list[State]:
    assert shared is not None, "whoever serves the table has a Valkey for its shared limits"
    keys = [(key_of(policy.place, policy.caller_of(call)), policy.limit) for policy in policies]
    try:
        fits, rooms = await shared.take(keys)
    except Away:
        fell()
        return _count(policies, call)
    return [State(policy, room, fits) for policy, room in zip(policies, rooms, strict=True)]


def _give_back(policy: Policy, call: Call) -> int:
    policy.buckets.unpour(policy.caller_of(call))
    return policy.buckets.room(policy.caller_of(call))
