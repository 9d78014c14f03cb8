"""Spans: those of requests that a role serves, and within them those of what it does for them."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from types import TracebackType
from typing import Final, Self, cast

from opentelemetry.context import (
    Context,
    attach,
    create_key,
    detach,
    get_current,
    get_value,
    set_value,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Span as OpenTelemetrySpan
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from kit.faults import Faulty

Headers = Sequence[tuple[bytes, bytes]]
Attributes = Mapping[str, str | int]

ENDS_WITHIN: Final = 3.0
"""Seconds that the last spans have to be sent when a role stops."""

FAILED: Final = 500
"""From this status on an answer is an error of whoever gives it."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})

PROPAGATED: Final = (b"traceparent", b"tracestate")

_TRACER: Final = create_key("frontispiece-tracer")
_W3C: Final = TraceContextTextMapPropagator()
_EXPORTERS: Final[Mapping[str, Callable[[], SpanExporter]]] = {
    "otlp": OTLPSpanExporter,
    "console": ConsoleSpanExporter,
}


class Tracing:
    """Tells the traces of one role, from entering to leaving.

    Sampling and export are set up by OpenTelemetry's variables: `OTEL_TRACES_SAMPLER`,
    `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_MAX_QUEUE_SIZE` and so on.

    Args:
        role: its name, `service.name` to collectors.
        named_by_environment: whether the environment may name it otherwise.
        exporters: make what spans are sent by; by default what the environment asks for.

    Raises:
        Faulty: the variables ask for what there is not.
    """

    def __init__(
        self,
        role: str,
        *,
        named_by_environment: bool = True,
        exporters: Sequence[Callable[[], SpanExporter]] | None = None,
    ) -> None:
        self._exporters = _exporters() if exporters is None else exporters
        self._provider = TracerProvider(
            resource=_resource(role, named_by_environment=named_by_environment), shutdown_on_exit=False
        )
        self._tracer = self._provider.get_tracer("frontispiece")

    async def __aenter__(self) -> Self:
        for exporter in self._exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter()))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Send what has not been sent; a collector that does not answer is not waited for."""
        sending = Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, ENDS_WITHIN)

    def serving(self, name: str, headers: Headers, attributes: Attributes) -> "Span":
        """A span of a request with these headers (names in lower case), within the trace that they tell."""
        given = {key.decode(): value.decode("latin-1") for key, value in headers if key in PROPAGATED}
        parent = _W3C.extract(given, context=Context()) if given else Context()
        span = self._tracer.start_span(name, context=parent, kind=SpanKind.SERVER, attributes=attributes)
        return Span(span, set_value(_TRACER, self._tracer, set_span_in_context(span, Context())))


def within(name: str, attributes: Attributes, kind: SpanKind = SpanKind.CLIENT) -> "Span | None":
    """A span of something that is done for the request that is served here; None where none is traced."""
    context = get_current()
    tracer = cast("Tracer | None", get_value(_TRACER, context))
    if tracer is None:
        return None
    span = tracer.start_span(name, context=context, kind=kind, attributes=attributes)
    return Span(span, set_span_in_context(span, context))


class Span:
    """A span that has begun. `with` makes it the one that others are within, and ends it."""

    __slots__ = ("_answered", "_context", "_outlasts", "_span", "_token")

    def __init__(self, span: OpenTelemetrySpan, context: Context) -> None:
        self._span = span
        self._context = context
        self._outlasts = False
        self._answered = False

    def __enter__(self) -> Self:
        self._token = attach(self._context)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, failure: BaseException | None, _trace: TracebackType | None
    ) -> None:
        detach(self._token)
        if failure is not None and not self._answered:
            self.failed(getattr(failure, "reason", None) or type(failure).__name__)
        if not self._outlasts:
            self._span.end()

    @property
    def is_told(self) -> bool:
        """Whether anybody will read what it says: not, when it is not sampled."""
        return self._span.is_recording()

    def says(self, attributes: Attributes) -> None:
        """What it says besides."""
        self._span.set_attributes(attributes)

    def name(self, name: str, attributes: Attributes) -> None:
        """What it is called, and what it says, once that is known."""
        self._span.update_name(name)
        self._span.set_attributes(attributes)

    def ended_with(self, code: int) -> None:
        """The call, over gRPC, has this status."""
        self._answered = True
        self._span.set_attribute("rpc.grpc.status_code", code)

    def answered(self, status: int, *, fails_from: int = FAILED) -> None:
        """The answer has this status, which from some on is an error of this side."""
        self._answered = True
        self._span.set_attribute("http.response.status_code", status)
        if status >= fails_from:
            self.failed(str(status))

    def failed(self, error: str) -> None:
        """It is an error of this kind, one of few."""
        self._span.set_attribute("error.type", error)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """It is over, where no `with` ends it."""
        self._span.end()

    def outlast(self) -> Callable[[], None]:
        """Let it go on when its block ends; returns what ends it."""
        self._outlasts = True
        return self._span.end

    def told_in(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The headers, with this span as the parent of whatever is made of them."""
        kept = [field for field in headers if field[0] not in PROPAGATED]
        about = self._span.get_span_context()
        parent = b"00-%032x-%016x-%02x" % (about.trace_id, about.span_id, about.trace_flags)
        kept.append((b"traceparent", parent))
        if about.trace_state:
            kept.append((b"tracestate", about.trace_state.to_header().encode("latin-1")))
        return kept


def method_of(method: str) -> str:
    """A method as attributes have it: one of those there are."""
    return method if method in METHODS else "_OTHER"


def _exporters() -> list[Callable[[], SpanExporter]]:
    asked = [name.strip() for name in os.environ.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    faults = [
        f"OTEL_TRACES_EXPORTER: there is no {name!r}: write otlp, console or none"
        for name in asked
        if name not in _EXPORTERS
    ]
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    )
    if protocol != "http/protobuf":
        faults.append(f"OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf is spoken, not {protocol!r}")
    if faults:
        raise Faulty(faults)
    return [_EXPORTERS[name] for name in asked or ["otlp"]]


def _resource(role: str, *, named_by_environment: bool) -> Resource:
    given = OTELResourceDetector().detect().attributes.get("service.name") if named_by_environment else None
    return Resource.create({"service.name": str(given or role)})
