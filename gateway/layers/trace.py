"""Every call has a request id and a trace, which its services and its client are told."""

from gateway.call import Call, Handler, Layer
from gateway.upstream import Reply
from kit.trace import traceparent


def named() -> Layer:
    """Give the request id and the trace to the service, and the request id to the client."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            call.replace(b"x-request-id", call.request_id)
            call.replace(b"traceparent", traceparent(call.header(b"traceparent")))
            reply = await inner(call)
            reply.headers = [field for field in reply.headers if field[0] != b"x-request-id"]
            reply.headers.append((b"x-request-id", call.request_id))
            return reply

        return handle

    return layer
