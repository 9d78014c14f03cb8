"""Stored responses (RFC 9111, 4.2), the requests as the cache sees them, and which selects which (2, 4.1)."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from frontispiece.gateway.call import Call
from frontispiece.http.authority import normalised
from frontispiece.http.cache_control import Directives, request_cache_control
from frontispiece.http.headers import CREDENTIALS, joined, members
from frontispiece.http.ranges import RANGE, ByteRange, is_of_bytes, meets_if_range, requested_range
from frontispiece.upstream import Headers, field

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route

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

Group = tuple[str, str]
"""Entries that are purged together: `("path", path)`, `("tag", tag)`, or `ALL`."""

ALL: Final[Group] = ("all", "")

OVERHEAD: Final = 1024
"""Bytes that an entry takes beside its contents, about."""

VALIDATABLE_TTL: Final = 3600.0
"""Seconds that an entry with a validator is stored after its end."""


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

    def __init__(self, route: "Route") -> None:
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
        bounds = request.range.bounds(self.complete_length) if request.range else None
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
