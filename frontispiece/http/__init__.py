"""Messages, header rules, cookies, problem details and content negotiation of HTTP.

Stability: stable.

`new_client`, which needs httpx, is imported when it is first used.
"""

from typing import TYPE_CHECKING

from frontispiece.http.client_version import ClientVersion, Version
from frontispiece.http.cookies import DuplicateCookie, cookies, single_cookie
from frontispiece.http.event_source import ServerSentEvent, read_events
from frontispiece.http.loopback import is_loopback, is_loopback_host
from frontispiece.http.messages import (
    BodyTooLarge,
    ClientDisconnected,
    Headers,
    IncomingRequest,
    Reply,
    Request,
    Transport,
    field,
)
from frontispiece.http.problems import TYPE_PREFIX, Problem
from frontispiece.lazy import lazy

__all__ = [
    "TYPE_PREFIX",
    "BodyTooLarge",
    "ClientDisconnected",
    "ClientVersion",
    "DuplicateCookie",
    "Headers",
    "IncomingRequest",
    "Problem",
    "Reply",
    "Request",
    "ServerSentEvent",
    "Transport",
    "Version",
    "cookies",
    "field",
    "is_loopback",
    "is_loopback_host",
    "new_client",
    "read_events",
    "single_cookie",
]

if TYPE_CHECKING:
    from frontispiece.http.client import new_client
else:
    __getattr__ = lazy(__name__, client="new_client")
