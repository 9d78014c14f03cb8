"""Storing responses on their way to the client, and combining parts."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Final

import msgspec

from frontispiece.gateway.policies.cache.config import Cache
from frontispiece.gateway.policies.cache.entry import Entry, entry_of, updated_headers
from frontispiece.gateway.policies.cache.key import CacheRequest
from frontispiece.gateway.policies.cache.ranges import content_range
from frontispiece.gateway.policies.cache.replies import CollapsedReply
from frontispiece.gateway.policies.cache.response import content_length, stored_reply
from frontispiece.gateway.policies.cache.store import FetchStart, HttpCache
from frontispiece.upstream import Headers, Reply

ALIKE: Final = ("complete_length", "etag", "public", "tags")
"""What parts of one representation have in common."""


class ResponseWriter:
    """Stores the responses of one route."""

    def __init__(self, policy: Cache, cache: HttpCache) -> None:
        self._policy = policy
        self._cache = cache

    def entry(self, request: CacheRequest, status: int, headers: Headers, start: FetchStart) -> Entry | None:
        """The entry of a response that has just come, without its body."""
        received = self._cache.now()
        return entry_of(request, status, headers, self._policy, requested=start.requested, received=received)

    def store(self, request: CacheRequest, reply: Reply, start: FetchStart) -> Reply | None:
        """The response, which is stored now or when all of it has come; None when that is not possible."""
        if isinstance(reply, CollapsedReply):
            return reply if reply.stored else None
        entry = self.entry(request, reply.status, reply.headers, start)
        if entry is None:
            return None
        size = self._expected_size(entry, reply)
        if size is not None and size > self._policy.max_body_size:
            return None
        if isinstance(reply.body, bytes):
            return self._store_whole(request, entry, reply, reply.body, size, start)
        reply.body = self._stored_chunks(request, entry, reply.body, size, start)
        return reply

    def _expected_size(self, entry: Entry, reply: Reply) -> int | None:
        """Bytes that the body must have; None when nobody knows."""
        if entry.complete_length is None:
            return content_length(reply)
        part = content_range(reply.headers)
        assert part is not None, "an entry is a part because the response says which"
        return part.end - part.start

    def _store_whole(
        self,
        request: CacheRequest,
        entry: Entry,
        reply: Reply,
        body: bytes,
        size: int | None,
        start: FetchStart,
    ) -> Reply | None:
        stored = self._put(request, entry, body, size, start)
        return stored_reply(reply, body, self._cache.encoded(request.key, stored)) if stored else None

    def _put(
        self, request: CacheRequest, entry: Entry, body: bytes, size: int | None, start: FetchStart
    ) -> Entry | None:
        """Store an entry with this body, if it has the right size; returns what is stored."""
        if size not in {None, len(body)} or len(body) > self._policy.max_body_size:
            return None
        entry = msgspec.structs.replace(entry, body=body)
        if entry.complete_length is not None:
            stored = self._cache.stored(request.key, entry.vary)
            if stored and stored.complete_length is None and stored.remaining(self._cache.now()) > 0:
                return None  # the whole is there, and fresh
            entry = combined(stored, entry, self._policy.max_body_size)
        return entry if self._cache.put(request.key, entry, start) else None

    async def _stored_chunks(
        self,
        request: CacheRequest,
        entry: Entry,
        body: AsyncIterator[bytes],
        size: int | None,
        start: FetchStart,
    ) -> AsyncIterator[bytes]:
        """The body as it comes; it is stored when it ends as it should, never when it breaks off (3.3)."""
        chunks: list[bytes] = []
        received = 0
        async for chunk in body:
            received += len(chunk)
            if received <= self._policy.max_body_size:
                chunks.append(chunk)
            else:
                chunks.clear()
            yield chunk
        if received <= self._policy.max_body_size:
            self._put(request, entry, b"".join(chunks), size, start)


def combined(stored: Entry | None, part: Entry, max_size: int) -> Entry:
    """A new part with what is stored of the same representation, which may make it whole (RFC 9111, 3.4).

    Args:
        stored: the entry that the part replaces.
        part: the new one.
        max_size: bytes of a body.
    """
    if stored is not None and _belong_together(stored, part):
        first, second = (stored, part) if stored.offset <= part.offset else (part, stored)
        body = (
            first.body[: second.offset - first.offset] + second.body + first.body[second.end - first.offset :]
        )
        if len(body) <= max_size:
            headers = updated_headers(stored.headers, part.headers)
            requested = min(stored.requested, part.requested)  # a purge since then is about all of it
            part = msgspec.structs.replace(
                part, body=body, offset=first.offset, headers=headers, requested=requested
            )
    if len(part.body) == part.complete_length:
        return msgspec.structs.replace(part, status=HTTPStatus.OK, complete_length=None)
    return part


def _belong_together(stored: Entry, part: Entry) -> bool:
    """Whether two parts are of one representation, by a strong entity tag, without a gap between them."""
    if any(getattr(stored, name) != getattr(part, name) for name in ALIKE):
        return False
    is_strong = part.etag is not None and not part.etag.startswith(b"W/")
    return is_strong and stored.offset <= part.end and part.offset <= stored.end
