"""Constraints on upstream calls made by the running source: deadline and idempotency."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from frontispiece import clocks
from frontispiece.http.headers import IDEMPOTENT_METHODS
from frontispiece.upstream.errors import OverBudget, UpstreamError


class NotIdempotent(RuntimeError):
    """A source with `retry` or `hedge` sent a request that is not idempotent: a bug of the source."""


@dataclass(slots=True)
class CallRecord:
    """One call in a timeline; times are those of `perf_counter`."""

    upstream: str
    method: str
    target: str
    began: float
    ended: float | None = None
    answer: str | None = None


@contextmanager
def record_call(records: list[CallRecord], call: CallRecord, answer: str) -> Iterator[None]:
    """Record a call while it lasts; `answer` is its outcome when it succeeds without one of its own."""
    records.append(call)
    try:
        yield
        call.answer = call.answer or answer
    except UpstreamError as failure:
        call.answer = call.answer or failure.reason
        raise
    finally:
        call.ended = time.perf_counter()


@dataclass(slots=True)
class CallCount:
    """Counts the calls for one incoming request: `limit` at most, or any number; `refused` were too many."""

    limit: int | None = None
    total: int = 0
    refused: int = 0

    def add(self) -> None:
        """Count a call that is about to be made.

        Raises:
            OverBudget: it is one too many.
        """
        if self.total == self.limit:
            self.refused += 1
            raise OverBudget(f"it was not asked, for the {self.limit} calls that this may take were made")
        self.total += 1


class CallContext:
    """The constraints of the running source, set in its own context.

    Args:
        deadline: in the event loop's time, seconds.
        repeatable: whether the source may be run again, so that its calls must be idempotent.
        recorded_calls: collects a record of each call; None without tracing.
    """

    __slots__ = ("deadline", "recorded_calls", "repeatable")

    def __init__(
        self, deadline: float, *, repeatable: bool = False, recorded_calls: list[CallRecord] | None = None
    ) -> None:
        self.deadline = deadline
        self.repeatable = repeatable
        self.recorded_calls = recorded_calls

    def check(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Refuse a call that is not idempotent, of a source that is `repeatable`.

        Raises:
            NotIdempotent: its method is not idempotent, and it has no `Idempotency-Key` to make it so.
        """
        if method in IDEMPOTENT_METHODS:
            return
        if not any(name == b"idempotency-key" for name, _ in headers):
            raise NotIdempotent(f"{method} is not idempotent: a source with retry or hedge must not send it")


current_call_context: ContextVar[CallContext | None] = ContextVar("current_call_context", default=None)
"""The context of the running source; None outside of pages."""


now = clocks.monotonic
"""The event loop's time in seconds, without asking for the loop: asyncio's and uvloop's are this clock."""
