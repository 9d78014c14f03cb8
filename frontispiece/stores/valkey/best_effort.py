"""Valkey as an optional cache: unreachable, slow or full of garbage is the same as empty."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Self, cast

import msgspec

from frontispiece import clocks
from frontispiece.stores.valkey.guarded import Command, GuardedValkey, Result, ValkeyUnavailable

UNREADABLE: Final = (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError)
"""What is raised when a value of another type than expected is encoded or decoded."""


class BestEffortValkey:
    """One Valkey server as a cache; made without I/O, closed with `async with`. No method raises.

    Args:
        url: see `ValkeyUrl`.
        timeout: seconds that a read waits for the server.
        clock: monotonic seconds, for the pause after a failure.
        now: the time of day in seconds, for the age of entries.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 0.05,
        clock: Callable[[], float] = clocks.monotonic,
        now: Callable[[], float] = clocks.now,
    ) -> None:
        self._valkey = GuardedValkey(
            url, timeout=timeout, max_connections=20, retry=False, name="the shared cache", clock=clock
        )
        self._client = self._valkey.client
        self.now = now

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._valkey.__aexit__(*exc)

    async def get(self, key: bytes) -> bytes | None:
        """The value of a key; None when there is none, or none in time."""
        return cast(bytes | None, await self._run(lambda: self._client.get(key)))

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of these keys, in one command; None as in `get`."""
        values = await self._run(lambda: self._client.mget(keys))
        return [None] * len(keys) if values is None else cast(list[bytes | None], values)

    def put(self, key: bytes, content: bytes, ttl: float) -> None:
        """Store a value for `ttl` seconds, in the background."""
        milliseconds = max(1, round(ttl * 1000))
        self._start(lambda: self._client.set(key, content, px=milliseconds))

    def delete(self, key: bytes) -> None:
        """Delete a key, in the background."""
        self._start(lambda: self._client.unlink(key))

    def warn(self, message: str, *values: object) -> None:
        """Log a problem of this cache, at most once in `WARNING_INTERVAL`."""
        self._valkey.warn(f"the shared cache: {message}", *values)

    async def _run(self, command: Command[Result]) -> Result | None:
        try:
            return await self._valkey.run(command)
        except ValkeyUnavailable:
            return None

    def _start(self, command: Command[object]) -> None:
        with suppress(ValkeyUnavailable):
            self._valkey.start(command)
