"""The timeline of a page: where its time went.

Times are milliseconds since the run of the page began.
"""

from enum import StrEnum
from typing import Any, Final

from msgspec import Struct, field

MEDIA_TYPE = "application/vnd.frontispiece.timeline+json"
"""A client that accepts this, where `expose_timeline` is on, gets a `PageTrace` instead of the view."""


class TraceOutcome(StrEnum):
    """How a source, a batch or a call ended."""

    DONE = "done"
    FALLBACK = "fallback"
    FAILED = "failed"
    CANCELLED = "cancelled"


DONE: Final = TraceOutcome.DONE
"""`TraceOutcome.DONE`, looked up once: on Python 3.11 each access to a member is a call."""


class CallTrace(Struct, kw_only=True):
    """One call to a service; `answer` is its status, or the `UpstreamError.reason` why there was none."""

    upstream: str
    method: str
    target: str
    began: float
    ended: float
    answer: str


class BatchTrace(Struct, kw_only=True):
    """A dispatched batch of loads, and the calls that were made for it."""

    loader: str
    keys: int
    began: float
    ended: float
    outcome: TraceOutcome
    calls: list[CallTrace] = field(default_factory=list)


class SourceTrace(Struct, kw_only=True):
    """One source: it waited for its inputs until `began`, and ran from then until `ended`.

    Both are None for a source that never started. `cache` is the `CacheState` of its result, None without a
    cache; `batches` are the positions, in the timeline's list, of the batches that it waited for.
    """

    name: str
    optional: bool
    needs: list[str]
    began: float | None = None
    ended: float | None = None
    outcome: TraceOutcome = TraceOutcome.CANCELLED
    reason: str | None = None
    cache: str | None = None
    attempts: int = 1
    calls: list[CallTrace] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)


class Timeline(Struct, kw_only=True):
    """One run of a page; `total` and `deadline` are milliseconds."""

    page: str
    method: str
    status: int
    total: float
    deadline: float
    sources: list[SourceTrace]
    batches: list[BatchTrace]


class PageTrace(Struct, kw_only=True):
    """A page's timeline with its response: the view, or the problem."""

    timeline: Timeline
    view: Any = None
    problem: Any = None
