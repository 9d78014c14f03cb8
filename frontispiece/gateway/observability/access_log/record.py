"""The record of one request, filled while it is served, for its line in the access log."""

from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.observability.clients import Client
from frontispiece.http.messages import Headers
from frontispiece.http.problems import Problem
from frontispiece.security import Identity
from frontispiece.upstream import Reply, Request, UpstreamError, field
from frontispiece.upstream.observed import End

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

TRACE_ID: Final = slice(3, 35)
"""Where a `traceparent` has the trace's own name."""


@dataclass(slots=True)
class AccessRecord:
    """What the access log says of one request."""

    status: int | None = None
    sent: int = 0
    request_id: bytes = b""
    cache: bytes | None = None
    route: str | None = None
    params: Mapping[str, Sequence[str]] | None = None
    client_ip: str | None = None
    client: Client | None = None
    trace: bytes | None = None
    identity: Identity | None = None
    problem: str | None = None
    upstream: float = 0.0
    calls: int = 0

    def begin_response(self, status: int, headers: Headers) -> None:
        """Record the head of the response."""
        self.status = status
        self.request_id = field(headers, b"x-request-id") or b""
        self.cache = field(headers, b"cache-status")


current: ContextVar[AccessRecord | None] = ContextVar("record", default=None)
"""The record of the request that is being served; None without an access log."""


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of a gateway that has an access log."""
    if resources.runtime.access_log:
        yield access_log_layer(route.name)


def access_log_layer(route: str) -> Layer:
    """Records the route, the caller and the problem of a call."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            record = current.get()
            if record is None:
                return await inner(call)
            record.route, record.params, record.client_ip = route, call.params, call.client_ip
            record.client = call.client
            try:
                return await inner(call)
            except Problem as problem:
                record.problem = problem.kind
                raise
            except UpstreamError as failure:
                record.problem = failure.problem("").kind
                raise
            finally:
                record.identity = call.identity
                record.trace = (call.header(b"traceparent") or b"")[TRACE_ID]

        return handle

    return layer


def timed(request: Request) -> tuple[Request, End] | None:
    """Adds the time until an upstream's headers to the record of the request that it is called for."""
    record = current.get()
    if record is None:
        return None
    began = perf_counter()

    def end(_ended: Reply | BaseException) -> None:
        record.upstream += perf_counter() - began
        record.calls += 1

    return request, end
