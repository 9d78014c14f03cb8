"""Messages, header rules, cookies, problem details and content negotiation of HTTP.

Stability: stable.

`new_client`, which needs httpx, is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

    def __getattr__(name: str) -> Any:
        if name != "new_client":
            raise AttributeError(name)
        return import_module("frontispiece.http.client").new_client
