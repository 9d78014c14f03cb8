"""The spans of sampled requests and calls, and the place of running code in a trace.

A `Span` records; the thread that exports it converts it into OpenTelemetry's own. A request that is not
sampled has an `Unsampled` in its place, which costs a look at the flags of its `traceparent`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass
from random import getrandbits
from time import time_ns
from types import TracebackType
from typing import ClassVar, Final, Self

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from frontispiece.http.request_id import trace_of

Headers = Sequence[tuple[bytes, bytes]]
Attributes = Mapping[str, str | int]

FAILED: Final = 500
"""From this status on a response is an error of the server."""

PROPAGATED: Final = frozenset({b"traceparent", b"tracestate"})

SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)

_SCOPE: Final = InstrumentationScope("frontispiece")
_NO_STATE: Final = TraceState()
_OK: Final = Status()
_ERROR: Final = Status(StatusCode.ERROR)


@dataclass(frozen=True, slots=True)
class TracedApp:
    """An app whose requests and calls have spans."""

    resource: Resource
    take: "Callable[[Span], None]"


class Unsampled:
    """The place of code whose request is not sampled, or which serves none and has no `traceparent`.

    `with` makes it the current place. It records nothing.
    """

    __slots__ = ("_token", "app", "traceparent")

    is_recording = False
    """Whether it is sampled."""

    _token: "Token[Unsampled | None]"

    def __init__(self, app: TracedApp, traceparent: str) -> None:
        self.app = app
        self.traceparent = traceparent

    def __enter__(self) -> Self:
        self._token = current.set(self)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _failure: BaseException | None, _trace: TracebackType | None
    ) -> None:
        current.reset(self._token)

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes."""

    def rename(self, name: str, attributes: Attributes) -> None:
        """Set the name, and add attributes."""

    def set_grpc_status(self, code: int) -> None:
        """Set the status of a gRPC call."""

    def set_status(self, status: int, *, fails_from: int = FAILED) -> None:
        """Set the HTTP status, which from `fails_from` on is an error."""

    def set_error(self, error: str) -> None:
        """Mark it as an error of this type, one of few."""

    def end(self) -> None:
        """End it, where no `with` does."""

    def outlast(self) -> Callable[[], None]:
        """Keep it open after its block; returns the function that ends it."""
        return self.end

    def inject(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The headers with a `traceparent` for this place."""
        fields = [field for field in headers if field[0] not in PROPAGATED]
        fields.append((b"traceparent", self.traceparent.encode()))
        return fields


current: Final[ContextVar[Unsampled | None]] = ContextVar("current", default=None)
"""The place in which the running code is."""


class Span(Unsampled):
    """A started span. `with` makes it the parent of others, and ends it.

    Args:
        flags: the trace's, in hex.
        parent: the parent's id; None for the first span of a trace.
    """

    __slots__ = (
        *("_attributes", "_ended", "_has_status", "_is_error", "_kind", "_name", "_outlasts", "_parent"),
        *("_started", "flags", "id", "state", "trace"),
    )

    is_recording = True
    context: ClassVar = SpanContext(1, 1, is_remote=False, trace_flags=SAMPLED)
    """Tells OpenTelemetry's queue that a span is sampled; `readable` has the span's own."""

    def __init__(
        self,
        app: TracedApp,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        trace: str,
        flags: str,
        parent: str | None,
        state: str,
    ) -> None:
        self.app = app
        self.trace = trace
        self.flags = flags
        self.id = span_id = new_id()
        self.traceparent = f"00-{trace}-{span_id}-{flags}"
        self.state = state
        self._name = name
        self._kind = kind
        self._attributes = dict(attributes)
        self._parent = parent
        self._outlasts = self._has_status = self._is_error = False
        self._ended = 0
        self._started = time_ns()

    def __exit__(
        self, _kind: type[BaseException] | None, failure: BaseException | None, _trace: TracebackType | None
    ) -> None:
        current.reset(self._token)
        if failure is not None and not self._has_status:
            reason = getattr(failure, "reason", None)  # of libraries' exceptions it may be another one
            self.set_error(reason if isinstance(reason, str) else type(failure).__name__)
        if not self._outlasts:
            self.end()

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._attributes.update(attributes)

    def rename(self, name: str, attributes: Attributes) -> None:
        """Set the name, and add attributes."""
        self._name = name
        self._attributes.update(attributes)

    def set_grpc_status(self, code: int) -> None:
        """Set the status of a gRPC call."""
        self._has_status = True
        self._attributes["rpc.grpc.status_code"] = code

    def set_status(self, status: int, *, fails_from: int = FAILED) -> None:
        """Set the HTTP status, which from `fails_from` on is an error."""
        self._has_status = True
        self._attributes["http.response.status_code"] = status
        if status >= fails_from:
            self.set_error(str(status))

    def set_error(self, error: str) -> None:
        """Mark it as an error of this type, one of few."""
        self._attributes["error.type"] = error
        self._is_error = True

    def end(self) -> None:
        """End it, where no `with` does; the first end counts."""
        if not self._ended:
            self._ended = time_ns()
            self.app.take(self)

    def outlast(self) -> Callable[[], None]:
        """Keep it open after its block; returns the function that ends it."""
        self._outlasts = True
        return self.end

    def inject(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The headers with a `traceparent` for this span."""
        fields = super().inject(headers)
        if self.state:
            fields.append((b"tracestate", self.state.encode("latin-1")))
        return fields

    def readable(self) -> ReadableSpan:
        """The span as OpenTelemetry's exporters take it."""
        state = TraceState.from_header([self.state]) if self.state else _NO_STATE
        flags = TraceFlags(int(self.flags, 16))
        about = SpanContext(int(self.trace, 16), int(self.id, 16), False, flags, state)
        parent = None
        if self._parent is not None:
            parent = SpanContext(about.trace_id, int(self._parent, 16), True, flags, state)
        return ReadableSpan(
            self._name,
            about,
            parent,
            self.app.resource,
            self._attributes,
            kind=self._kind,
            status=_ERROR if self._is_error else _OK,
            start_time=self._started,
            end_time=self._ended,
            instrumentation_scope=_SCOPE,
        )


def child_span(name: str, attributes: Attributes, kind: SpanKind = SpanKind.CLIENT) -> "Span | None":
    """A child of the current span; None when the request that is served here is not sampled."""
    place = current.get()
    if not isinstance(place, Span):
        return None
    return Span(place.app, name, kind, attributes, place.trace, place.flags, place.id, place.state)


def unsampled_traceparent() -> str | None:
    """The `traceparent` for calls of the request that is served here; None when it is sampled, or none is."""
    place = current.get()
    return None if place is None or place.is_recording else place.traceparent or None


def app_and_context() -> tuple[TracedApp | None, Context]:
    """The app whose code runs here, and OpenTelemetry's context of its place in a trace: for what it logs."""
    place = current.get()
    if place is None:
        return None, Context()
    followed = trace_of(place.traceparent.encode())
    if followed is None:
        return place.app, Context()
    trace, parent, flags = followed
    about = SpanContext(int(trace, 16), int(parent, 16), False, TraceFlags(int(flags, 16)))
    return place.app, set_span_in_context(NonRecordingSpan(about), Context())


def new_id() -> str:
    """The id of a new span."""
    return f"{getrandbits(64) or 1:016x}"
