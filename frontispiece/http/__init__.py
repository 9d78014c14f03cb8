"""Messages, header rules, cookies, problem details and content negotiation of HTTP.

Stability: stable.
"""

from frontispiece.http.client_version import ClientVersion, Version
from frontispiece.http.cookies import DuplicateCookie, cookies, single_cookie
from frontispiece.http.loopback import is_loopback
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
    "Transport",
    "Version",
    "cookies",
    "field",
    "is_loopback",
    "single_cookie",
]
