"""A transport whose requests are observed: by traces, metrics and the access log."""

from collections.abc import Callable

from msgspec.structs import replace

from frontispiece.http.messages import Reply, Request, Transport, field
from frontispiece.upstream.outcome import when_released
from frontispiece.upstream.stats import TransportWrapper

End = Callable[[Reply | BaseException], None]
"""Called once: with the reply when its headers have come, or with the failure."""

Start = Callable[[Request], tuple[Request, End] | None]
"""Called with a request; returns the request to send instead and its `End`, or None not to observe it."""


class ObservedTransport(TransportWrapper):
    """Calls `start` for every request, and what that returns at its end."""

    def __init__(self, inner: Transport, start: Start) -> None:
        super().__init__(inner)
        self._start = start

    async def send(self, request: Request) -> Reply:
        """Send, observed."""
        observed = self._start(request)
        if observed is None:
            return await self.inner.send(request)
        request, end = observed
        try:
            reply = await self.inner.send(request)
        except BaseException as error:
            end(error)
            raise
        end(reply)
        return reply


def traced(name: str, inner: Transport) -> ObservedTransport:
    """The transport with a span for each request of a traced one, until its reply is released."""
    # Imported here: nothing of OpenTelemetry is loaded without traces.
    from frontispiece.telemetry.span import child_span, unsampled_traceparent  # noqa: PLC0415
    from frontispiece.telemetry.spans import CLIENT_ERROR, method_of  # noqa: PLC0415

    def start(request: Request) -> tuple[Request, End] | None:
        method = method_of(request.method)
        span = child_span(method, {"http.request.method": method, "server.address": name})
        if span is None:
            parent = unsampled_traceparent()
            if parent is None or field(request.headers, b"traceparent") is not None:
                return None
            return replace(
                request, headers=[*request.headers, (b"traceparent", parent.encode())], lines=None
            ), _ignore

        def end(ended: Reply | BaseException) -> None:
            if isinstance(ended, BaseException):
                span.__exit__(type(ended), ended, None)
                return
            span.set_status(ended.status, fails_from=CLIENT_ERROR)
            if not isinstance(ended.body, bytes):
                when_released(ended, span.outlast())
            span.__exit__(None, None, None)

        span.__enter__()
        return replace(request, headers=span.inject(request.headers), lines=None), end

    return ObservedTransport(inner, start)


def _ignore(_ended: Reply | BaseException) -> None:
    """The end of a request that has no span."""
