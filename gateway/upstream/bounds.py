"""What the calls made in one place of the program must keep: until when, and whether they may be repeated."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from gateway.upstream.errors import UpstreamError

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that mean the same however often they are sent (RFC 9110, 9.2.2)."""


class NotIdempotent(RuntimeError):
    """A source that may be run again made a call that must not be: a bug of the source."""


@dataclass(slots=True)
class Noted:
    """One call, for somebody who looks on; the times are those of `perf_counter`."""

    upstream: str
    method: str
    target: str
    began: float
    ended: float | None = None
    answer: str | None = None


@contextmanager
def noting(noted: list[Noted], call: Noted, answer: str) -> Iterator[None]:
    """Note a call while it lasts; without an answer of its own it has this one, or its failure's reason."""
    noted.append(call)
    try:
        yield
        call.answer = call.answer or answer
    except UpstreamError as failure:
        call.answer = call.answer or failure.reason
        raise
    finally:
        call.ended = time.perf_counter()


class Bounds:
    """Set while a source works, in its own context.

    Args:
        deadline: in the event loop's time, seconds.
        repeatable: whether what works here may be run twice, so that its calls must be idempotent.
        noted: where calls are noted, None when nobody looks on.
    """

    __slots__ = ("deadline", "noted", "repeatable")

    def __init__(
        self, deadline: float, *, repeatable: bool = False, noted: list[Noted] | None = None
    ) -> None:
        self.deadline = deadline
        self.repeatable = repeatable
        self.noted = noted

    def check(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Refuse a call that must not be repeated where it might be.

        Raises:
            NotIdempotent: its method is not idempotent, and it has no `Idempotency-Key` to make it so.
        """
        if not self.repeatable or method in IDEMPOTENT:
            return
        if not any(name == b"idempotency-key" for name, _ in headers):
            raise NotIdempotent(f"{method} is not idempotent: a source with retry or hedge must not send it")


current_bounds: ContextVar[Bounds | None] = ContextVar("current_bounds", default=None)
"""The bounds of the source that is working; None outside of pages."""


now = time.monotonic
"""The event loop's time in seconds, without asking for the loop: asyncio's and uvloop's are this clock."""
