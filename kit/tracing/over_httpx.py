"""The spans of calls that httpx makes."""

import httpx

from kit.tracing.core import method_of, within

REFUSED = 400
"""From this status on an answer is an error of the call."""


class TracedTransport(httpx.AsyncHTTPTransport):
    """Has a span for each call that is made for a traced request, and tells the service of it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make the call."""
        method = method_of(request.method)
        span = within(method, {"http.request.method": method, "server.address": request.url.host})
        if span is None:
            return await super().handle_async_request(request)
        with span:
            request.headers = httpx.Headers(span.told_in(request.headers.raw))
            response = await super().handle_async_request(request)
            span.answered(response.status_code, fails_from=REFUSED)
            return response
