"""No caller takes more than its share: calls above a route's rate are refused.

Calls are counted in this process alone: the gateways of several processes let as many times the rate pass,
unless a limit is shared (`gateway.layers.limits`).
"""

import time
from collections.abc import Callable, Hashable
from hashlib import sha256
from ipaddress import IPv6Address
from socket import AF_INET6, inet_pton
from typing import Final

from cachetools import LRUCache

from gateway.call import Call, Handler, Layer
from gateway.table import By, Limit
from gateway.upstream import Reply
from kit.problems import Problem
from kit.tokens import NOBODY

MOST_CALLERS = 10_000
"""How many callers a route remembers; beyond, the one unseen for longest begins anew, as if it had rested."""

SECOND: Final = 10**9

Clock = Callable[[], int]
"""Nanoseconds since some moment: whole numbers, so that no call is lost to rounding."""


class Buckets:
    """A leaky bucket for each caller: it leaks at the limit's rate, and each call that fits pours one in.

    This is the generic cell rate algorithm (ITU-T I.371, as virtual scheduling): all that is remembered
    of a caller is the moment at which its bucket will be empty.
    """

    def __init__(self, limit: Limit, clock: Clock) -> None:
        self.interval = limit.rate.seconds * SECOND // limit.rate.calls
        self.depth = limit.at_once * self.interval
        self._clock = clock
        self._empty_at: LRUCache[Hashable, int] = LRUCache(MOST_CALLERS)

    def take(self, caller: Hashable) -> tuple[int, int]:
        """Count a call: how many more there is room for now, and nanoseconds until there is for another one.

        Below zero, there was no room for this one either: it is not counted.
        """
        now = self._clock()
        empty_at = max(self._empty_at.get(caller, now), now)
        room = self.depth - (empty_at - now) - self.interval
        if room < 0:
            return -1, -room
        self._empty_at[caller] = empty_at + self.interval
        left, begun = divmod(room, self.interval)
        return left, self.interval - begun

    def room(self, caller: Hashable) -> int:
        """What room a call would leave, in nanoseconds; below zero, what it lacks. Nothing is counted."""
        now = self._clock()
        return self.depth - max(self._empty_at.get(caller, now) - now, 0) - self.interval

    def pour(self, caller: Hashable) -> None:
        """Count a call for which there is room."""
        now = self._clock()
        self._empty_at[caller] = max(self._empty_at.get(caller, now), now) + self.interval

    def unpour(self, caller: Hashable) -> None:
        """Take back what was counted for a call."""
        if caller in self._empty_at:
            self._empty_at[caller] -= self.interval


def at_most(limit: Limit, clock: Clock = time.monotonic_ns) -> Layer:
    """Let a caller's calls pass up to its limit; above, it is told when to come again.

    Every answer tells what is left, in the fields of draft-ietf-httpapi-ratelimit-headers-11: the policy is
    what may come at once and how long that takes to come back, `t` the seconds until one more call may come.
    """
    buckets = Buckets(limit, clock)
    calls_for = caller_of(limit)
    name = limit.by.value
    policy = f'"{name}";q={limit.at_once};w={-(-buckets.depth // SECOND)}'.encode()
    state = f'"{name}";r=%d;t=%d'.encode()

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            left, wait = buckets.take(calls_for(call))
            seconds = -(-wait // SECOND)
            call.told += (b"ratelimit-policy", policy), (b"ratelimit", state % (max(left, 0), seconds))
            if left < 0:
                raise refusal(seconds)
            return await inner(call)

        return handle

    return layer


def refusal(seconds: int) -> Problem:
    """What a caller is told that has to come again in so many seconds."""
    detail = f"Too many calls: come again in {seconds} s."
    return Problem(429, "rate-limited", detail, headers={"Retry-After": str(seconds)})


def _user(call: Call) -> Hashable:
    """The subject; those of whom nothing is kept have none of their own, and are told apart by address."""
    assert call.identity is not None, "the table lets only routes that ask for a user be limited by user"
    return _address(call) if call.identity == NOBODY else (By.USER, call.identity.subject)


def _address(call: Call) -> str | bytes:
    """The client's address; of IPv6 the first half: who has one address has that whole network."""
    if ":" not in call.peer:
        return call.peer
    packed = inet_pton(AF_INET6, call.peer.partition("%")[0])
    mapped = IPv6Address(packed).ipv4_mapped if packed.startswith(bytes(10)) else None
    return str(mapped) if mapped else packed[:8]


def _route(_call: Call) -> None:
    """All callers are one."""


CALLER_OF: Final[dict[By, Callable[[Call], Hashable]]] = {
    By.USER: _user,
    By.ADDRESS: _address,
    By.ROUTE: _route,
}


def caller_of(limit: Limit) -> Callable[[Call], Hashable]:
    """Tells whose calls this limit counts together."""
    if limit.header is None:
        return CALLER_OF[limit.by]
    header = limit.header.encode()

    def key(call: Call) -> Hashable:
        """The key, as a digest; calls without one are told apart by address."""
        keys = [value for name, value in call.headers if name == header]
        return (By.KEY, sha256(b",".join(keys)).digest()) if keys else _address(call)

    return key
