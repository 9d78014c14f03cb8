"""Stores of idempotency records: each key is free, claimed by a running call, or has a response."""

from collections.abc import Callable
from typing import Final, NamedTuple, cast

from cachetools import TLRUCache

from frontispiece.clocks import monotonic
from frontispiece.stores.valkey import GuardedValkey

MAX_BYTES: Final = 32 * 1024 * 1024
"""The size of all responses in a process; beyond it the least recently used one is dropped."""

# KEYS: a record. ARGV: the token of its claim; the response; milliseconds.
COMPLETE: Final = """
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[1] or stored == ARGV[2] then
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1
end
return 0
"""

# KEYS: a record. ARGV: the token of its claim.
RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
"""


class ValkeyRecordStore:
    """The records of all gateways with the same Valkey.

    Raises:
        ValkeyUnavailable: by every method.
    """

    def __init__(self, valkey: GuardedValkey) -> None:
        self._valkey = valkey
        self._complete = valkey.script(COMPLETE)
        self._release = valkey.script(RELEASE)

    async def claim(self, key: str, token: bytes, ttl: float) -> bytes | None:
        """Claim a free key for `ttl` seconds; returns None, or the token or response that it has already."""
        client = self._valkey.client
        value = await self._valkey.run(
            lambda: client.set(key, token, nx=True, get=True, px=round(ttl * 1000))
        )
        stored = cast(bytes | None, value)
        return None if stored == token else stored  # its own token: the command was sent twice

    async def complete(self, key: str, token: bytes, response: bytes, ttl: float) -> bool:
        """Store the response for `ttl` seconds; False when the claim has ended and the key is another's."""
        milliseconds = max(1, round(ttl * 1000))
        return bool(await self._valkey.run(lambda: self._complete([key], [token, response, milliseconds])))

    async def release(self, key: str, token: bytes) -> None:
        """Release the claim so that another request with this key may run."""
        await self._valkey.run(lambda: self._release([key], [token]))


class _Response(NamedTuple):
    content: bytes
    expires: float


class MemoryRecordStore:
    """The records of this process, while there is room for them."""

    def __init__(self, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._claims: dict[str, bytes] = {}
        self._responses: TLRUCache[str, _Response] = TLRUCache(
            max_bytes, lambda _, response, __: response.expires, clock, lambda response: len(response.content)
        )

    async def claim(self, key: str, token: bytes, ttl: float) -> bytes | None:  # noqa: ARG002 (a claim ends with the process)
        """Claim a free key."""
        if (response := self._responses.get(key)) is not None:
            return response.content
        holder = self._claims.setdefault(key, token)
        return None if holder == token else holder

    async def complete(self, key: str, token: bytes, response: bytes, ttl: float) -> bool:
        """Store the response."""
        if self._claims.get(key) != token:
            return False
        del self._claims[key]
        if len(response) <= self._responses.maxsize:
            self._responses[key] = _Response(response, self._clock() + ttl)
        return True

    async def release(self, key: str, token: bytes) -> None:
        """Release the claim."""
        if self._claims.get(key) == token:
            del self._claims[key]


RecordStore = ValkeyRecordStore | MemoryRecordStore
