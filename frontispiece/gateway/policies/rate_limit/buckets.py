"""Leaky buckets, one for each caller, in the process or in Valkey.

Both use the generic cell rate algorithm (ITU-T I.371, as virtual scheduling): all that is stored of a caller
is the time at which its bucket will be empty.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Final, cast

from frontispiece.gateway.policies.rate_limit.config import Limit
from frontispiece.stores.valkey import GuardedValkey

MAX_CALLERS: Final = 10_000
"""Callers of a limit; beyond, the one unseen for longest gets a new bucket."""

SECOND: Final = 10**9
MICROSECOND: Final = 1000
"""Units of time, in nanoseconds."""

Clock = Callable[[], int]
"""Monotonic nanoseconds: whole numbers, so that no call is lost to rounding."""


class Buckets:
    """The buckets of one limit in this process; they leak at its rate, and each call adds an interval."""

    def __init__(self, limit: Limit, clock: Clock) -> None:
        self.interval = limit.rate.seconds * SECOND // limit.rate.calls
        self.depth = limit.capacity * self.interval
        self._clock = clock
        self._empty_at: OrderedDict[Hashable, int] = OrderedDict()
        """In nanoseconds of the clock, by caller; the one unseen for longest is the first."""

    def acquire(self, caller: Hashable) -> tuple[int, int]:
        """Count a call if there is room.

        Returns:
            How many more calls there is room for now, and nanoseconds until there is for another one. Below
            zero there was no room for this one either, and it is not counted.
        """
        now, interval = self._clock(), self.interval
        empty_at = self._empty_at.get(caller, now)
        if empty_at < now:  # noqa: PLR1730 (a call of `max` costs as much as ten lines)
            empty_at = now
        room = self.depth - (empty_at - now) - interval
        if room < 0:
            self._put(caller, empty_at)
            return -1, -room
        self._put(caller, empty_at + interval)
        return room // interval, interval - room % interval

    def refund(self, caller: Hashable) -> None:
        """Take back a call that was counted: a new caller's bucket is gone, and has displaced no other."""
        if caller in self._empty_at:
            self._empty_at[caller] -= self.interval
            if self._empty_at[caller] <= self._clock():
                del self._empty_at[caller]

    def _put(self, caller: Hashable, empty_at: int) -> None:
        buckets = self._empty_at
        if len(buckets) > MAX_CALLERS:  # before the new one, which may be refunded
            buckets.popitem(last=False)
        buckets[caller] = empty_at
        buckets.move_to_end(caller)


# Adds a call to each bucket, if there is room for it in all; returns whether there was, and the room in each.
# KEYS: the buckets, each the time at which it will be empty. ARGV: interval and depth of each. In
# microseconds, by Valkey's own clock: those of gateways may differ. A time beyond a full bucket's is not
# believed: that clock may have been set back.
ACQUIRE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local empty_at, answer, fits = {}, {1}, true
for i, key in ipairs(KEYS) do
    local interval, depth = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local stored = tonumber(redis.call('GET', key) or now) or now
    empty_at[i] = math.min(math.max(stored, now), now + depth)
    local room = depth - (empty_at[i] - now) - interval
    if room < -1 then
        fits = false
    end
    answer[i + 1] = string.format('%.0f', room)
end
if not fits then
    answer[1] = 0
    return answer
end
for i, key in ipairs(KEYS) do
    local full = empty_at[i] + tonumber(ARGV[2 * i - 1])
    redis.call('SET', key, string.format('%.3f', full), 'PX', math.ceil((full - now) / 1000))
end
return answer
"""


class SharedBuckets:
    """The buckets of all gateways with the same Valkey."""

    def __init__(self, valkey: GuardedValkey) -> None:
        self._valkey = valkey
        self._acquire = valkey.script(ACQUIRE)

    async def acquire(self, buckets: Sequence[tuple[str, Limit]]) -> tuple[bool, list[int]]:
        """Count a call in each of these buckets, named by `shared_key`, if there is room for it in all.

        Returns:
            Whether there was, and the room in each.

        Raises:
            ValkeyUnavailable: it was not counted.
        """
        keys = [key for key, _ in buckets]
        arguments: list[bytes | str | int | float] = []
        for _, limit in buckets:
            interval = limit.rate.seconds * 1_000_000 / limit.rate.calls
            arguments += f"{interval:.6f}", f"{interval * limit.capacity:.6f}"
        fits, *rooms = cast(list[bytes], await self._valkey.run(lambda: self._acquire(keys, arguments)))
        return bool(int(fits)), [int(room) * MICROSECOND for room in rooms]


def shared_key(limit_id: str, caller: Hashable) -> str:
    """The key of a caller's bucket in Valkey, which does not reveal the caller."""
    return f"edge-limit:{_digest(limit_id)[:16]}:{_digest(repr(caller))[:32]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
