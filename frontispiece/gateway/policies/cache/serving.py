"""Whether a stored response may be served (RFC 9111, 4), and the responses that are made of it."""

from enum import Enum, auto
from typing import Final

from frontispiece.gateway.policies.cache.backends import EncodedBodies
from frontispiece.gateway.policies.cache.entry import CacheRequest, Entry
from frontispiece.http.cache_control import MAX_SECONDS, Directives
from frontispiece.http.dates import parse_date
from frontispiece.http.etags import matches
from frontispiece.http.headers import joined, without
from frontispiece.http.ranges import IF_RANGE, RANGE, meets_if_range
from frontispiece.upstream import Headers, Reply, field

OK: Final = 200
NO_CONTENT: Final = 204
PARTIAL_CONTENT: Final = 206
NOT_MODIFIED: Final = 304
FIRST_FAILURE: Final = 500

PART_HEADERS: Final = frozenset({b"content-digest", b"content-length", b"content-md5", b"content-range"})
"""Fields of a response that do not hold for another part of the representation."""

VALIDATORS: Final = (b"if-none-match", b"if-modified-since")

CACHE_STATUS: Final = b"cache-status"
CACHE_NAME: Final = b"gateway"

_CONTENT_HEADERS: Final = frozenset(
    {b"content-length", b"content-type", b"content-encoding", b"content-language", b"content-range"}
)


class StoredReply(Reply, kw_only=True, eq=False):
    """A whole response that is stored.

    Args:
        stored_body: its body as it is stored.
        encoded: the encoded forms of that, None when it is not in memory.
    """

    stored_body: bytes
    encoded: EncodedBodies | None

    @property
    def encoded_bodies(self) -> EncodedBodies | None:
        """The encoded forms of its body; None when a layer has given it another body since."""
        return self.encoded if self.body is self.stored_body else None


class CollapsedReply(Reply, kw_only=True, eq=False):
    """One caller's copy of a shared response.

    Args:
        first: whether it is for the call that reached the service.
        stored: whether the response is stored when all of it has come, so that no other layer need do it.
    """

    first: bool
    stored: bool


class CacheDecision(Enum):
    """What is done with a stored response."""

    FRESH = auto()
    """It is used."""
    STALE = auto()
    """It is used, because the client accepts stale responses."""
    STALE_WHILE_REVALIDATE = auto()
    """It is used, and a newer one is fetched in the background."""
    REVALIDATE = auto()
    """Its service is asked whether it is still valid, because it is too old."""
    MUST_REVALIDATE = auto()
    """The same, because the client wants it."""


WITHOUT_SERVICE: Final = frozenset({CacheDecision.FRESH, CacheDecision.STALE})
"""Decisions by which a service is not asked."""


def decide(entry: Entry, control: Directives, now: float) -> CacheDecision:
    """What is done with this entry for a request with this `Cache-Control`."""
    if not _accepts_age(control, entry, now):
        return CacheDecision.MUST_REVALIDATE
    if entry.must_validate:
        return CacheDecision.REVALIDATE
    remaining = entry.remaining(now)
    if remaining > 0:
        return CacheDecision.FRESH
    if _accepts_stale(control, entry, now):
        return CacheDecision.STALE
    if -remaining < entry.stale_while_revalidate:
        return CacheDecision.STALE_WHILE_REVALIDATE
    return CacheDecision.REVALIDATE


def serves_on_error(entry: Entry, control: Directives, now: float) -> bool:
    """Whether the entry may be used though its service failed to validate it (RFC 5861, 4)."""
    if entry.must_validate:
        return False
    requested = (control.seconds("stale-if-error") or 0) if entry.may_be_stale else 0
    return -entry.remaining(now) < max(entry.stale_if_error, requested)


def _accepts_age(control: Directives, entry: Entry, now: float) -> bool:
    """Whether the entry is as young as the client wants, fresh or not."""
    max_age = control.seconds("max-age")
    min_fresh = control.seconds("min-fresh", invalid=MAX_SECONDS)
    if "no-cache" in control or (max_age is not None and entry.age(now) > max_age):
        return False
    return min_fresh is None or entry.remaining(now) >= min_fresh


def _accepts_stale(control: Directives, entry: Entry, now: float) -> bool:
    """Whether the client accepts an entry that is stale for as long as this one."""
    if "max-stale" not in control or not entry.may_be_stale or entry.must_validate:
        return False
    return control.is_unqualified("max-stale") or -entry.remaining(now) <= (control.seconds("max-stale") or 0)


