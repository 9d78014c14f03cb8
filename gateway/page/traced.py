"""The spans of pages and of their sources: made only where traces are asked for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from opentelemetry.trace import SpanKind

from gateway.page.endpoint import Endpoint
from gateway.page.inbound import Inbound
from gateway.upstream import Reply
from gateway.upstream.outcome import when_released
from kit.problems import Problem
from kit.tracing.core import Tracing, within

Work = Callable[..., Awaitable[Any]]


class TracedEndpoint(Endpoint):
    """Answers requests for one page, each with a span, and one for each source that works for it."""

    tracing: Tracing

    def watched_by(self, tracing: Tracing) -> "TracedEndpoint":
        """Have it told by this; returns itself."""
        self.tracing = tracing
        for worker in self.program.workers:
            worker.work = _within(worker.name, worker.work)
        return self

    async def reply(self, inbound: Inbound, body: bytes | AsyncIterator[bytes]) -> Reply:
        """The page's answer."""
        page = self.plan.page
        about = {"http.request.method": page.method, "http.route": page.path, "url.scheme": "http"}
        with self.tracing.serving(f"{page.method} {page.path}", inbound.headers, about) as span:
            try:
                reply = await super().reply(inbound, body)
            except Problem as problem:
                span.answered(problem.status)
                raise
            span.answered(reply.status)
            if not isinstance(reply.body, bytes):
                when_released(reply, span.outlast())
            return reply


def _within(name: str, work: Work) -> Work:
    async def worked(**arguments: Any) -> Any:
        span = within(f"source {name}", {"frontispiece.source": name}, SpanKind.INTERNAL)
        if span is None:
            return await work(**arguments)
        with span:
            return await work(**arguments)

    return worked
