"""An answer that is kept, how old it is, and for how long it may be used."""

from typing import Final

import msgspec

from gateway.cache.directives import Directives, moment
from gateway.upstream import Headers, field

OVERHEAD: Final = 1024
"""Bytes that an entry takes beside its contents, about."""

KEPT_TO_VALIDATE: Final = 3600.0
"""Seconds that an answer is kept in the second level after its end, when it can be validated."""


class Entry(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """A whole answer.

    Args:
        status: of the answer.
        headers: without those that are about one transfer only, and without its age.
        body: all of it.
        vary: what the request said in the fields on which the answer depends.
        path: of the request; all entries of one are invalidated together.
        tags: by which it is purged.
        requested: when it was asked for, in seconds.
        received: when it came.
        initial_age: how old it was then.
        lifetime: for how long it is fresh, counted from its making.
        validates: whether it is never used unless its service says that it still holds.
        may_be_stale: whether a client, or the route, may decide that it is used when it is no longer fresh.
        refreshing: for how long it is used afterwards while a newer one is fetched.
        failing: for how long it is used afterwards when no newer one can be had.
        public: whether it is also for those whose calls carry credentials.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    vary: tuple[tuple[bytes, bytes], ...] = ()
    path: str
    tags: tuple[str, ...] = ()
    requested: float
    received: float
    initial_age: float
    lifetime: float
    validates: bool = False
    may_be_stale: bool = True
    refreshing: float = 0.0
    failing: float = 0.0
    public: bool = False

    def age(self, now: float) -> float:
        """Seconds since it was made (RFC 9111, 4.2.3)."""
        return self.initial_age + max(0.0, now - self.received)

    def left(self, now: float) -> float:
        """For how long it is still fresh; below zero it is stale for so long."""
        return self.lifetime - self.age(now)

    @property
    def etag(self) -> bytes | None:
        """Its entity tag."""
        return field(self.headers, b"etag")

    @property
    def last_modified(self) -> bytes | None:
        """When it was changed last, as it says."""
        return field(self.headers, b"last-modified")

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        heads = sum(len(name) + len(value) + 100 for name, value in self.headers)
        return OVERHEAD + len(self.body) + heads

    def useful_for(self, now: float) -> float:
        """Seconds after which it can be forgotten."""
        more = max(self.refreshing, self.failing)
        if self.etag or self.last_modified:
            more = max(more, KEPT_TO_VALIDATE)
        return self.left(now) + more


def initial_age(headers: Headers, requested: float, received: float) -> float:
    """How old an answer is when it comes: what it says, or how long ago its date is (RFC 9111, 4.2.3)."""
    date = moment(field(headers, b"date"))
    apparent = 0.0 if date is None else max(0.0, received - date)
    told = (field(headers, b"age") or b"").partition(b",")[0].strip()
    age = min(int(told[:20]), 2**31) if told.isdigit() else 0
    return max(apparent, age + max(0.0, received - requested))


def told_lifetime(control: Directives, headers: Headers, received: float) -> float | None:
    """For how long an answer says that it is fresh for a shared cache; None when it does not say."""
    for name in ("s-maxage", "max-age"):
        if (seconds := control.seconds(name)) is not None:
            return seconds
    expires = field(headers, b"expires")
    if expires is None:
        return None
    until, date = moment(expires), moment(field(headers, b"date"))
    if until is None:  # "0" and other nonsense: it is over (RFC 9111, 5.3)
        return 0.0
    return max(0.0, until - (received if date is None else date))
