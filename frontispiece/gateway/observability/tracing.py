"""Every call has a request id and a trace, which services get; spans, where traces are exported."""

from collections.abc import Awaitable, Iterator, Mapping
from typing import TYPE_CHECKING

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.http.paths import Template
from frontispiece.http.problems import Problem
from frontispiece.http.request_id import REQUEST_ID, TRACEPARENT, is_traceparent, new_traceparent
from frontispiece.telemetry import redaction
from frontispiece.upstream import Reply, UpstreamError
from frontispiece.upstream.outcome import when_released

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources
    from frontispiece.telemetry.spans import Tracing


def correlate(call: Call, received: bytes | None, tracing: "Tracing | None") -> None:
    """Give a call its request id and the trace that it came with, or a new one.

    A trace goes on as it came: a span of a gateway that exports none would be a parent that is missing.
    """
    call.headers.append((REQUEST_ID, call.request_id))
    if is_traceparent(received):
        call.headers.append((TRACEPARENT, received))
        return
    if tracing is None:
        call.headers.append((TRACEPARENT, new_traceparent()))


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of a gateway that exports traces."""
    if resources.runtime.tracing:
        yield tracing_layer(resources.runtime.tracing, route.path, route.template)


def tracing_layer(tracing: "Tracing", route: str, template: Template) -> Layer:
    """A span for every call on this route, a child of the client's span if there is one."""
    from frontispiece.telemetry.spans import method_of  # noqa: PLC0415 (only where traces are exported)

    described: dict[tuple[str, str], tuple[str, Mapping[str, str]]] = {}

    def layer(inner: Handler) -> Handler:
        async def traced(call: Call) -> Reply:
            key = method, scheme = method_of(call.method), call.scheme
            if (known := described.get(key)) is None:
                about = {"http.request.method": method, "http.route": route, "url.scheme": scheme}
                known = described[key] = f"{method} {route}", about
            with tracing.serving(known[0], call.headers, known[1]) as span:
                call.headers = span.inject(call.headers)
                if not span.is_recording:
                    return await inner(call)
                path = redaction.path(template.expand(call.params), redaction.personal(call.params))
                name = call.request_id.decode("latin-1")
                span.set_attributes({"url.path": path, "frontispiece.request.id": name})
                try:
                    reply = await inner(call)
                except (Problem, UpstreamError) as failure:
                    problem = failure.problem("") if isinstance(failure, UpstreamError) else failure
                    span.set_status(problem.status)
                    raise
                span.set_status(reply.status)
                if not isinstance(reply.body, bytes):
                    when_released(reply, span.outlast())
                return reply

        def handle(call: Call) -> Awaitable[Reply]:
            return inner(call) if tracing.follows_unsampled(call.headers) else traced(call)

        return handle

    return layer
