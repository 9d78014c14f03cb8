"""The state of one source in one run of a page, and records of batches: what a timeline is made of.

Times are those of `perf_counter`.
"""

from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from frontispiece.aio.inline_task import InlineTask
from frontispiece.pages.timeline import TraceOutcome
from frontispiece.upstream import CallContext, CallRecord, current_call_context

if TYPE_CHECKING:
    from frontispiece.pages.compiled import CompiledSource


class BatchRecord(Struct, eq=False):
    """A batch of loads, which has its number of keys and begins once it is dispatched."""

    loader: str
    keys: int = 0
    began: float = 0.0
    ended: float | None = None
    outcome: TraceOutcome = TraceOutcome.CANCELLED
    calls: list[CallRecord] = []


class SourceRun(InlineTask[Any], CallContext):
    """A source from the moment its inputs exist, and the `CallContext` of its calls.

    It becomes a task when the page's run starts it; one whose result is cached, or that is skipped, never is.
    """

    ended: float | None = None
    outcome = TraceOutcome.CANCELLED
    reason: str | None = None
    cache: str | None = None
    attempts = 1
    expired = False
    stopped = False
    """Whether it was cancelled, by its timeout or with its page: once, so that it can clean up."""
    key: bytes | None = None
    """Of its result in its cache; None without a cache."""
    waits = False
    """Whether it has begun, waited and not ended."""
    batches: Sequence[BatchRecord] = ()
    """Those that it waited for."""
    response_headers: Mapping[bytes, bytes] = {}
    """What it has added to the page's response."""

    def __init__(self, source: "CompiledSource", deadline: float, calls: list[CallRecord] | None) -> None:
        self.source = source
        self.deadline = deadline
        self.repeatable = source.repeatable
        self.recorded_calls = calls
        self.began = perf_counter()

    def record_batches(self, batches: Iterable[BatchRecord]) -> None:
        """Note that it waits for these batches."""
        self.batches = [*dict.fromkeys([*self.batches, *batches])]

    def stop(self) -> None:
        """Cancel the source, unless it was cancelled before."""
        if self.waits and not self.stopped:
            self.stopped = self.cancel()

    def expire(self) -> None:
        """Cancel the source: its timeout has passed."""
        if not self.stopped:
            self.stop()
            self.expired = self.stopped


def mark_degraded(reason: str) -> None:
    """Report that the result of the running source is incomplete, so that its page is degraded.

    Args:
        reason: an `UpstreamError.reason`, or `outdated`.
    """
    running = current_call_context.get()
    if isinstance(running, SourceRun):
        running.reason = reason


def set_response_header(name: bytes, value: bytes) -> None:
    """Set a header of the page's response from the running source, which has no cache.

    Args:
        name: in lower case, and none that a page sets itself.
        value: as it is sent.
    """
    running = current_call_context.get()
    if isinstance(running, SourceRun):
        running.response_headers = {**running.response_headers, name: value}
