"""Clients of services: transports, load balancing, resilience, and failures that say what happened.

Stability: stable.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from frontispiece.http.messages import ClientDisconnected, Headers, Reply, Request, Transport, field
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
from frontispiece.upstream.transports.asgi import LifespanFailed

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

    def __getattr__(name: str) -> Any:
        """What needs the extra `grpc` is imported when it is first used."""
        if name not in {"GrpcService", "GrpcStub"}:
            raise AttributeError(name)
        return getattr(import_module("frontispiece.upstream.grpc"), name)
