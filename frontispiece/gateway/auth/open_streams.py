"""Streams and WebSockets of known callers, which end with the session or the login that they began with."""

import asyncio
import logging
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
    """The responses of one table's callers whose end is not known when they begin."""

    def __init__(self) -> None:
        self._streams: dict[Owner, set[_Stream | Relay]] = defaultdict(set)

    @property
    def sessions(self) -> list[str]:
        """The keys of all sessions that have one."""
        return [name for kind, name in self._streams if kind == SESSION]

    def add(
        self, reply: Reply, *, key: str | None = None, sid: str | None, subject: str
    ) -> "_Stream | Relay | None":
        """Have a reply end with its caller's session or login; None where it is whole or of known length."""
        if isinstance(reply.body, bytes) or reply.header(b"content-length") is not None:
            return None
        stream = reply.body if isinstance(reply.body, Relay) else _Stream(reply.body)
        reply.body = stream
        owners = _owners(key, sid, subject)
        for owner in owners:
            self._streams[owner].add(stream)
        when_released(reply, lambda: self._remove(stream, owners))
        return stream

    def end(self, *, key: str | None = None, sid: str | None = None, subject: str | None = None) -> None:
        """End those of a session, of a login or of a user."""
        for owner in _owners(key, sid, subject):
            for stream in self._streams.get(owner, ()):
                stream.end()

    def _remove(self, stream: "_Stream | Relay", owners: Iterable[Owner]) -> None:
        for owner in owners:
            self._streams[owner].discard(stream)
            if not self._streams[owner]:
                del self._streams[owner]


def _owners(key: str | None, sid: str | None, subject: str | None) -> list[Owner]:
    owners = (SESSION, key), (LOGIN, sid), (USER, subject)
    return [(kind, name) for kind, name in owners if name is not None]


class _Stream:
    """A body that breaks off once it is ended, even while nothing comes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        coming: asyncio.Future[Any] = asyncio.ensure_future(anext(self._chunks))
        try:
            await asyncio.wait([coming, self._ended], return_when=asyncio.FIRST_COMPLETED)
            if coming.done() and not self._ended.done():
                return coming.result()  # type: ignore[no-any-return]
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait([coming])
        log.info("a response ends with the login of its caller")
        raise ResponseBrokeOff
