"""Copies of sessions that a process believes for a moment, so that not every call asks Valkey."""

import time
from collections.abc import Callable
from typing import Final

from cachetools import LRUCache

from gateway.session.record import Session

MOST: Final = 10_000
"""How many are kept at the same time; beyond, the one unseen for longest is forgotten."""


class Copies:
    """Copies are believed only while the news of ended sessions is heard, and for a short time.

    Args:
        seconds: how long.
        clock: seconds that only grow.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: LRUCache[str, tuple[Session, float]] = LRUCache(MOST)
        self.hears = False
        """Whether news of ended sessions is heard."""
        self.dropped = 0
        """Grows with all that is dropped: a session that was read before may be one that has ended since."""

    def get(self, key: str) -> Session | None:
        """A copy that is still believed."""
        kept = self._kept.get(key)
        return kept[0] if kept is not None and self._clock() < kept[1] else None

    def put(self, key: str, session: Session, *, as_of: int) -> None:
        """Keep a copy of what was read when `dropped` had this value."""
        if self.hears and as_of == self.dropped and self._seconds:
            self._kept[key] = session, self._clock() + self._seconds

    def drop(self, key: str) -> None:
        """Believe the copy of one session no more."""
        self.dropped += 1
        self._kept.pop(key, None)

    def drop_login(self, *, sid: str | None, subject: str | None) -> None:
        """Believe the copies of a login, or else of a user, no more."""
        self.dropped += 1
        for key, (session, _) in [*self._kept.items()]:
            if session.sid == sid if sid is not None else session.subject == subject:
                del self._kept[key]

    def hear(self, *, hears: bool) -> None:
        """From now on, the news of ended sessions is heard, or is not."""
        self.dropped += 1
        self._kept.clear()
        self.hears = hears
