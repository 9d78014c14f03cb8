"""Sessions in Valkey: each under a digest of its cookie, sealed, gone by itself when it has ended.

One round trip each; what several commands do is done whole. Each raises `StoreUnavailable` when Valkey is.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, cast

from gateway.session.news import CHANNEL, Ended, encode
from gateway.session.record import Form, Session
from gateway.session.revoked import LONGEST
from gateway.session.scripts import CHANGE, CREATE, END_LOGIN, FIND, UNLOCK
from gateway.session.server import Server
from kit.sealing import NotSealed, Ring

log = logging.getLogger(__name__)

LOGGED_OUT: Final = "session-logouts"
"""The names of logins and users whose tokens count no more, by when that was."""

MARKED_SECONDS: Final = 3600
"""How long it is remembered that a login, or a logout token, was used: longer than either is believed."""

MOST_TRIES: Final = 5
"""How often a session is changed anew when somebody else changes it meanwhile."""


class Made(Enum):
    """What has become of a new session."""

    MADE = b"made"
    USED = b"used"
    """There is one of this login already."""
    ENDED = b"ended"
    """The login has ended at the issuer before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """What a new session comes of.

    Args:
        mark: names the login as this gateway began it.
        issued_at: when the issuer made its tokens, seconds since 1970.
        instead_of: where sessions are kept that end by it.
    """

    mark: str
    issued_at: float
    instead_of: Sequence[str] = ()


class Store:
    """Sessions on one server.

    Args:
        server: keeps them.
        ring: seals them.
        clock: the time in seconds since 1970.
    """

    def __init__(self, server: Server, ring: Ring, clock: Callable[[], float] = time.time) -> None:
        self._server = server
        self._form = Form(ring)
        self._clock = clock
        self._find = server.script(FIND)
        self._change = server.script(CHANGE)
        self._create = server.script(CREATE)
        self._end_login = server.script(END_LOGIN)
        self._unlock = server.script(UNLOCK)

    async def find(self, key: str) -> Session | None:
        """The session kept under a key, which lasts for its idle time from now on."""
        kept = await self._server.ask(lambda: self._find([key], [_ms(self._clock())]))
        return self._opened(key, cast(bytes | None, kept))

    async def look(self, key: str) -> tuple[Session, float] | None:
        """The session kept under a key, and for how many seconds if there is no call; that stays as it is."""
        lines = self._server.client.pipeline(transaction=True)
        lines.get(key)
        lines.pttl(key)
        kept, left = await self._server.ask(lines.execute)
        session = self._opened(key, kept)
        if session is None:
            return None
        return session, min(left / 1000, session.ends - self._clock())

    async def put_guest(self, key: str, session: Session) -> None:
        """Keep a new guest's session."""
        content = self._form.write(key, session)
        await self._server.ask(lambda: self._server.client.set(key, content, px=self._lasting(session)))

    async def create(self, key: str, session: Session, login: Login) -> Made:
        """Keep a new session of somebody who has logged in, in the place of others."""
        now = self._clock()
        user = f"sub:{session.subject}"
        sid = f"sid:{session.sid}" if session.sid is not None else ""
        keys = [key, f"session-used:{_digest(login.mark)}", LOGGED_OUT, _index(sid or user), _index(user)]
        arguments: list[bytes | str | int | float] = [
            self._form.write(key, session),
            self._lasting(session),
            secrets.token_bytes(16),
            MARKED_SECONDS * 1000,
            _ms(now),
            _ms(session.ends),
            now - LONGEST,
            login.issued_at,
            sid,
            user,
            CHANNEL,
        ]
        made = await self._server.ask(lambda: self._create([*keys, *login.instead_of], arguments))
        return Made(made)

    async def change(self, key: str, change: Callable[[Session], Session]) -> Session | None:
        """The session as it is after a change; None when it has ended meanwhile."""
        for _ in range(MOST_TRIES):
            kept = await self._server.ask(lambda: self._server.client.get(key))
            session = self._opened(key, kept)
            if session is None:
                return None
            changed = change(session)
            content = [kept, self._form.write(key, changed)]
            if await self._server.ask(lambda content=content: self._change([key], content)):  # type: ignore[misc]
                return changed
        log.error("a session was changed by others %d times in a row: it stays as it is", MOST_TRIES)
        return session

    async def end(self, key: str) -> None:
        """Keep nothing under a key any more, and tell every gateway."""
        lines = self._server.client.pipeline(transaction=True)
        lines.unlink(key)
        lines.publish(CHANNEL, encode(Ended(key=key)))
        await self._server.ask(lines.execute)

    async def end_login(self, *, sid: str | None, subject: str | None, at: float, mark: str) -> bool:
        """End the sessions of a login, or without a `sid` a user's; False when the mark was used before."""
        name = f"sid:{sid}" if sid is not None else f"sub:{subject}"
        told = Ended(sid=sid, subject=None if sid is not None else subject, at=at)
        oldest = self._clock() - LONGEST
        keys = [f"session-used:{_digest(mark)}", _index(name), LOGGED_OUT]
        arguments: list[bytes | str | int | float] = [
            secrets.token_bytes(16),
            MARKED_SECONDS * 1000,
            name,
            at,
            oldest,
            _ms(LONGEST),
            CHANNEL,
            encode(told),
        ]
        return bool(await self._server.ask(lambda: self._end_login(keys, arguments)))

    async def logouts(self) -> list[Ended]:
        """The logins and users whose tokens count no more."""
        kept = await self._server.ask(lambda: self._server.client.zrange(LOGGED_OUT, 0, -1, withscores=True))
        ended = []
        for member, at in cast(list[tuple[bytes, float]], kept):
            kind, _, name = member.decode().partition(":")
            ended.append(Ended(sid=name, at=at) if kind == "sid" else Ended(subject=name, at=at))
        return ended

    async def lock(self, key: str, word: bytes, seconds: float) -> bool:
        """Keep others from renewing a session for so long; False when somebody else does."""
        held = await self._server.ask(
            lambda: self._server.client.set(_lock(key), word, nx=True, get=True, px=_ms(seconds))
        )
        return cast(bytes | None, held) in {None, word}

    async def unlock(self, key: str, word: bytes) -> None:
        """Let others do it again."""
        await self._server.ask(lambda: self._unlock([_lock(key)], [word]))

    def _opened(self, key: str, kept: bytes | None) -> Session | None:
        if kept is None:
            return None
        try:
            session = self._form.read(key, kept)
        except NotSealed as fault:
            log.warning("a session cannot be opened and counts as ended: %s", fault)
            return None
        return session if self._clock() < session.ends else None

    def _lasting(self, session: Session) -> int:
        return max(1, _ms(min(session.idle, session.ends - self._clock())))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _index(name: str) -> str:
    return f"session-index:{_digest(name)}"


def _lock(key: str) -> str:
    return f"{key}:renewing"
