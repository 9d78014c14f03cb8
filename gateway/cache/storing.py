"""Which answers are kept for others (RFC 9111, 3), and what of them."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from gateway.cache.directives import Directives, control_of, http_date, members, moment, without
from gateway.cache.entry import Entry, initial_age, told_lifetime
from gateway.cache.vary import ANYTHING, said_in, varies_by
from gateway.policies.cache import Cache
from gateway.upstream import Headers, field

CACHEABLE: Final = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})
"""Of these statuses an answer is kept though it does not say so (RFC 9110, 15.1)."""

UNDERSTOOD: Final = CACHEABLE | {302, 303, 307, 400, 401, 403, 406, 409, 422, 429, 451, 500, 502, 503, 504}
"""Whose meaning for caches is known here, as `must-understand` asks."""

NOT_WHOLE: Final = frozenset({HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED})

OF_ONE_TRANSFER: Final = frozenset(
    {
        b"age",
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"x-request-id",
    }
)
"""Fields that are not kept: of a connection or of a proxy (RFC 9111, 3.1), or of a single call."""

OF_THE_CONTENT: Final = frozenset(
    {b"content-encoding", b"content-length", b"content-range", b"content-type", b"date", b"age"}
)
"""Fields that an update of a kept answer does not bring (RFC 9111, 3.2), or brings in its own way."""

CREDENTIALS: Final = frozenset({b"authorization", b"cookie", b"x-internal-token"})
"""Fields by which services are told who calls, in words that are not those of the client."""

TAGS: Final = (b"cache-tag", b"surrogate-key")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A call as far as it matters to what may be kept of its answer.

    Args:
        headers: of the request.
        path: public, percent-encoded.
        credentialed: whether it came with credentials.
        no_store: whether nothing of it may be kept.
    """

    headers: Headers
    path: str
    credentialed: bool
    no_store: bool


def is_public(control: Directives) -> bool:
    """Whether an answer says that everybody may have it, also when credentials were shown (3.5).

    `must-revalidate` would be enough for the RFC, but it is said of many a private page by habit.
    """
    return "public" in control or "s-maxage" in control


def entry_of(
    asked: Asked, status: int, headers: Headers, policy: Cache, *, requested: float, received: float
) -> Entry | None:
    """What is kept of an answer, still without its body; None when nothing may be, or is of use."""
    control = control_of(headers)
    public = policy.public or is_public(control)
    if not _may_be_kept(asked, status, headers, control, public=public):
        return None
    told = told_lifetime(control, headers, received)
    unqualified = control.without_value("no-cache")
    silent = told is None and not unqualified and status in CACHEABLE
    lifetime = policy.ttl.total_seconds() if silent and policy.ttl else told or 0.0
    binding = unqualified or "must-revalidate" in control or "proxy-revalidate" in control
    may_be_stale = not binding and "s-maxage" not in control
    entry = Entry(
        status=status,
        headers=_kept(headers, control, received),
        vary=said_in(asked.headers, varies_by(headers)),
        path=asked.path,
        tags=tags_of(headers, policy),
        requested=requested,
        received=received,
        initial_age=initial_age(headers, requested, received),
        lifetime=lifetime,
        validates=unqualified,
        may_be_stale=may_be_stale,
        refreshing=0.0 if binding else _grace(control, "stale-while-revalidate", policy, may_be_stale),
        failing=0.0 if binding else _grace(control, "stale-if-error", policy, may_be_stale),
        public=public,
    )
    return entry if entry.useful_for(received) > 0 else None


def _may_be_kept(asked: Asked, status: int, headers: Headers, control: Directives, *, public: bool) -> bool:
    understands = "must-understand" in control
    if asked.no_store or status < HTTPStatus.OK or status in NOT_WHOLE:
        return False
    if understands and status not in UNDERSTOOD:
        return False
    if ("no-store" in control and not understands) or control.without_value("private"):
        return False
    varies = varies_by(headers)
    if asked.credentialed and (not public or varies & CREDENTIALS):
        return False
    if field(headers, b"set-cookie") is not None or ANYTHING in varies:
        return False
    told = any(name in control for name in ("public", "max-age", "s-maxage"))
    return told or field(headers, b"expires") is not None or status in CACHEABLE


def _grace(control: Directives, name: str, policy: Cache, may_be_stale: bool) -> float:  # noqa: FBT001 (private)
    """For how long it is used beyond its end: as the answer says, and else as the route does."""
    told = control.seconds(name)
    if told is not None:
        return told
    usual = policy.stale if name == "stale-while-revalidate" else policy.stale_if_error
    return usual.total_seconds() if usual and may_be_stale else 0.0


def _kept(headers: Headers, control: Directives, received: float) -> Headers:
    apart = OF_ONE_TRANSFER | control.fields("no-cache") | control.fields("private")
    apart |= {name.lower() for name in members(headers, b"connection")}
    kept = without(headers, apart)
    if moment(field(kept, b"date")) is None:
        kept = [*without(kept, (b"date",)), (b"date", http_date(received))]
    return kept


def tags_of(headers: Headers, policy: Cache) -> tuple[str, ...]:
    """By what an answer is purged: words that it says itself, and those of its route."""
    own = [word for name in TAGS for member in members(headers, name) for word in member.split()]
    return tuple(dict.fromkeys([*policy.tags, *(word.decode("latin-1") for word in own)]))


def updated(kept: Headers, news: Headers) -> Headers:
    """The headers of a kept answer after one that says that it still holds (RFC 9111, 3.2)."""
    brought = without(news, OF_ONE_TRANSFER | (OF_THE_CONTENT - {b"date"}))
    return [*without(kept, {name for name, _ in brought} | {b"date"}), *brought]
