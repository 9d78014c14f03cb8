"""Whether what is kept still holds: asked of services, and answered to clients (RFC 9111, 4.3)."""

import re
from typing import Final

from gateway.cache.directives import joined, moment, without
from gateway.cache.entry import Entry
from gateway.upstream import Headers, field

_TAG = re.compile(rb'(?:W/)?("[^"]*")')

VALIDATORS: Final = (b"if-none-match", b"if-modified-since")

NOT_FOR_CACHES: Final = frozenset({b"range", b"if-match", b"if-unmodified-since", b"if-range"})
"""What only services can answer: calls with one of these pass by the cache."""

_OF_A_BODY: Final = frozenset(
    {b"content-length", b"content-type", b"content-encoding", b"content-language", b"content-range"}
)


def asking_whether(entry: Entry, headers: Headers) -> Headers:
    """The headers of a request for what a service has now, unless it is what is kept."""
    asking = without(headers, VALIDATORS)
    if entry.etag:
        asking.append((b"if-none-match", entry.etag))
    if entry.last_modified:
        asking.append((b"if-modified-since", entry.last_modified))
    return asking


def still_holds(entry: Entry, news: Headers) -> bool:
    """Whether a 304 speaks of this entry: of its tag, when it names one (RFC 9111, 4.3.4)."""
    named = field(news, b"etag")
    return named is None or (entry.etag is not None and _opaque(named) == _opaque(entry.etag))


def _opaque(tag: bytes) -> bytes:
    return tag.removeprefix(b"W/")


def has_it(asking: Headers, answer: Headers, received: float) -> bool:
    """Whether a client that asks so has this answer already; tags count more than dates.

    Args:
        asking: the headers of its request.
        answer: the headers of an answer with status 200.
        received: when that came.
    """
    if field(asking, b"if-none-match") is not None:
        named = joined(asking, b"if-none-match")
        tag = field(answer, b"etag")
        if named.strip() == b"*":
            return True
        return tag is not None and _opaque(tag) in _TAG.findall(named)
    since = moment(field(asking, b"if-modified-since"))
    if since is None:
        return False
    for name in (b"last-modified", b"date"):
        if (when := moment(field(answer, name))) is not None:
            return when <= since
    return received <= since


def not_modified(headers: Headers) -> Headers:
    """What of an answer's headers its 304 has."""
    return without(headers, _OF_A_BODY)
