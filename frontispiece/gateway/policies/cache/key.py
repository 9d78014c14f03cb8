"""Requests as the cache sees them: their keys (RFC 9111, 2), and the variants that they select (4.1)."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple, Self

from frontispiece.gateway.call import Call
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.cache.cache_control import (
    Directives,
    request_cache_control,
)
from frontispiece.gateway.policies.cache.ranges import RANGE, ByteRange, is_of_bytes, requested_range
from frontispiece.http.authority import normalised
from frontispiece.http.headers import CREDENTIALS, joined, members
from frontispiece.upstream import Headers, field

ANYTHING: Final = b"*"
"""In `Vary`: no other request selects the same response."""

BYPASSING: Final = frozenset({b"if-match", b"if-unmodified-since"})
"""Request fields that only services can answer."""

_UNORDERED: Final = frozenset({b"accept-encoding"})
"""Fields whose members mean the same in any order."""

_CASELESS: Final = _UNORDERED | {b"accept-language"}
"""Fields whose members mean the same in any case."""

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")

VaryKey = tuple[tuple[bytes, bytes], ...]
"""The request fields that a response varies by, with their normalised values."""


class Key(NamedTuple):
    """The primary key of a request.

    Args:
        host: with the port, if it is not the default one: a service may answer by it.
        scheme: of the client.
        path: public, percent-encoded.
        query: raw.
        route: a digest of the route's configuration, so that tables of other times have other keys.
    """

    host: bytes
    scheme: str
    path: str
    query: bytes
    route: str


class RouteKeys:
    """The keys of the requests on one route."""

    def __init__(self, route: Route) -> None:
        self._template = route.template
        self._digest = blake2b(route.model_dump_json().encode(), digest_size=12).hexdigest()

    def key_of(self, call: Call) -> Key:
        """The primary key of a call."""
        host = normalised(call.header(b"host") or b"", call.scheme)
        path = path_key(self._template.expand(call.params))
        return Key(host, call.scheme, path, call.query, self._digest)


def path_key(path: str) -> str:
    """A normalised path, whose escapes mean the same in either case (RFC 3986, 6.2.2.1)."""
    return _ESCAPE.sub(lambda escape: escape[0].upper(), path) if "%" in path else path


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheRequest:
    """A call with what decides on its response.

    Args:
        call: the client's.
        key: its primary key.
        control: its `Cache-Control`.
        credentialed: whether the response may be for this caller alone.
        has_range: whether the service may respond with a part.
        range: the part that is wanted; None for all of it.
    """

    call: Call
    key: Key
    control: Directives
    credentialed: bool
    has_range: bool = False
    range: ByteRange | None = None

    @classmethod
    def of(cls, call: Call, keys: RouteKeys) -> Self:
        """The request of a call on the route with these keys."""
        credentialed = call.identity is not None or any(name in CREDENTIALS for name, _ in call.headers)
        has_range = field(call.headers, RANGE) is not None
        return cls(
            call=call,
            key=keys.key_of(call),
            control=request_cache_control(call.headers),
            credentialed=credentialed,
            has_range=has_range,
            range=requested_range(call.headers) if has_range and call.method == "GET" else None,
        )


def bypasses_cache(call: Call) -> bool:
    """Whether a call concerns only its service: it has a body, a precondition, or a range of another unit."""
    return call.body != b"" or any(
        name in BYPASSING or (name == RANGE and not is_of_bytes(value)) for name, value in call.headers
    )


def may_collapse(call: Call) -> bool:
    """Whether a call may wait for the response to another one, which is whole."""
    return call.method == "GET" and field(call.headers, RANGE) is None and not bypasses_cache(call)


def varies_by(response_headers: Headers) -> frozenset[bytes]:
    """The names in `Vary`."""
    return frozenset(name.lower() for name in members(response_headers, b"vary"))


def vary_key(request_headers: Headers, names: frozenset[bytes]) -> VaryKey:
    """What a request says in these fields; equal for requests that select the same response."""
    return tuple((name, _normalised(request_headers, name)) for name in sorted(names))


def selects(request_headers: Headers, vary: VaryKey) -> bool:
    """Whether a request selects the response that was stored with this key."""
    return not vary or vary_key(request_headers, frozenset(name for name, _ in vary)) == vary


def _normalised(headers: Headers, name: bytes) -> bytes:
    """The members of a field without whitespace; an absent field differs from an empty one."""
    if not any(known == name for known, _ in headers):
        return b"-"
    values = [member.strip() for member in joined(headers, name).split(b",")]
    if name in _CASELESS:
        values = [member.lower().replace(b" ", b"") for member in values if member]
    if name in _UNORDERED:
        values.sort()
    return b"=" + b",".join(values)
