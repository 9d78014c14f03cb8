"""Limits and checks of request headers, whatever the route."""

import re
from dataclasses import dataclass
from itertools import chain
from typing import Final

from frontispiece.gateway.dropped_headers import is_dropped
from frontispiece.http.headers import end_to_end
from frontispiece.http.memo import Memo
from frontispiece.http.messages import HeaderSection, IncomingRequest
from frontispiece.http.problems import Problem
from frontispiece.http.request_id import TRACEPARENT, TRACESTATE, is_traceparent
from frontispiece.upstream import Headers

CLOSE: Final = {"Connection": "close"}
"""Nothing else is read from this connection: a body could still come."""

CLOSING: Final = (b"connection", b"close")
"""Announces that the connection takes no further request."""

PLAIN_CONNECTIONS: Final = frozenset({b"keep-alive", b"close"})
"""Values of `Connection` that name no other field."""

MAX_NAMES: Final = 4096
"""Names of header fields, or values of Host, whose treatment is cached."""

MAX_HOST_BYTES: Final = 300
"""The longest name of a host has 253, and a port 5 more."""

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_IS_HOST: Final = Memo[bytes, bool](lambda value: _HOST.fullmatch(value) is not None, MAX_NAMES)


@dataclass(frozen=True, kw_only=True, slots=True)
class HeaderLimits:
    """Limits of the size of request headers.

    Args:
        fields: header fields.
        size: bytes of all names and values together.
        target: bytes of path and query together.
    """

    fields: int = 100
    size: int = 32 * 1024
    target: int = 16 * 1024

    def checked(self, request: IncomingRequest, headers: HeaderSection) -> Headers:
        """The headers that a call has, in order.

        Raises:
            Problem: 400, 414 or 431: it is too large, or its Host or Authorization could be read in two ways.
        """
        if len(request.target) > self.target:
            raise Problem(414, "uri-too-long", f"Path and query have at most {self.target} bytes.")
        if headers.forwardable is None:
            self._check(headers, request.http_version)
            headers.forwardable = _forwardable(headers)
        return headers.forwardable.copy()

    def _check(self, headers: HeaderSection, http_version: str) -> None:
        fields = headers.by_name
        if len(headers) > self.fields:
            detail = f"A request has at most {self.fields} header fields."
            raise Problem(431, "too-many-headers", detail, headers=CLOSE)
        if len(b"".join(chain.from_iterable(headers))) > self.size:
            detail = f"The header fields of a request have at most {self.size} bytes."
            raise Problem(431, "headers-too-large", detail, headers=CLOSE)
        if len(fields) != len(headers):
            _check_repeated([name for name, _ in headers])
        host = fields.get(b"host")
        if host is None:
            if http_version == "1.1":  # others could route it elsewhere (RFC 9112, 3.2)
                raise Problem(400, "host-invalid", "The request has no Host.", headers=CLOSE)
        elif len(host) > MAX_HOST_BYTES or not _IS_HOST[host]:
            raise Problem(400, "host-invalid", "Host is no name of a host.", headers=CLOSE)


def _check_repeated(names: list[bytes]) -> None:
    """Two of one of these would be read differently by others, which take the first or the last."""
    if names.count(b"host") > 1:
        raise Problem(400, "host-invalid", "The request has more than one Host.", headers=CLOSE)
    if names.count(b"authorization") > 1:
        raise Problem(400, "bad-request", "The request has more than one Authorization.", headers=CLOSE)


_DROPPED: Final = Memo(is_dropped, MAX_NAMES)


def _forwardable(headers: HeaderSection) -> Headers:
    fields = headers.by_name
    passed: Headers = headers
    if len(fields) != len(headers) or fields.get(b"connection", b"close") not in PLAIN_CONNECTIONS:
        passed = end_to_end(headers)
    if TRACESTATE in fields and not is_traceparent(fields.get(TRACEPARENT)):
        passed = [field for field in passed if field[0] != TRACESTATE]  # of no trace
    return [field for field in passed if not _DROPPED[field[0]]]
