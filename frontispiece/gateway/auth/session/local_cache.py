"""Sessions in this process's memory for a moment, so that not every call reads Valkey."""

from typing import Final

from frontispiece import clocks
from frontispiece.aio.expiring_cache import ExpiringCache
from frontispiece.gateway.auth.session.record import SessionRecord

CACHE_SIZE: Final = 10_000


class LocalSessionCache:
    """Holds sessions for a short time, and only while invalidations of them are received."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._cache: ExpiringCache[str, SessionRecord] = ExpiringCache(CACHE_SIZE, clocks.monotonic)
        self.subscribed = False
        """Whether invalidations are received."""
        self.epoch = 0
        """Grows with every invalidation: a session that was read in an earlier epoch may have ended since."""

    def get(self, key: str) -> SessionRecord | None:
        """The cached session."""
        return self._cache.get(key)

    def put(self, key: str, session: SessionRecord, *, epoch: int) -> None:
        """Cache a session that was read in this epoch, unless a later one has begun."""
        if self.subscribed and epoch == self.epoch and self._ttl:
            self._cache.put(key, session, clocks.monotonic() + self._ttl)

    def evict(self, key: str) -> None:
        """Remove one session."""
        self.epoch += 1
        self._cache.remove(key)

    def evict_login(self, *, sid: str | None, subject: str | None) -> None:
        """Remove the sessions of one login, or else of a user."""
        self.epoch += 1
        self._cache.remove_if(
            lambda session: session.sid == sid if sid is not None else session.subject == subject
        )

    def set_subscribed(self, *, subscribed: bool) -> None:
        """From now on invalidations are received, or are not."""
        self.epoch += 1
        self._cache.remove_if(lambda _: True)
        self.subscribed = subscribed
