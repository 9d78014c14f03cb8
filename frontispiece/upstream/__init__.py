"""Clients of services: transports, load balancing, resilience, and failures that say what happened.

Stability: stable.
"""

from typing import TYPE_CHECKING

from frontispiece.http.lifespan import LifespanFailed
from frontispiece.http.messages import ClientDisconnected, Headers, Reply, Request, Transport, field
from frontispiece.lazy import lazy
from frontispiece.upstream.call_context import (
    Authorization,
    CallContext,
    CallCount,
    CallRecord,
    Context,
    NotIdempotent,
    current_call_context,
    now,
)
from frontispiece.upstream.client import Service, Upstream, batch_path
from frontispiece.upstream.errors import (
    InvalidResponse,
    OverBudget,
    Overloaded,
    TimedOut,
    Unreachable,
    UpstreamClientError,
    UpstreamError,
    UpstreamServerError,
)
from frontispiece.upstream.factory import open_upstream

__all__ = [
    "Authorization",
    "CallContext",
    "CallCount",
    "CallRecord",
    "ClientDisconnected",
    "Context",
    "GrpcService",
    "GrpcStub",
    "Headers",
    "InvalidResponse",
    "LifespanFailed",
    "NotIdempotent",
    "OverBudget",
    "Overloaded",
    "Reply",
    "Request",
    "Service",
    "TimedOut",
    "Transport",
    "Unreachable",
    "Upstream",
    "UpstreamClientError",
    "UpstreamError",
    "UpstreamServerError",
    "batch_path",
    "current_call_context",
    "field",
    "now",
    "open_upstream",
]

if TYPE_CHECKING:
    from frontispiece.upstream.grpc import GrpcService, GrpcStub
else:
    __getattr__ = lazy(__name__, grpc="GrpcService GrpcStub")
