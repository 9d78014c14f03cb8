"""How a service is reached: by name, through a transport, with failures that say what happened."""

from gateway.upstream.bounds import Bounds, Noted, NotIdempotent, current_bounds, now
from gateway.upstream.client import Authorization, Context, Service, Upstream
from gateway.upstream.discovery import open_upstream
from gateway.upstream.errors import (
    Failed,
    Nonsense,
    Overloaded,
    Refused,
    TimedOut,
    Unreachable,
    UpstreamError,
)
from gateway.upstream.message import ClientLeft, Headers, Reply, Request, Transport, field
from gateway.upstream.mounted import LifespanFailed

__all__ = [
    "Authorization",
    "Bounds",
    "ClientLeft",
    "Context",
    "Failed",
    "Headers",
    "LifespanFailed",
    "Nonsense",
    "NotIdempotent",
    "Noted",
    "Overloaded",
    "Refused",
    "Reply",
    "Request",
    "Service",
    "TimedOut",
    "Transport",
    "Unreachable",
    "Upstream",
    "UpstreamError",
    "current_bounds",
    "field",
    "now",
    "open_upstream",
]
