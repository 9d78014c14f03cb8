"""Leaky buckets in Valkey, by the same algorithm as `gateway.layers.limit` has for one process.

The time is Valkey's own: clocks of gateways may differ as they like.
"""

import hashlib
from collections.abc import Hashable, Sequence
from typing import Final, cast

from gateway.policies import Limit
from gateway.shared.server import Shared

MICROSECOND: Final = 1000
"""Nanoseconds."""

# Pours one call into each bucket, if there is room for it in all; answers whether, and what room each had.
# KEYS: the buckets; each holds the moment at which it will be empty. ARGV: interval and depth of each. In µs.
# That moment is never believed to be farther than a full bucket's: Valkey's clock may have been set back.
TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local empty_at, answer, fits = {}, {1}, true
for i, key in ipairs(KEYS) do
    local interval, depth = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local kept = tonumber(redis.call('GET', key) or now) or now
    empty_at[i] = math.min(math.max(kept, now), now + depth)
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
    """The buckets that all gateways of one Valkey pour into.

    Args:
        shared: keeps them.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._take = shared.script(TAKE)

    async def take(self, buckets: Sequence[tuple[str, Limit]]) -> tuple[bool, list[int]]:
        """Count a call in each of these buckets, if there is room for it in all.

        Returns:
            Whether there was, and the room in each beyond this call, in ns; below zero, what is missing.

        Raises:
            Away: Valkey does not answer.
        """
        keys = [key for key, _ in buckets]
        arguments: list[bytes | str | int | float] = []
        for _, limit in buckets:
            interval = limit.rate.seconds * 1_000_000 / limit.rate.calls
            arguments += f"{interval:.6f}", f"{interval * limit.at_once:.6f}"
        fits, *rooms = cast(list[bytes], await self._shared.ask(lambda: self._take(keys, arguments)))
        return bool(int(fits)), [int(room) * MICROSECOND for room in rooms]


def key_of(place: str, caller: Hashable) -> str:
    """Where a caller's bucket is: who that is cannot be read from it.

    Args:
        place: of the limit; no other has the same.
        caller: as the limit tells callers apart.
    """
    return f"edge-limit:{digest(place)[:16]}:{digest(repr(caller))[:32]}"


def digest(text: str) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
