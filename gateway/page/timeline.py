"""What happened while a page was made, for people who want to see where its time goes.

Times are milliseconds since the request for the page was taken.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct, field

MEDIA_TYPE = "application/vnd.frontispiece.timeline+json"
"""A client that accepts this, where it may, gets an `Explained` instead of the view."""


class Outcome(StrEnum):
    """How a source, a batch or a call ended."""

    DONE = "done"
    FALLBACK = "fallback"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CallSeen(Struct, kw_only=True):
    """One call to a service; `answer` is its status, or the reason why there was none."""

    upstream: str
    method: str
    target: str
    began: float
    ended: float
    answer: str


class BatchSeen(Struct, kw_only=True):
    """Loads that left together, and the calls that were made for them."""

    loader: str
    keys: int
    began: float
    ended: float
    outcome: Outcome
    calls: list[CallSeen] = field(default_factory=list)


class SourceSeen(Struct, kw_only=True):
    """One source: it waited for its inputs until `began`, and worked from then until `ended`.

    Both are None of a source that never began. `cache` is how its cache answered, None when it has none;
    `batches` are positions in the timeline's list of those batches that it waited for.
    """

    name: str
    optional: bool
    needs: list[str]
    began: float | None = None
    ended: float | None = None
    outcome: Outcome = Outcome.CANCELLED
    reason: str | None = None
    cache: str | None = None
    attempts: int = 1
    calls: list[CallSeen] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)


class Timeline(Struct, kw_only=True):
    """One run of a page; `total` and `deadline` are milliseconds."""

    page: str
    method: str
    status: int
    total: float
    deadline: float
    sources: list[SourceSeen]
    batches: list[BatchSeen]


class Explained(Struct, kw_only=True):
    """A page's timeline with what the client would have been told: its view, or its problem."""

    timeline: Timeline
    view: Any = None
    problem: Any = None
