"""Calls of an upstream, each with a span: made only where traces are asked for."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Self

from gateway.upstream.gauge import Gauge, gauges_of
from gateway.upstream.message import Reply, Request, Transport
from gateway.upstream.outcome import when_released
from gateway.upstream.state import State, state_of
from kit.tracing.core import method_of, within

REFUSED: Final = 400
"""From this status on an answer is an error of the call."""


class Traced:
    """A transport whose calls for traced requests have spans; the service is told which is its parent."""

    def __init__(self, name: str, inner: Transport) -> None:
        self._name = name
        self._inner = inner

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._inner.__aexit__(*exc)

    def gauges(self) -> Iterator[Gauge]:
        """What is within tells."""
        return gauges_of(self._inner)

    def state(self) -> State:
        """The same."""
        return state_of(self._inner)

    async def send(self, request: Request) -> Reply:
        """Send, and have the span last until the answer is released."""
        method = method_of(request.method)
        span = within(method, {"http.request.method": method, "server.address": self._name})
        if span is None:
            return await self._inner.send(request)
        with span:
            reply = await self._inner.send(replace(request, headers=span.told_in(request.headers)))
            span.answered(reply.status, fails_from=REFUSED)
            if not isinstance(reply.body, bytes):
                when_released(reply, span.outlast())
            return reply
