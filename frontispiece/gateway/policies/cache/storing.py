"""Whether a response may be stored (RFC 9111, 3), what of it, and storing it on its way to the client."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from msgspec.structs import replace

from frontispiece.gateway.policies.cache.config import Cache
from frontispiece.gateway.policies.cache.entry import ANYTHING, CacheRequest, Entry, varies_by, vary_key
from frontispiece.gateway.policies.cache.serving import (
    PART_HEADERS,
    CollapsedReply,
    StoredReply,
    content_length,
)
from frontispiece.gateway.policies.cache.store import FetchStart, HttpCache
from frontispiece.http.cache_control import (
    Directives,
    explicit_lifetime,
    heuristic_lifetime,
    initial_age,
    response_cache_control,
)
from frontispiece.http.dates import http_date, parse_date
from frontispiece.http.headers import CREDENTIALS, HOP_BY_HOP, members, without
from frontispiece.http.ranges import content_range
from frontispiece.upstream import Headers, Reply, field

CACHEABLE: Final = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses of responses that are stored though they do not say so (RFC 9110, 15.1)."""

UNDERSTOOD: Final = CACHEABLE | {302, 303, 307, 400, 401, 403, 406, 409, 422, 429, 451, 500, 502, 503, 504}
"""Statuses whose requirements for caches are implemented, as `must-understand` asks."""

NOT_STORED: Final = HOP_BY_HOP | {b"age", b"proxy-authentication-info", b"x-request-id"}
"""Fields of a connection, of a proxy (3.1), or of a single call."""

NOT_UPDATED: Final = frozenset(
    {
        b"age",
        b"content-digest",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"content-range",
        b"digest",
        b"repr-digest",
    }
)
"""Fields about the bytes of a stored response, which a 304 does not update (3.2)."""

TAG_HEADERS: Final = (b"cache-tag", b"surrogate-key")

COMMON_ATTRIBUTES: Final = ("complete_length", "etag", "public", "tags")
"""What parts of one representation have in common."""


def entry_of(
    request: CacheRequest, status: int, headers: Headers, policy: Cache, *, requested: float, received: float
) -> Entry | None:
    """The entry of a response, without its body yet; None when it must not be stored, or is of no use."""
    control = response_cache_control(headers, policy.target_names)
    public = policy.public or _is_public(control)
    if not _has_storable_status(request, status, headers, policy):
        return None
    if not _is_storable(request, status, headers, control, public=public):
        return None
    explicit = explicit_lifetime(control, headers, received)
    must_validate = control.is_unqualified("no-cache")
    implicit = 0.0 if must_validate else _implicit_lifetime(status, headers, control, policy, received)
    part = content_range(headers) if status == HTTPStatus.PARTIAL_CONTENT else None
    strict = must_validate or "must-revalidate" in control or "proxy-revalidate" in control
    may_be_stale = not strict and "s-maxage" not in control

    def stale_for(directive: str, policy_seconds: float) -> float:
        if strict:
            return 0.0
        seconds = control.seconds(directive)
        return seconds if seconds is not None else policy_seconds if may_be_stale else 0.0

    entry = Entry(
        status=status,
        headers=_stored_headers(without(headers, PART_HEADERS) if part else headers, control, received),
        vary=vary_key(request.call.headers, varies_by(headers)),
        path=request.key.path,
        tags=_tags(headers, policy),
        requested=requested,
        received=received,
        initial_age=initial_age(headers, requested, received),
        lifetime=implicit if explicit is None else explicit,
        must_validate=must_validate,
        may_be_stale=may_be_stale,
        stale_while_revalidate=stale_for("stale-while-revalidate", _seconds(policy.stale_while_revalidate)),
        stale_if_error=stale_for("stale-if-error", _seconds(policy.stale_if_error)),
        public=public,
        offset=part.start if part else 0,
        complete_length=part.complete_length if part else None,
    )
    return entry if entry.useful_for(received) > 0 else None


def _implicit_lifetime(
    status: int, headers: Headers, control: Directives, policy: Cache, received: float
) -> float:
    """How long a response is fresh that does not say, by the route."""
    if policy.last_modified_factor and (status in CACHEABLE or "public" in control):
        lifetime = heuristic_lifetime(headers, received, policy.last_modified_factor)
        if lifetime:
            return lifetime
    is_part = status == HTTPStatus.PARTIAL_CONTENT
    return _seconds(policy.ttl) if is_part or status in CACHEABLE else 0.0


def updated_headers(stored: Headers, headers: Headers) -> Headers:
    """The headers of a stored response after a 304 with these headers (3.2)."""
    new = without(headers, NOT_STORED | NOT_UPDATED)
    return [*without(stored, {name for name, _ in new} | {b"date"}), *new]


def _is_public(control: Directives) -> bool:
    """Whether a response says that it is for all, though its request had credentials (3.5).

    `must-revalidate` would be enough for the RFC, but many a private response has it by habit.
    """
    return "public" in control or "s-maxage" in control


def _has_storable_status(request: CacheRequest, status: int, headers: Headers, policy: Cache) -> bool:
    if status == HTTPStatus.PARTIAL_CONTENT:
        return policy.store_partial and request.range is not None and content_range(headers) is not None
    if status < HTTPStatus.OK or status == HTTPStatus.NOT_MODIFIED:
        return False
    return status == HTTPStatus.OK or not request.has_range


