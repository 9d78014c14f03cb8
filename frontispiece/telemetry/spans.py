"""The traces of an app: spans of the requests that it serves and of the messages that it handles."""

from random import getrandbits
from typing import Final, Self

from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, ParentBased
from opentelemetry.trace import SpanKind, TraceFlags

from frontispiece.http.asgi import App, Message, Receive, Scope, Send
from frontispiece.http.headers import joined
from frontispiece.http.messages import Headers, field
from frontispiece.http.request_id import UNSAMPLED, trace_of
from frontispiece.telemetry import export, redaction
from frontispiece.telemetry.sampling import RateLimited
from frontispiece.telemetry.span import (
    Attributes,
    Span,
    TracedApp,
    Unsampled,
    current,
    new_id,
)

CLIENT_ERROR: Final = 400
"""From this status on a response is an error of the call."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})


class Tracing:
    """The traces and logs of one app, exported from entering to leaving.

    Sampling and export are configured by OpenTelemetry's variables: `OTEL_TRACES_SAMPLER`,
    `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_BSP_MAX_QUEUE_SIZE` and so on.

    Args:
        named_by_environment: whether `OTEL_SERVICE_NAME` goes before it.
        per_second: how many traces are begun here a second; by default `OTEL_TRACES_SAMPLER` says it.

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
        resource = _resource(role, named_by_environment=named_by_environment)
        self._app = TracedApp(resource, self._export.take)
        self.limit = None if per_second is None else RateLimited(per_second)
        """What limits the traces that are begun here, and counts those that it leaves out."""
        configured = TracerProvider(resource=resource, shutdown_on_exit=False).sampler
        self._sampler = self.limit or configured
        self._follows = self.limit is not None or isinstance(configured, ParentBased)

    async def __aenter__(self) -> Self:
        """Begin; what this task and those that it starts log from now on is the app's."""
        self._export.join(self._app.resource)
        current.set(Unsampled(self._app, ""))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._export.leave()

    def follows_unsampled(self, headers: Headers) -> bool:
        """Whether a request with these headers is in an unsampled trace that this app follows.

        Then this task needs no `serving`: it has no spans from now on. The `traceparent` is valid.
        """
        received = field(headers, b"traceparent")
        if received is None or not (self._follows and received.endswith(UNSAMPLED)):
            return False
        current.set(Unsampled(self._app, received.decode()))
        return True

    def serving(self, name: str, headers: Headers, attributes: Attributes) -> Unsampled:
        """A span for a request with these headers (names in lower case), within its trace."""
        received = field(headers, b"traceparent")
        return self._started(name, received, joined(headers, b"tracestate"), SpanKind.SERVER, attributes)

    def consuming(self, name: str, traceparent: str | None, attributes: Attributes) -> Unsampled:
        """A span for the handling of a message, within the trace that it was published in."""
        received = traceparent.encode("latin-1", "replace") if traceparent else None
        return self._started(name, received, b"", SpanKind.CONSUMER, attributes)

    def _started(
        self, name: str, received: bytes | None, state: bytes, kind: SpanKind, attributes: Attributes
    ) -> Unsampled:
        followed = trace_of(received)
        trace, parent, flags = followed or (f"{getrandbits(128) or 1:032x}", None, "02")  # 2: of a random id
        bits = int(flags, 16)
        if followed and self._follows:
            is_sampled = bool(bits & TraceFlags.SAMPLED)
        else:
            sampled = self._sampler.should_sample(None, int(trace, 16), name, kind, attributes)
            is_sampled = sampled.decision is Decision.RECORD_AND_SAMPLE
        if not is_sampled:
            return Unsampled(self._app, f"00-{trace}-{parent or new_id()}-00")
        carried = state.decode("latin-1") if followed else ""
        return Span(self._app, name, kind, attributes, trace, f"{bits & 2 | 1:02x}", parent, carried)


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


def method_of(method: str) -> str:
    """A method as attributes have it: a known one, or `_OTHER`."""
    return method if method in METHODS else "_OTHER"


def _resource(role: str, *, named_by_environment: bool) -> Resource:
    configured = (
        OTELResourceDetector().detect().attributes.get("service.name") if named_by_environment else None
    )
    return Resource.create({"service.name": str(configured or role)})
