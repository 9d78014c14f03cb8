"""Sessions in Valkey: each under a digest of its cookie, encrypted, deleted by its time to live.

Every method is one round trip and atomic, and raises `StoreUnavailable` when Valkey does not answer.
"""

import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from typing import Final, TypeVar, cast

from frontispiece import clocks
from frontispiece.gateway.auth.session.invalidation import (
    CHANNEL,
    TIMEOUT,
    SessionRevoked,
    encode,
)
from frontispiece.gateway.auth.session.lua import CHANGE, CREATE, END_LOGIN, FIND, UNLOCK
from frontispiece.gateway.auth.session.record import SessionCodec, SessionRecord
from frontispiece.http.problems import Problem
from frontispiece.security import DecryptionError, Keyring
from frontispiece.stores.valkey import GuardedValkey, ValkeyUnavailable

log = logging.getLogger(__name__)

Result = TypeVar("Result")

LOGOUTS: Final = "session-logouts"
"""Sorted set: the ended logins and users whose tokens may not have expired, by when they ended."""

ONCE_SECONDS: Final = 3600
"""How long a login or a logout token is remembered as used: longer than either is valid."""

REPLACED_SECONDS: Final = 120
"""How long a replaced session is remembered as such: longer than a call of it may be under way."""

MAX_CHANGES: Final = 5
"""Attempts to change a session that others change at the same time."""


