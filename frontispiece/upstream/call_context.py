"""What the calls for one request have in common, and constraints on those of the running source."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Self

from msgspec import Struct

from frontispiece import clocks
from frontispiece.http.headers import IDEMPOTENT_METHODS
from frontispiece.http.messages import Headers
from frontispiece.upstream.errors import OverBudget, TimedOut, UpstreamError


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
        call.ended = perf_counter()


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
        recorded_calls: collects a record of each call; None without tracing.
    """

    repeatable = False
    """Whether the source may be run again, so that its calls must be idempotent."""

    def __init__(self, deadline: float, *, recorded_calls: list[CallRecord] | None = None) -> None:
        self.deadline = deadline
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


PROPAGATED_HEADERS = frozenset({b"x-request-id", b"traceparent", b"tracestate"})
"""Headers of an incoming request that go with every call made for it: none of them identifies its caller."""

Authorization = Callable[[str], bytes | None]
"""The `Authorization` header of calls to the service of this name; None for none."""

UNRECORDED = nullcontext()
"""Around a call without tracing."""


class Context(Struct, frozen=True, kw_only=True):
    """What all calls made for one incoming request have in common.

    Attributes:
        headers: of every call.
        deadline: in the event loop's time, seconds.
        authorization: makes the `Authorization` header for each service; None to send none.
        calls: counts them; None where nobody does.
    """

    headers: tuple[tuple[bytes, bytes], ...] = ()
    deadline: float
    authorization: Authorization | None = None
    calls: CallCount | None = None

    @classmethod
    def of(cls, headers: Headers, deadline: float, authorization: Authorization | None = None) -> Self:
        """The context of a request with these headers."""
        carried = tuple([field for field in headers if field[0] in PROPAGATED_HEADERS])
        return cls(headers=carried, deadline=deadline, authorization=authorization)

    def headers_to(self, service: str) -> tuple[tuple[bytes, bytes], ...]:
        """The headers of a call to the service of this name."""
        proof = None if self.authorization is None else self.authorization(service)
        return self.headers if proof is None else (*self.headers, (b"authorization", proof))

    def begin_call(self) -> float:
        """Count a call made here and now; the seconds left for it.

        Raises:
            TimedOut: the deadline has passed.
            OverBudget: there may be no further call.
        """
        within = current_call_context.get()
        until = self.deadline
        if within is not None and within.deadline < until:
            until = within.deadline
        remaining = until - now()
        if remaining <= 0:
            raise TimedOut("there was no time left to ask it")
        if self.calls is not None:
            self.calls.add()
        return remaining

    def record_call(
        self, upstream: str, method: str, target: str, *, answer: str
    ) -> AbstractContextManager[object]:
        """Record a call that no `Service` makes, such as one over gRPC, for the page's timeline.

        Args:
            upstream: the service's name.
            method: in the words of its protocol, such as `gRPC`.
            target: what it asks for.
            answer: its outcome when it succeeds; when it fails, that is the reason of the `UpstreamError`.
        """
        running = current_call_context.get()
        if running is None or running.recorded_calls is None:
            return UNRECORDED
        record = CallRecord(upstream, method, target, perf_counter())
        return record_call(running.recorded_calls, record, answer)
