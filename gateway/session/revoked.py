"""Logins that ended before their tokens do: the tokens say nothing of it, so it is remembered here."""

import time
from collections.abc import Callable
from typing import Final

Told = Callable[[str | None, str | None], None]
"""Is told of the `sid`, or else of the subject, whose tokens are not worth anything any more."""

LONGEST: Final = 3600.0
"""Seconds that an access token lasts at most: by then all are expired that an ended login has given."""


class Revoked:
    """What this process knows of ended logins; while nothing is heard of others, it goes on with that.

    Args:
        clock: the time in seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sids: dict[str, float] = {}
        self._subjects: dict[str, float] = {}
        self._told: list[Told] = []

    def tell(self, told: Told) -> None:
        """Call this at every login that ends from now on."""
        self._told.append(told)

    def tell_all(self, other: "Revoked") -> None:
        """Have another know what this knows: it takes this one's place."""
        for sid, at in self._sids.items():
            other.add(sid=sid, subject=None, at=at)
        for subject, at in self._subjects.items():
            other.add(sid=None, subject=subject, at=at)

    def is_revoked(self, sid: str | None, subject: str, issued_at: float) -> bool:
        """Whether a token of this login, made at this time (seconds since 1970), counts for nothing."""
        if sid is not None and sid in self._sids:
            return True
        return issued_at <= self._subjects.get(subject, float("-inf"))

    def add(self, *, sid: str | None, subject: str | None, at: float) -> None:
        """A login has ended, or with no `sid` all of a user, by the issuer's clock."""
        ended, name = (self._sids, sid) if sid is not None else (self._subjects, subject)
        if name is None or ended.get(name, float("-inf")) >= at:
            return
        ended.pop(name, None)  # so that it is the latest: they are in order
        ended[name] = at
        self._forget(ended)
        for told in self._told:
            told(sid, None if sid is not None else subject)

    def _forget(self, ended: dict[str, float]) -> None:
        oldest = self._clock() - LONGEST
        while ended and ended[first := next(iter(ended))] < oldest:
            del ended[first]
