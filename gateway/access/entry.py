"""What is noted of one request while it is answered, for its line in the access log."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Final, Self

from gateway.call import Call, Handler, Layer
from gateway.upstream import Reply, Request, Upstream, UpstreamError, field
from gateway.upstream.message import Headers
from gateway.upstream.state import State
from kit.problems import Problem
from kit.tokens import Identity

TRACE_ID: Final = slice(3, 35)
"""Where a `traceparent` has the trace's own name."""


@dataclass(slots=True)
class Entry:
    """One request, on its way."""

    status: int | None = None
    sent: int = 0
    request_id: bytes = b""
    cache: bytes | None = None
    route: str | None = None
    params: Mapping[str, Sequence[str]] | None = None
    peer: str | None = None
    trace: bytes | None = None
    identity: Identity | None = None
    problem: str | None = None
    upstream: float = 0.0
    calls: int = 0

    def answered(self, status: int, headers: Headers) -> None:
        """The head of its answer is on its way."""
        self.status = status
        self.request_id = field(headers, b"x-request-id") or b""
        self.cache = field(headers, b"cache-status")


current: ContextVar[Entry | None] = ContextVar("entry", default=None)
"""That of the request which is answered here; None where there is no log."""


def noted(route: str) -> Layer:
    """Note what becomes of a call on this route."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            entry = current.get()
            if entry is None:
                return await inner(call)
            entry.route, entry.params, entry.peer = route, call.params, call.peer
            try:
                return await inner(call)
            except Problem as problem:
                entry.problem = problem.kind
                raise
            except UpstreamError as failure:
                entry.problem = failure.problem("").kind
                raise
            finally:
                entry.identity = call.identity
                entry.trace = (call.header(b"traceparent") or b"")[TRACE_ID]

        return handle

    return layer


class Timed:
    """A transport whose calls are added up in the entry of the request that they are made for."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def __aenter__(self) -> Self:
        await self._upstream.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._upstream.__aexit__(*exc)

    def state(self) -> State:
        """How the upstream does."""
        return self._upstream.state()

    async def send(self, request: Request) -> Reply:
        """Send, and note how long it took until the answer's headers."""
        entry = current.get()
        if entry is None:
            return await self._upstream.send(request)
        begun = perf_counter()
        try:
            return await self._upstream.send(request)
        finally:
            entry.upstream += perf_counter() - begun
            entry.calls += 1