def conditional_headers(entry: Entry, headers: Headers) -> Headers:
    """The headers of a request that asks the service for its response unless it is this entry."""
    conditional = without(headers, (*VALIDATORS, RANGE, IF_RANGE))
    if entry.etag:
        conditional.append((b"if-none-match", entry.etag))
    if entry.last_modified:
        conditional.append((b"if-modified-since", entry.last_modified))
    return conditional


def validates(headers: Headers, entry: Entry) -> bool:
    """Whether a 304 with these headers is about this entry: by its tag, when it has one (4.3.4)."""
    tag = field(headers, b"etag")
    return tag is None or (entry.etag is not None and _opaque(tag) == _opaque(entry.etag))


def is_current(request_headers: Headers, response_headers: Headers, received: float) -> bool:
    """Whether the client has this response (of status 200) already; tags count more than dates (4.3.2)."""
    if field(request_headers, b"if-none-match") is not None:
        tags, tag = joined(request_headers, b"if-none-match"), field(response_headers, b"etag") or b""
        return matches(tags.decode("latin-1"), tag.decode("latin-1"))
    since = parse_date(field(request_headers, b"if-modified-since"))
    if since is None:
        return False
    for name in (b"last-modified", b"date"):
        if (date := parse_date(field(response_headers, name))) is not None:
            return date <= since
    return received <= since


def not_modified(headers: Headers) -> Reply:
    """The 304 for a response with these headers."""
    return Reply(status=NOT_MODIFIED, headers=without(headers, _CONTENT_HEADERS), body=b"")


def reply_from(
    entry: Entry,
    request: CacheRequest,
    now: float,
    status: tuple[bytes, bytes],
    encoded: EncodedBodies | None,
) -> Reply:
    """The stored response for a client: the range that it wants, or 304 when it has the response already.

    Args:
        entry: what is stored, enough for the request.
        request: the client's.
        now: seconds since the epoch.
        status: the `Cache-Status`.
        encoded: the encoded forms of the entry's body.

    Raises:
        Problem: 416, nothing of the range is there.
    """
    headers = [*entry.headers, (b"age", b"%d" % entry.age(now)), status]
    if entry.status in {OK, PARTIAL_CONTENT}:
        if is_current(request.call.headers, entry.headers, entry.received):
            return not_modified(headers)
        if request.range and meets_if_range(request.call.headers, entry.headers):
            length = len(entry.body) if entry.complete_length is None else entry.complete_length
            part = request.range.within(length)
            body = entry.body[part.start - entry.offset : part.end - entry.offset]
            return Reply.whole(PARTIAL_CONTENT, body, [*without(headers, PART_HEADERS), part.field])
    if entry.status != NO_CONTENT and field(entry.headers, b"content-length") is None:
        headers.append((b"content-length", b"%d" % len(entry.body)))
    body = entry.body if request.call.method == "GET" else b""
    return StoredReply(
        status=entry.status, headers=headers, body=body, stored_body=entry.body, encoded=encoded
    )


def hit(entry: Entry, now: float, *, detail: bytes = b"") -> tuple[bytes, bytes]:
    """`Cache-Status` (RFC 9211) of a response from the cache."""
    status = b"%b; hit; ttl=%d" % (CACHE_NAME, int(entry.remaining(now)))
    return CACHE_STATUS, status + (b"; detail=" + detail if detail else b"")


def forwarded(
    reason: bytes,
    status: int | None = None,
    *,
    stored: bool = False,
    collapsed: bool = False,
    detail: bytes = b"",
) -> tuple[bytes, bytes]:
    """`Cache-Status` of a response for which a service was asked.

    Args:
        reason: in a word of the RFC.
        status: of the service's response.
        stored: whether that is stored.
        collapsed: whether it was requested for another call already.
        detail: in a word of ours.
    """
    value = CACHE_NAME + b"; fwd=" + reason
    if status is not None:
        value += b"; fwd-status=%d" % status
    if stored:
        value += b"; stored"
    if collapsed:
        value += b"; collapsed"
    return CACHE_STATUS, value + (b"; detail=" + detail if detail else b"")


def content_length(reply: Reply) -> int | None:
    """The `Content-Length` of a reply."""
    value = reply.header(b"content-length")
    return int(value) if value and value.isdigit() and len(value) < 20 else None  # noqa: PLR2004 (none is longer)


def _opaque(tag: bytes) -> bytes:
    return tag.removeprefix(b"W/")
