"""The issuer's keys as they are known here: read anew now and then, and when a token names an unknown one."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from gateway.oidc.errors import ProviderUnavailable
from gateway.oidc.flight import Flight
from gateway.oidc.jwks import Key
from kit.tokens import InvalidToken

log = logging.getLogger(__name__)

DAY: Final = 86_400.0
"""Seconds for which keys are believed that cannot be read anew."""

AT_ONCE: Final = 5
"""Reads for unknown keys after a rest; tokens with invented ones do not get more."""

EVERY: Final = 12.0
"""Seconds until there may be one more."""

LONGEST_ID: Final = 256
"""Characters of a `kid` at most."""

Clock = Callable[[], float]


class Budget:
    """How often the keys may be read because a token names one that is not known."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._empty_at = clock()

    def spend(self) -> bool:
        """Spend one read, unless there is none."""
        now = self._clock()
        empty_at = max(self._empty_at, now)
        if empty_at - now > EVERY * (AT_ONCE - 1):
            return False
        self._empty_at = empty_at + EVERY
        return True


class Keys:
    """Finds the key of a token.

    Args:
        fetch: reads the keys; raises `ProviderUnavailable`.
        clock: seconds since some moment.
    """

    def __init__(self, fetch: Callable[[], Awaitable[list[Key]]], clock: Clock = time.monotonic) -> None:
        self._flight = Flight(self._fetched(fetch), clock)
        self._clock = clock
        self._budget = Budget(clock)
        self._keys: list[Key] = []
        self._read_at: float | None = None
        self._hears_of_gone: list[Callable[[frozenset[str]], None]] = []

    def when_gone(self, hear: Callable[[frozenset[str]], None]) -> None:
        """Have this told the thumbprints of all keys that are left, whenever one is not believed any more."""
        self._hears_of_gone.append(hear)

    async def key(self, kid: str | None, algorithm: str) -> Key:
        """The key with this id for this algorithm; without an id, the only one for it.

        Raises:
            InvalidToken: the issuer has no such key.
            ProviderUnavailable: whether it has cannot be found out.
        """
        if (found := self._found(kid, algorithm)) is not None:
            return found
        for _ in range(2):  # what is being read already may have been asked for before the key was there
            fresh = not self._flight.is_flying
            if fresh and self._are_known and not self._budget.spend():
                if self._flight.failure is not None:
                    raise ProviderUnavailable(self._flight.failure.reason)
                break
            await self._flight.land()
            if (found := self._found(kid, algorithm)) is not None:
                return found
            if fresh:
                break
        raise InvalidToken("The token is signed with a key that is not known here")

    async def refresh(self) -> None:
        """Read the keys anew.

        Raises:
            ProviderUnavailable: they cannot be read; those that are known stay in force.
        """
        await self._flight.land()

    async def close(self) -> None:
        """Read no further."""
        await self._flight.close()

    @property
    def _are_known(self) -> bool:
        return self._read_at is not None and self._clock() - self._read_at < DAY

    def _found(self, kid: str | None, algorithm: str) -> Key | None:
        if not self._are_known:
            return None
        fit = [key for key in self._keys if algorithm in key.algorithms and kid in {None, key.id}]
        return fit[0] if len(fit) == 1 else None

    def _fetched(self, fetch: Callable[[], Awaitable[list[Key]]]) -> Callable[[], Awaitable[None]]:
        async def fetched() -> None:
            self._believe(await fetch())

        return fetched

    def _believe(self, keys: list[Key]) -> None:
        gone = _thumbprints(self._keys) - _thumbprints(keys)
        self._keys, self._read_at = keys, self._clock()
        if gone:
            log.info("%d of the issuer's keys are believed no more, %d are", len(gone), len(keys))
            for hear in self._hears_of_gone:
                hear(_thumbprints(keys))


def _thumbprints(keys: Iterable[Key]) -> frozenset[str]:
    return frozenset(key.thumbprint for key in keys)
