"""Spans of the requests that an app serves, and of the calls that it makes for them."""

from collections.abc import Callable, Mapping, Sequence
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
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.trace import Span as OpenTelemetrySpan
from opentelemetry.trace import (
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from frontispiece.http.asgi import App, Message, Receive, Scope, Send
from frontispiece.telemetry import export, redaction
from frontispiece.telemetry.sampling import RateLimited

Headers = Sequence[tuple[bytes, bytes]]
Attributes = Mapping[str, str | int]

CLIENT_ERROR: Final = 400
"""From this status on a response is an error of the call."""

FAILED: Final = 500
"""From this status on a response is an error of the server."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})

PROPAGATED: Final = (b"traceparent", b"tracestate")

_TRACER: Final = create_key("frontispiece-tracer")
_W3C: Final = TraceContextTextMapPropagator()


class Tracing:
    """The traces and logs of one app, exported from entering to leaving.

    Sampling and export are configured by OpenTelemetry's variables: `OTEL_TRACES_SAMPLER`,
    `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_MAX_QUEUE_SIZE` and so on.

    Args:
        role: the app's name, `service.name` to collectors.
        named_by_environment: whether `OTEL_SERVICE_NAME` goes before it.
        per_second: how many traces are begun here a second; by default `OTEL_TRACES_SAMPLER` says it.
        sending: the export; by default that which the environment configures.

    Raises:
        ConfigError: the variables ask for an unsupported exporter or protocol.
    """

    def __init__(
        self,
        role: str,
        *,
        named_by_environment: bool = True,
        per_second: int | None = None,
        sending: export.Export | None = None,
    ) -> None:
        self._export = sending or export.of_environment()
        self._resource = _resource(role, named_by_environment=named_by_environment)
        self.limit = None if per_second is None else RateLimited(per_second)
        """What limits the traces that are begun here, and counts those that it leaves out."""
        self._provider = TracerProvider(
            sampler=self.limit and ParentBased(self.limit), resource=self._resource, shutdown_on_exit=False
        )
        self._tracer = self._provider.get_tracer("frontispiece")
        self._follows = isinstance(self._provider.sampler, ParentBased)
        self._context = Context()

    async def __aenter__(self) -> Self:
        """Begin; what this task and those that it starts log from now on is the app's."""
        self._context = self._export.join(self._provider, self._resource)
        attach(self._context)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._export.leave()

    def serving(self, name: str, headers: Headers, attributes: Attributes) -> "Span":
        """A span for a request with these headers (names in lower case), within its trace."""
        carried = {key.decode(): value.decode("latin-1") for key, value in headers if key in PROPAGATED}
        parent = _W3C.extract(carried, context=self._context) if carried else self._context
        return self._started(name, parent, SpanKind.SERVER, attributes)

    def consuming(self, name: str, traceparent: str | None, attributes: Attributes) -> "Span":
        """A span for the handling of a message, within the trace that it was published in."""
        carried = {"traceparent": traceparent} if traceparent else {}
        parent = _W3C.extract(carried, context=self._context)
        return self._started(name, parent, SpanKind.CONSUMER, attributes)

    def _started(self, name: str, parent: Context, kind: SpanKind, attributes: Attributes) -> "Span":
        caller = get_current_span(parent)
        if self._follows and _is_unsampled(caller):
            return Span(caller, parent)
        span = self._tracer.start_span(name, context=parent, kind=kind, attributes=attributes)
        context = set_span_in_context(span, self._context)
        return Span(span, set_value(_TRACER, self._tracer, context) if span.is_recording() else context)


def within(name: str, attributes: Attributes, kind: SpanKind = SpanKind.CLIENT) -> "Span | None":
    """A span within that of the request that is served here; None when the request is not sampled."""
    context = get_current()
    tracer = cast("Tracer | None", get_value(_TRACER, context))
    if tracer is None:
        return None
    span = tracer.start_span(name, context=context, kind=kind, attributes=attributes)
    return Span(span, set_span_in_context(span, context))


def unsampled() -> str | None:
    """The `traceparent` for calls of the request that is served here; None when it is sampled, or none is."""
    span = get_current_span()
    return _traceparent(span.get_span_context()) if _is_unsampled(span) else None


class Span:
    """A started span. `with` makes it the parent of others, and ends it."""

    __slots__ = ("_context", "_has_status", "_outlasts", "_span", "_token")

    def __init__(self, span: OpenTelemetrySpan, context: Context) -> None:
        self._span = span
        self._context = context
        self._outlasts = False
        self._has_status = False

    def __enter__(self) -> Self:
        self._token = attach(self._context)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, failure: BaseException | None, _trace: TracebackType | None
    ) -> None:
        detach(self._token)
        if failure is not None and not self._has_status:
            self.set_error(getattr(failure, "reason", None) or type(failure).__name__)
        if not self._outlasts:
            self._span.end()

    @property
    def is_recording(self) -> bool:
        """Whether it is sampled."""
        return self._span.is_recording()

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._span.set_attributes(attributes)

    def rename(self, name: str, attributes: Attributes) -> None:
        """Set the name, and add attributes."""
        self._span.update_name(name)
        self._span.set_attributes(attributes)

    def set_grpc_status(self, code: int) -> None:
        """Set the status of a gRPC call."""
        self._has_status = True
        self._span.set_attribute("rpc.grpc.status_code", code)

    def set_status(self, status: int, *, fails_from: int = FAILED) -> None:
        """Set the HTTP status, which from `fails_from` on is an error."""
        self._has_status = True
        self._span.set_attribute("http.response.status_code", status)
        if status >= fails_from:
            self.set_error(str(status))

    def set_error(self, error: str) -> None:
        """Mark it as an error of this type, one of few."""
        self._span.set_attribute("error.type", error)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """End it, where no `with` does."""
        self._span.end()

    def outlast(self) -> Callable[[], None]:
        """Keep it open after its block; returns the function that ends it."""
        self._outlasts = True
        return self._span.end

    @property
    def traceparent(self) -> str:
        """Its place in the trace, as W3C trace context writes it."""
        return _traceparent(self._span.get_span_context())

    def inject(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The headers with a `traceparent` for this span."""
        fields = [field for field in headers if field[0] not in PROPAGATED]
        fields.append((b"traceparent", self.traceparent.encode()))
        about = self._span.get_span_context()
        if about.trace_state:
            fields.append((b"tracestate", about.trace_state.to_header().encode("latin-1")))
        return fields


class TracingMiddleware:
    """A span for each request to a FastAPI app, except those to its health endpoints."""

    def __init__(self, app: App, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app."""
        if scope["type"] != "http" or scope["path"].startswith("/health/"):
            await self._app(scope, receive, send)
            return
        method = method_of(scope["method"])
        attributes = {"http.request.method": method, "url.scheme": scope["scheme"]}
        with self._tracing.serving(method, scope["headers"], attributes) as span:
            if not span.is_recording:
                await self._app(scope, receive, send)
                return

            async def send_traced(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_status(message["status"])
                await send(message)

            try:
                await self._app(scope, receive, send_traced)
            finally:
                route = getattr(scope.get("route"), "path", None)
                if route is not None:
                    raw = scope.get("raw_path", b"").decode("latin-1")
                    path = redaction.path(raw, redaction.personal(scope.get("path_params", {})))
                    span.rename(f"{method} {route}", {"http.route": route, "url.path": path})


def _is_unsampled(span: OpenTelemetrySpan) -> bool:
    about = span.get_span_context()
    return about.is_valid and not about.trace_flags.sampled


def _traceparent(about: SpanContext) -> str:
    return f"00-{about.trace_id:032x}-{about.span_id:016x}-{about.trace_flags:02x}"


def method_of(method: str) -> str:
    """A method as attributes have it: a known one, or `_OTHER`."""
    return method if method in METHODS else "_OTHER"


def _resource(role: str, *, named_by_environment: bool) -> Resource:
    configured = (
        OTELResourceDetector().detect().attributes.get("service.name") if named_by_environment else None
    )
    return Resource.create({"service.name": str(configured or role)})
