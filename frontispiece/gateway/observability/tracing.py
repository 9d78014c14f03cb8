"""Every call has a request id and a trace: both are forwarded, and the client gets the request id."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.http.paths import Template
from frontispiece.http.problems import Problem
from frontispiece.http.request_id import traceparent
from frontispiece.telemetry import redaction
from frontispiece.upstream import Reply, UpstreamError
from frontispiece.upstream.outcome import when_released

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources
    from frontispiece.telemetry.spans import Tracing

TRACE_ID_ENDS = len("00-") + 32
"""Where the trace id ends in a `traceparent`."""

REQUEST_ID = b"x-request-id"
CORRELATION = frozenset({REQUEST_ID, b"traceparent"})
TRACING = CORRELATION | {b"tracestate"}


def spans_for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of a gateway that exports traces."""
    if resources.runtime.tracing:
        yield tracing_layer(resources.runtime.tracing, route.path, route.template)


def request_id_for_route(_route: "Route", _resources: "TableResources") -> Iterator[Layer]:
    """The layer that every route has."""
    yield request_id_layer()


def tracing_layer(tracing: "Tracing", route: str, template: Template) -> Layer:
    """A span for every call on this route, a child of the client's span if there is one."""
    from frontispiece.telemetry.spans import method_of  # noqa: PLC0415 (only where traces are exported)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            method = method_of(call.method)
            about = {"http.request.method": method, "http.route": route, "url.scheme": call.scheme}
            with tracing.serving(f"{method} {route}", call.headers, about) as span:
                if span.is_recording:
                    path = redaction.path(template.expand(call.params), redaction.personal(call.params))
                    name = call.request_id.decode("latin-1")
                    span.set_attributes({"url.path": path, "frontispiece.request.id": name})
                call.headers = span.inject(call.headers)
                try:
                    reply = await inner(call)
                except (Problem, UpstreamError) as failure:
                    problem = failure.problem("") if isinstance(failure, UpstreamError) else failure
                    span.set_status(problem.status)
                    raise
                span.set_status(reply.status)
                if span.is_recording and not isinstance(reply.body, bytes):
                    when_released(reply, span.outlast())
                return reply

        return handle

    return layer


def request_id_layer() -> Layer:
    """Sends the request id and the trace to the service, and the request id to the client."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            received = call.header(b"traceparent")
            following = traceparent(received)
            continues = received is not None and received[:TRACE_ID_ENDS] == following[:TRACE_ID_ENDS]
            replaced = CORRELATION if continues else TRACING  # a state belongs to the trace that it came with
            headers = [field for field in call.headers if field[0] not in replaced]
            headers += ((REQUEST_ID, call.request_id), (b"traceparent", following))
            call.headers = headers
            reply = await inner(call)
            if reply.header(REQUEST_ID) is not None:
                reply.headers = [field for field in reply.headers if field[0] != REQUEST_ID]
            reply.headers.append((REQUEST_ID, call.request_id))
            return reply

        return handle

    return layer
