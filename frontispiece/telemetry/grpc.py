"""Spans of gRPC calls, of clients and servers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc

from frontispiece.telemetry.span import Headers, Unsampled, child_span, unsampled_traceparent
from frontispiece.telemetry.spans import Tracing

ABORTED: Final = grpc.StatusCode.UNKNOWN
"""The status of a call that failed without one."""


class TracingClientInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """A span for each call that is made for a traced request; the service gets it as the parent."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Call within a span."""
        span = child_span(*_about(client_call_details.method))
        if span is None:
            return await continuation(_unsampled(client_call_details), request)
        with span:
            fields = span.inject(_headers(client_call_details.metadata))
            call = await continuation(_with_headers(client_call_details, fields), request)
            try:
                _ended(span, await call.code())
            except asyncio.CancelledError:
                call.cancel()  # its caller awaits this method, and not the call
                raise
            return call


class TracingServerInterceptor(grpc.aio.ServerInterceptor):
    """A span for each incoming call."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """The method's handler, within its span."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            self._within(handler_call_details.method, handler.unary_unary),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _within(self, method: str, handle: Callable[[Any, Any], Awaitable[Any]]) -> Any:
        name, about = _about(method)

        async def serve(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            headers = _headers(context.invocation_metadata())
            with self._tracing.serving(name, headers, about) as span:
                try:
                    response = await handle(request, context)
                except grpc.aio.AbortError:
                    _ended(span, _code_of(context))
                    raise
                _ended(span, grpc.StatusCode.OK)
                return response

        return serve


def _about(method: str | bytes) -> tuple[str, dict[str, str]]:
    path = method.decode() if isinstance(method, bytes) else method
    service, _, name = path.strip("/").rpartition("/")
    return f"{service}/{name}", {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}


def _headers(metadata: Any) -> list[tuple[bytes, bytes]]:
    return [(str(k).encode(), v if isinstance(v, bytes) else str(v).encode()) for k, v in metadata or ()]


def _with_headers(details: Any, fields: Headers) -> Any:
    metadata = grpc.aio.Metadata(*((k.decode(), v.decode("latin-1")) for k, v in fields))
    return details._replace(metadata=metadata)  # noqa: SLF001 (a named tuple's own)


def _unsampled(details: Any) -> Any:
    """The call with the trace of an unsampled request, unless it has it already."""
    fields = _headers(details.metadata)
    if (parent := unsampled_traceparent()) is None or any(key == b"traceparent" for key, _ in fields):
        return details
    return _with_headers(details, [*fields, (b"traceparent", parent.encode())])


def _code_of(context: grpc.aio.ServicerContext[Any, Any]) -> grpc.StatusCode:
    code = context.code()
    return next((one for one in grpc.StatusCode if code in {one, one.value[0]}), ABORTED)


def _ended(span: Unsampled, code: grpc.StatusCode) -> None:
    span.set_grpc_status(code.value[0])
    if code is not grpc.StatusCode.OK:
        span.set_error(code.name)
