"""Sessions in this process's memory for a moment, so that not every call reads Valkey."""

import time
from collections.abc import Callable
from typing import Final

from cachetools import LRUCache

from frontispiece.gateway.auth.session.record import SessionRecord

CACHE_SIZE: Final = 10_000


class LocalSessionCache:
    """Holds sessions for a short time, and only while invalidations of them are received.

    Args:
        ttl: seconds.
        clock: monotonic seconds.
    """

    def __init__(self, ttl: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl = ttl
        self._clock = clock
        self._cache: LRUCache[str, tuple[SessionRecord, float]] = LRUCache(CACHE_SIZE)
        self.subscribed = False
        """Whether invalidations are received."""
        self.epoch = 0
        """Grows with every invalidation: a session that was read in an earlier epoch may have ended since."""

    def get(self, key: str) -> SessionRecord | None:
        """The cached session."""
        cached = self._cache.get(key)
        return cached[0] if cached is not None and self._clock() < cached[1] else None

    def put(self, key: str, session: SessionRecord, *, epoch: int) -> None:
        """Cache a session that was read in this epoch, unless a later one has begun."""
        if self.subscribed and epoch == self.epoch and self._ttl:
            self._cache[key] = session, self._clock() + self._ttl

    def evict(self, key: str) -> None:
        """Remove one session."""
        self.epoch += 1
        self._cache.pop(key, None)

    def evict_login(self, *, sid: str | None, subject: str | None) -> None:
        """Remove the sessions of one login, or else of a user."""
        self.epoch += 1
        for key, (session, _) in [*self._cache.items()]:
            if session.sid == sid if sid is not None else session.subject == subject:
                del self._cache[key]

    def set_subscribed(self, *, subscribed: bool) -> None:
        """From now on invalidations are received, or are not."""
        self.epoch += 1
        self._cache.clear()
        self.subscribed = subscribed
