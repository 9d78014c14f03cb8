"""Ended sessions and logins: announced to all gateways by pub/sub, and remembered for their bearer tokens."""

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from frontispiece import clocks

log = logging.getLogger(__name__)

CHANNEL: Final = "session-invalidation"

TIMEOUT: Final = 1.0
"""Seconds for Valkey to answer a command."""


class SessionRevoked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The session `key` has ended; or the login `sid`; or all logins of `subject` up to the moment `at`."""

    key: str | None = None
    sid: str | None = None
    subject: str | None = None
    at: float = 0.0


encode: Final = msgspec.json.Encoder().encode
decode: Final = msgspec.json.Decoder(SessionRevoked).decode


Revoked = Callable[[str | None, str | None, float], None]
"""Takes the `sid` of a login that has ended, or else the subject of all those up to a moment."""


class RevocationList:
    """The ended logins whose tokens have not expired yet.

    Args:
        retention: seconds after which every access token of an ended login has expired.
    """

    def __init__(self, retention: float, clock: Callable[[], float] = clocks.now) -> None:
        self._retention = retention
        self._clock = clock
        self._sids: dict[str, float] = {}
        self._subjects: dict[str, float] = {}
        self._callbacks: list[Revoked] = []

    def subscribe(self, callback: Revoked) -> None:
        """Call this with each revocation from now on."""
        self._callbacks.append(callback)

    def copy_to(self, other: "RevocationList") -> None:
        """Copy all revocations into the list that replaces this one."""
        for sid, at in self._sids.items():
            other.add(sid=sid, subject=None, at=at)
        for subject, at in self._subjects.items():
            other.add(sid=None, subject=subject, at=at)

    def is_revoked(self, sid: str | None, subject: str, issued_at: float) -> bool:
        """Whether the login has ended, or all logins of this user at or after `issued_at`."""
        if sid is not None and sid in self._sids:
            return True
        return issued_at <= self._subjects.get(subject, float("-inf"))

    def add(self, *, sid: str | None, subject: str | None, at: float) -> None:
        """Revoke a login, or without a `sid` all logins of a user, at a moment of the issuer's clock."""
        revoked, name = (self._sids, sid) if sid is not None else (self._subjects, subject)
        if name is None or revoked.get(name, float("-inf")) >= at:
            return
        revoked.pop(name, None)  # so that it is the last: they are in order
        revoked[name] = at
        oldest = self._clock() - self._retention
        while revoked and revoked[first := next(iter(revoked))] < oldest:
            del revoked[first]
        for callback in self._callbacks:
            callback(sid, None if sid is not None else subject, at)