class StoreUnavailable(Problem):
    """503 `session-store-unavailable`: Valkey does not answer."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "session-store-unavailable",
            "Sessions cannot be reached right now.",
            headers={"Retry-After": "1"},
        )


class Created(Enum):
    """The outcome of `SessionStore.create`."""

    CREATED = b"made"
    USED = b"used"
    """There is a session of this login already."""
    ENDED = b"ended"
    """The login has ended at the issuer."""


class SessionStore:
    """Sessions on one Valkey server; made without I/O, closed with its `valkey`.

    Args:
        retention: seconds after which every access token of an ended login has expired.
    """

    def __init__(
        self, url: str, keyring: Keyring, retention: float, clock: Callable[[], float] = clocks.now
    ) -> None:
        self.valkey = GuardedValkey(url, timeout=TIMEOUT, max_connections=20, failure_pause=0)
        self._client = self.valkey.client
        self._codec = SessionCodec(keyring)
        self._retention = retention
        self._clock = clock
        self._find = self.valkey.script(FIND)
        self._change = self.valkey.script(CHANGE)
        self._create = self.valkey.script(CREATE)
        self._end_login = self.valkey.script(END_LOGIN)
        self._unlock = self.valkey.script(UNLOCK)

    async def find(self, key: str) -> SessionRecord | None:
        """The session under a key, whose idle timeout restarts."""
        stored = await self._run(lambda: self._find([key], [_ms(self._clock())]))
        return self._decode(key, cast(bytes | None, stored))

    async def peek(self, key: str) -> tuple[SessionRecord, float] | None:
        """The session under a key and the seconds until it ends without a call; neither is changed."""
        commands = self._client.pipeline(transaction=True)
        commands.get(key)
        commands.pttl(key)
        stored, left = await self._run(commands.execute)
        session = self._decode(key, stored)
        if session is None:
            return None
        return session, min(left / 1000, session.ends_at - self._clock())

    async def put_guest(self, key: str, session: SessionRecord) -> None:
        """Store a new guest's session."""
        content = self._codec.encode(key, session)
        await self._run(lambda: self._client.set(key, content, px=self._time_to_live(session)))

    async def create(
        self, key: str, session: SessionRecord, *, login_id: str, replaces: Iterable[str]
    ) -> Created:
        """Store the session of a login in place of these keys'."""
        now = self._clock()
        user = f"sub:{session.subject}"
        sid = f"sid:{session.sid}" if session.sid is not None else ""
        keys = [key, _once(f"login {login_id}"), LOGOUTS, _index(sid or user), _index(user)]
        arguments: list[bytes | str | int | float] = [
            self._codec.encode(key, session),
            self._time_to_live(session),
            secrets.token_bytes(16),
            ONCE_SECONDS * 1000,
            _ms(now),
            _ms(session.ends_at),
            now - self._retention,
            session.issued_at,
            sid,
            user,
            CHANNEL,
            REPLACED_SECONDS * 1000,
            session.login,
        ]
        return Created(await self._run(lambda: self._create([*keys, *replaces], arguments)))

    async def replaced_by(self, key: str) -> str | None:
        """The `login` of the session that has replaced the one under this key not long ago."""
        login = cast(bytes | None, await self._run(lambda: self._client.get(f"{key}:replaced")))
        return None if login is None else login.decode()

    async def change(
        self, key: str, change: Callable[[SessionRecord], SessionRecord]
    ) -> SessionRecord | None:
        """The session after a change; None when it has ended."""
        for _ in range(MAX_CHANGES):
            stored = await self._run(lambda: self._client.get(key))
            session = self._decode(key, stored)
            if session is None:
                return None
            changed = change(session)
            content = [stored, self._codec.encode(key, changed)]
            if await self._run(lambda content=content: self._change([key], content)):  # type: ignore[misc]
                return changed
        log.error("a session was changed by others %d times in a row: it stays as it is", MAX_CHANGES)
        return session

    async def end(self, key: str) -> None:
        """Delete the session under a key, and announce that to all gateways."""
        commands = self._client.pipeline(transaction=True)
        commands.unlink(key)
        commands.publish(CHANNEL, encode(SessionRevoked(key=key)))
        await self._run(commands.execute)

    async def end_login(self, *, sid: str | None, subject: str | None, at: float, jti: str) -> bool:
        """End the sessions of a login, or without a `sid` those of a user up to a moment.

        False: the `jti` was used before.
        """
        name = f"sid:{sid}" if sid is not None else f"sub:{subject}"
        message = SessionRevoked(sid=sid, subject=None if sid is not None else subject, at=at)
        keys = [_once(f"logout {jti}"), _index(name), LOGOUTS]
        arguments: list[bytes | str | int | float] = [
            secrets.token_bytes(16),
            ONCE_SECONDS * 1000,
            name,
            at,
            self._clock() - self._retention,
            _ms(self._retention),
            CHANNEL,
            encode(message),
        ]
        return bool(await self._run(lambda: self._end_login(keys, arguments)))

    async def logouts(self) -> list[SessionRevoked]:
        """The ended logins and users whose tokens may not have expired."""
        members = await self._run(lambda: self._client.zrange(LOGOUTS, 0, -1, withscores=True))
        revoked = []
        for member, at in cast(list[tuple[bytes, float]], members):
            kind, _, name = member.decode().partition(":")
            revoked.append(
                SessionRevoked(sid=name, at=at) if kind == "sid" else SessionRevoked(subject=name, at=at)
            )
        return revoked

    async def lock(self, key: str, lock_token: bytes, seconds: float) -> bool:
        """Lock a session's refresh for so long; False while another holder has the lock."""
        holder = await self._run(
            lambda: self._client.set(_lock(key), lock_token, nx=True, get=True, px=_ms(seconds))
        )
        return cast(bytes | None, holder) in {None, lock_token}

    async def unlock(self, key: str, lock_token: bytes) -> None:
        """Release the refresh lock."""
        await self._run(lambda: self._unlock([_lock(key)], [lock_token]))

    async def _run(self, command: Callable[[], Awaitable[Result]]) -> Result:
        try:
            return await self.valkey.run(command)
        except ValkeyUnavailable as error:
            raise StoreUnavailable from error

    def _decode(self, key: str, stored: bytes | None) -> SessionRecord | None:
        if stored is None:
            return None
        try:
            session = self._codec.decode(key, stored)
        except DecryptionError as error:
            log.warning("a session cannot be decrypted and counts as ended: %s", error)
            return None
        return session if self._clock() < session.ends_at else None

    def _time_to_live(self, session: SessionRecord) -> int:
        return max(1, _ms(min(session.idle_timeout, session.ends_at - self._clock())))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _once(name: str) -> str:
    return f"session-used:{_digest(name)}"


def _index(name: str) -> str:
    return f"session-index:{_digest(name)}"


def _lock(key: str) -> str:
    return f"{key}:renewing"