def _is_storable(
    request: CacheRequest, status: int, headers: Headers, control: Directives, *, public: bool
) -> bool:
    must_understand = "must-understand" in control
    if "no-store" in request.control:
        return False
    if must_understand and status not in UNDERSTOOD:
        return False
    if ("no-store" in control and not must_understand) or control.is_unqualified("private"):
        return False
    vary = varies_by(headers)
    if request.credentialed and (not public or vary & CREDENTIALS):
        return False
    if field(headers, b"set-cookie") is not None or ANYTHING in vary:
        return False
    allowed = any(name in control for name in ("public", "max-age", "s-maxage"))
    has_expires = not control.is_targeted and field(headers, b"expires") is not None
    return allowed or has_expires or status in CACHEABLE or status == HTTPStatus.PARTIAL_CONTENT


def _stored_headers(headers: Headers, control: Directives, received: float) -> Headers:
    removed = NOT_STORED | control.fields("no-cache") | control.fields("private")
    removed |= {name.lower() for name in members(headers, b"connection")}
    stored = without(headers, removed)
    if parse_date(field(stored, b"date")) is None:
        stored = [*without(stored, (b"date",)), (b"date", http_date(int(received)))]
    return stored


def _tags(headers: Headers, policy: Cache) -> tuple[str, ...]:
    """The tags of the route, and those in the response's own headers."""
    own = [word for name in TAG_HEADERS for member in members(headers, name) for word in member.split()]
    return tuple(dict.fromkeys([*policy.tags, *(word.decode("latin-1") for word in own)]))


def _seconds(duration: timedelta | None) -> float:
    return duration.total_seconds() if duration else 0.0


class ResponseWriter:
    """Stores the responses of one route."""

    def __init__(self, policy: Cache, cache: HttpCache) -> None:
        self._policy = policy
        self._cache = cache

    def store(self, request: CacheRequest, reply: Reply, start: FetchStart) -> Reply | None:
        """The response, which is stored now or when all of it has come; None when that is not possible."""
        if isinstance(reply, CollapsedReply):
            return reply if reply.stored else None
        entry = self._entry(request, reply.status, reply.headers, start)
        if entry is None:
            return None
        part = content_range(reply.headers) if entry.complete_length is not None else None
        size = part.end - part.start if part else content_length(reply)
        if size is not None and size > self._policy.max_body_size:
            return None

        def put(body: bytes) -> Entry | None:
            return self._put(request, entry, body, start) if size in {None, len(body)} else None

        if not isinstance(reply.body, bytes):
            reply.body = self._stored_chunks(reply.body, put)
            return reply
        if (stored := put(reply.body)) is None:
            return None
        return StoredReply(
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
            release=reply.release,
            stored_body=reply.body,
            encoded=self._cache.encoded(request.key, stored),
        )

    def freshen(
        self, request: CacheRequest, entry: Entry, headers: Headers, start: FetchStart
    ) -> tuple[Entry, bool]:
        """The entry, updated by a 304 with these headers (4.3.4), and whether it is stored so."""
        new_headers = updated_headers(entry.headers, headers)
        age = [field for field in headers if field[0] == b"age"]
        updated = self._entry(request, entry.status, [*new_headers, *age], start)
        if updated.vary != entry.vary if updated else "no-store" not in request.control:
            self._cache.remove(request.key, entry)
        if updated is None:  # from now on it is for this client alone
            now = self._cache.now()
            return replace(entry, headers=new_headers, received=now, initial_age=0.0), False
        updated = replace(updated, body=entry.body)
        return updated, self._cache.put(request.key, updated, start)

    def _entry(self, request: CacheRequest, status: int, headers: Headers, start: FetchStart) -> Entry | None:
        """The entry of a response that has just come, without its body."""
        received = self._cache.now()
        return entry_of(request, status, headers, self._policy, requested=start.requested, received=received)

    def _put(self, request: CacheRequest, entry: Entry, body: bytes, start: FetchStart) -> Entry | None:
        """Store an entry with this body; returns what is stored."""
        if len(body) > self._policy.max_body_size:
            return None
        entry = replace(entry, body=body)
        if entry.complete_length is not None:
            stored = self._cache.stored(request.key, entry.vary)
            if stored and stored.complete_length is None and stored.remaining(self._cache.now()) > 0:
                return None  # the whole is there, and fresh
            entry = combined(stored, entry, self._policy.max_body_size)
        return entry if self._cache.put(request.key, entry, start) else None

    async def _stored_chunks(
        self, body: AsyncIterator[bytes], put: Callable[[bytes], Entry | None]
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
            put(b"".join(chunks))


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
            part = replace(part, body=body, offset=first.offset, headers=headers, requested=requested)
    if len(part.body) == part.complete_length:
        return replace(part, status=HTTPStatus.OK, complete_length=None)
    return part


def _belong_together(stored: Entry, part: Entry) -> bool:
    """Whether two parts are of one representation, by a strong entity tag, without a gap between them."""
    if any(getattr(stored, name) != getattr(part, name) for name in COMMON_ATTRIBUTES):
        return False
    is_strong = part.etag is not None and not part.etag.startswith(b"W/")
    return is_strong and stored.offset <= part.end and part.offset <= stored.end
