"""Stored responses: which are stored (RFC 9111, 3), what of them, and their age and lifetime (4.2)."""

from datetime import timedelta
from http import HTTPStatus
from typing import Final

import msgspec

from frontispiece.gateway.policies.cache.cache_control import (
    Directives,
    explicit_lifetime,
    heuristic_lifetime,
    initial_age,
    response_cache_control,
    without,
)
from frontispiece.gateway.policies.cache.config import Cache
from frontispiece.gateway.policies.cache.key import (
    ANYTHING,
    CacheRequest,
    VaryKey,
    selects,
    varies_by,
    vary_key,
)
from frontispiece.gateway.policies.cache.ranges import content_range, meets_if_range
from frontispiece.http.dates import http_date, parse_date
from frontispiece.http.headers import CREDENTIALS, HOP_BY_HOP, members
from frontispiece.upstream import Headers, field

CACHEABLE: Final = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
"""Statuses of responses that are stored though they do not say so (RFC 9110, 15.1)."""

UNDERSTOOD: Final = CACHEABLE | {302, 303, 307, 400, 401, 403, 406, 409, 422, 429, 451, 500, 502, 503, 504}
"""Statuses whose requirements for caches are implemented, as `must-understand` asks."""

OF_A_PART: Final = frozenset({b"content-digest", b"content-length", b"content-md5", b"content-range"})
"""Fields of a response that do not hold for another part of the representation."""

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

Group = tuple[str, str]
"""Entries that are purged together: `("path", path)`, `("tag", tag)`, or `ALL`."""

ALL: Final[Group] = ("all", "")

OVERHEAD: Final = 1024
"""Bytes that an entry takes beside its contents, about."""

VALIDATABLE_TTL: Final = 3600.0
"""Seconds that an entry with a validator is stored after its end."""


class Entry(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """A response, whole or a part. Times are in seconds since the epoch, durations in seconds.

    Args:
        status: of the response.
        headers: without those of one transfer, and without `Age`.
        body: all of it, or of the part.
        vary: what the request said in the fields that the response varies by.
        path: of the request; all entries of a path are invalidated together.
        tags: by which it can be purged.
        requested: when the request was sent.
        received: when the response came.
        initial_age: its age at that time.
        lifetime: how long it is fresh, from its making on.
        must_validate: whether it is never used without its service saying that it is still valid.
        may_be_stale: whether a client, or the route, may use it when it is no longer fresh.
        stale_while_revalidate: how long it may be used afterwards while a newer one is fetched.
        stale_if_error: how long it may be used afterwards when no newer one can be had.
        public: whether it is also for authenticated callers.
        offset: the position of the first byte in the representation.
        complete_length: bytes of the representation, when this is a part of it; None for the whole.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    vary: VaryKey = ()
    path: str
    tags: tuple[str, ...] = ()
    requested: float
    received: float
    initial_age: float
    lifetime: float
    must_validate: bool = False
    may_be_stale: bool = True
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0
    public: bool = False
    offset: int = 0
    complete_length: int | None = None

    def serves(self, request: CacheRequest) -> bool:
        """Whether it is for this request: for its caller, the same variant, and all that is wanted."""
        is_for_caller = self.public or not request.credentialed
        return is_for_caller and selects(request.call.headers, self.vary) and self._is_enough_for(request)

    def _is_enough_for(self, request: CacheRequest) -> bool:
        """Whether it is whole, or has all of the range that is requested (3.3)."""
        if self.complete_length is None:
            return True
        bounds = request.range.within(self.complete_length) if request.range else None
        if bounds is None or not meets_if_range(request.call.headers, self.headers):
            return False
        return self.offset <= bounds[0] and bounds[1] <= self.end

    @property
    def end(self) -> int:
        """The position after its last byte."""
        return self.offset + len(self.body)

    @property
    def groups(self) -> "list[Group]":
        """The groups of entries that it is purged with."""
        return [ALL, ("path", self.path), *(("tag", tag) for tag in self.tags)]

    def age(self, now: float) -> float:
        """Seconds since it was made (4.2.3)."""
        return self.initial_age + max(0.0, now - self.received)

    def remaining(self, now: float) -> float:
        """Seconds for which it is still fresh; below zero, since when it is stale."""
        return self.lifetime - self.age(now)

    @property
    def etag(self) -> bytes | None:
        """Its entity tag."""
        return field(self.headers, b"etag")

    @property
    def last_modified(self) -> bytes | None:
        """Its modification date."""
        return field(self.headers, b"last-modified")

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        headers = sum(len(name) + len(value) + 100 for name, value in self.headers)
        return OVERHEAD + len(self.body) + headers

    def useful_for(self, now: float) -> float:
        """Seconds after which it can be dropped."""
        stale = max(self.stale_while_revalidate, self.stale_if_error)
        if self.etag or self.last_modified:
            stale = max(stale, VALIDATABLE_TTL)
        return self.remaining(now) + stale


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
        headers=_stored_headers(without(headers, OF_A_PART) if part else headers, control, received),
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
