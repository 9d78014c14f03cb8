"""The spans of pages and of their sources: imported only where traces are exported."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from opentelemetry.trace import SpanKind

from frontispiece.http.problems import Problem
from frontispiece.pages.api import ApiEndpoint
from frontispiece.pages.endpoint import Endpoint
from frontispiece.pages.request import PageRequest
from frontispiece.telemetry.span import child_span
from frontispiece.telemetry.spans import Tracing
from frontispiece.upstream import Reply
from frontispiece.upstream.outcome import when_released

Call = Callable[..., Coroutine[Any, Any, Any]]


class TracedEndpoint(Endpoint):
    """Serves one page with a span for each request, and one for each source that it runs."""

    def __init__(self, tracing: Tracing, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._tracing = tracing
        for source in self.compiled.sources:
            source.call = _with_span(source.name, source.call)

    async def reply(self, request: PageRequest, body: bytes | AsyncIterator[bytes]) -> Reply:
        """The page's response."""
        return await _serve(self._tracing, self.plan.page.path, request, super().reply(request, body))


def trace_api(tracing: Tracing, api: ApiEndpoint) -> None:
    """Have an API begin a span for each request, and one for each source that it runs."""
    reply = api.reply

    async def traced(request: PageRequest, body: bytes | AsyncIterator[bytes]) -> Reply:
        return await _serve(tracing, api.path, request, reply(request, body))

    api.reply = traced  # type: ignore[method-assign]
    for page in api.pages:
        for source in page.sources:
            source.call = _with_span(source.name, source.call)


async def _serve(
    tracing: Tracing, path: str, request: PageRequest, work: Coroutine[Any, Any, Reply]
) -> Reply:
    about = {
        "http.request.method": request.method,
        "http.route": path,
        "url.scheme": "http",
        "frontispiece.page": path,
    }
    with tracing.serving(f"{request.method} {path}", request.headers, about) as span:
        try:
            reply = await work
        except Problem as problem:
            span.set_status(problem.status)
            raise
        span.set_status(reply.status)
        if degraded := reply.header(b"page-degraded"):
            span.set_attributes({"frontispiece.page.degraded": degraded.decode("latin-1")})
        if span.is_recording and not isinstance(reply.body, bytes):
            when_released(reply, span.outlast())
        return reply


def _with_span(name: str, call: Call) -> Call:
    async def traced(*arguments: Any) -> Any:
        span = child_span(f"source {name}", {"frontispiece.source": name}, SpanKind.INTERNAL)
        if span is None:
            return await call(*arguments)
        with span:
            return await call(*arguments)

    return traced
