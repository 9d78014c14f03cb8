"""Every call has a request id and a trace, which its services and its client are told."""

from typing import TYPE_CHECKING

from gateway.call import Call, Handler, Layer
from gateway.path import Template
from gateway.upstream import Reply, UpstreamError
from gateway.upstream.outcome import when_released
from kit import redaction
from kit.problems import Problem
from kit.trace import traceparent

if TYPE_CHECKING:
    from kit.tracing.core import Tracing

TRACE_ID_ENDS = len("00-") + 32
"""Where the trace's own name ends in a `traceparent`."""


def traced(tracing: "Tracing", route: str, template: Template) -> Layer:
    """Have a span for every call on this route, within that of its client, if it tells of one."""
    from kit.tracing.core import method_of  # noqa: PLC0415 (only where traces are asked for)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            method = method_of(call.method)
            about = {
                "http.request.method": method,
                "http.route": route,
                "url.scheme": call.scheme,
            }
            with tracing.serving(f"{method} {route}", call.headers, about) as span:
                if span.is_told:
                    path = redaction.path(template.expand(call.params), redaction.personal(call.params))
                    name = call.request_id.decode("latin-1")
                    span.says({"url.path": path, "frontispiece.request.id": name})
                call.headers = span.told_in(call.headers)
                try:
                    reply = await inner(call)
                except (Problem, UpstreamError) as failure:
                    problem = failure.problem("") if isinstance(failure, UpstreamError) else failure
                    span.answered(problem.status)
                    raise
                span.answered(reply.status)
                if not isinstance(reply.body, bytes):
                    when_released(reply, span.outlast())
                return reply

        return handle

    return layer


def named() -> Layer:
    """Give the request id and the trace to the service, and the request id to the client."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            call.replace(b"x-request-id", call.request_id)
            given = call.header(b"traceparent")
            call.replace(b"traceparent", following := traceparent(given))
            if given is None or given[:TRACE_ID_ENDS] != following[:TRACE_ID_ENDS]:
                call.replace(b"tracestate", None)  # it belongs to a trace that is not carried on
            reply = await inner(call)
            reply.headers = [field for field in reply.headers if field[0] != b"x-request-id"]
            reply.headers.append((b"x-request-id", call.request_id))
            return reply

        return handle

    return layer
