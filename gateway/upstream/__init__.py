"""How a service is reached: by name, through a transport, with failures that say what happened."""

from gateway.upstream.client import Context, Service, Upstream
from gateway.upstream.discovery import open_upstream
from gateway.upstream.errors import Failed, Nonsense, Refused, TimedOut, Unreachable, UpstreamError
from gateway.upstream.message import ClientLeft, Headers, Reply, Request, Transport
from gateway.upstream.mounted import LifespanFailed

__all__ = [
    "ClientLeft",
    "Context",
    "Failed",
    "Headers",
    "LifespanFailed",
    "Nonsense",
    "Refused",
    "Reply",
    "Request",
    "Service",
    "TimedOut",
    "Transport",
    "Unreachable",
    "Upstream",
    "UpstreamError",
    "open_upstream",
]
