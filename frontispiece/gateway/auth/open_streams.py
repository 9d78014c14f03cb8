"""Streams and WebSockets of known callers, which end with their session, login or token."""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final, Self

from frontispiece.gateway.policies.websocket.relay import Relay
from frontispiece.http.messages import ResponseBrokeOff
from frontispiece.upstream import Reply
from frontispiece.upstream.outcome import when_released

log = logging.getLogger(__name__)

SESSION: Final = "session"
LOGIN: Final = "login"
USER: Final = "user"

Owner = tuple[str, str]
"""Whose streams end together: a session, a login or a user, with its key, `sid` or subject."""


class OpenStreams:
    """The responses of known callers whose end is not known when they begin; all end with `async with`."""

    def __init__(self) -> None:
        self._streams: dict[Owner, dict[_Stream | Relay, float]] = defaultdict(dict)
        """With the moment at which the login of each began."""
        self._expiry: dict[str, float] = {}
        """When each session that has one expires at the earliest, by its key."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for owner in list(self._streams):
            self._end(owner)

    def expired(self, now: float) -> list[str]:
        """The keys of the sessions with streams that may have expired by now."""
        return [key for key, at in self._expiry.items() if at <= now]

    def postpone(self, key: str, at: float) -> None:
        """A session has been used: it expires at this moment at the earliest."""
        if key in self._expiry:
            self._expiry[key] = at

    def add(
        self,
        reply: Reply,
        *,
        sid: str | None,
        subject: str,
        issued_at: float,
        key: str | None = None,
        expires_at: float = math.inf,
    ) -> "_Stream | Relay | None":
        """Have a reply end with its caller's session or login; None where it is whole or of known length.

        The login has the `sid` of its issuer; `key` is the session's, if there is one, and
        `expires_at` when that expires at the earliest.
        """
        if (stream := _stream_of(reply)) is None:
            return None
        names = (SESSION, key), (LOGIN, sid), (USER, subject)
        owners = [(kind, name) for kind, name in names if name is not None]
        for owner in owners:
            self._streams[owner][stream] = issued_at
        if key is not None:
            self._expiry[key] = expires_at
        when_released(reply, lambda: self._remove(stream, owners))
        return stream

    def end_session(self, key: str) -> None:
        """End those of a session."""
        self._end((SESSION, key))

    def end_login(self, sid: str | None, subject: str | None, at: float) -> None:
        """End those of a login, or without a `sid` of all logins of a user up to a moment."""
        if sid is not None:
            self._end((LOGIN, sid))
        elif subject is not None:
            self._end((USER, subject), at)

    def _end(self, owner: Owner, at: float = math.inf) -> None:
        for stream, issued_at in self._streams.get(owner, {}).items():
            if issued_at <= at:
                stream.end()

    def _remove(self, stream: "_Stream | Relay", owners: Iterable[Owner]) -> None:
        for owner in owners:
            del self._streams[owner][stream]
            if not self._streams[owner]:
                del self._streams[owner]
                if owner[0] == SESSION:
                    del self._expiry[owner[1]]


def end_after(reply: Reply, seconds: float) -> None:
    """Have a reply end after so many seconds, unless it is whole or of known length."""
    if (stream := _stream_of(reply)) is not None:
        timer = asyncio.get_running_loop().call_later(seconds, stream.end)
        when_released(reply, timer.cancel)


def _stream_of(reply: Reply) -> "_Stream | Relay | None":
    """The body of a reply, as one that can be ended; None where it is whole or of known length."""
    if isinstance(reply.body, bytes) or reply.header(b"content-length") is not None:
        return None
    stream = reply.body if isinstance(reply.body, _Stream | Relay) else _Stream(reply.body)
    reply.body = stream
    return stream


class _Stream:
    """A body that breaks off once it is ended, also while nothing comes or the client does not read."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._reader: asyncio.Future[Any] | None = None
        """The task that reads it, and sends what it reads."""
        self._is_ended = False

    def end(self) -> None:
        if not self._is_ended:
            self._is_ended = True
            log.info("a response ends with the login or token of its caller")
            if self._reader is not None:
                self._reader.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._is_ended:
            raise ResponseBrokeOff
        self._reader = asyncio.current_task()
        return await anext(self._chunks)
