"""Every call has a request id and a trace, which its services and its client are told."""

from gateway.call import Call, Handler, Layer
from gateway.upstream import Reply
from kit.trace import traceparent

TRACE_ID_ENDS = len("00-") + 32
"""Where the trace's own name ends in a `traceparent`."""


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
