"""Limits and checks of request headers, whatever the route."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from frontispiece.http.headers import HOP_BY_HOP, end_to_end
from frontispiece.http.memo import Memo
from frontispiece.http.messages import IncomingRequest
from frontispiece.http.problems import Problem
from frontispiece.http.request_id import CORRELATION
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

    def check(self, request: IncomingRequest, fields: Mapping[bytes, bytes]) -> None:
        """Refuse a request that is too large, or whose Host or Authorization could be read in two ways.

        Raises:
            Problem: 400, 414 or 431: the request is refused.
        """
        headers = request.headers
        if len(request.target) > self.target:
            raise Problem(414, "uri-too-long", f"Path and query have at most {self.target} bytes.")
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
            if request.http_version == "1.1":  # others could route it elsewhere (RFC 9112, 3.2)
                raise Problem(400, "host-invalid", "The request has no Host.", headers=CLOSE)
        elif len(host) > MAX_HOST_BYTES or not _IS_HOST[host]:
            raise Problem(400, "host-invalid", "Host is no name of a host.", headers=CLOSE)


def _check_repeated(names: list[bytes]) -> None:
    """Two of one of these would be read differently by others, which take the first or the last."""
    if names.count(b"host") > 1:
        raise Problem(400, "host-invalid", "The request has more than one Host.", headers=CLOSE)
    if names.count(b"authorization") > 1:
        raise Problem(400, "bad-request", "The request has more than one Authorization.", headers=CLOSE)


_DROPPED: Final = Memo[bytes, bool](
    lambda name: name in HOP_BY_HOP | CORRELATION or name == b"proxy" or b"_" in name, MAX_NAMES
)
"""Whether a request header of this name goes no further than the gateway.

Hop-by-hop fields do not, and what identifies the request is written anew. Nor do names with underscores: CGI
and its heirs make `X_Forwarded_For` and `X-Forwarded-For` one variable, so they would bypass the rules for
the others. `Proxy` would become `HTTP_PROXY` there, which some take for a setting (CVE-2016-5385).
"""


def forwardable(headers: Headers, fields: Mapping[bytes, bytes]) -> Headers:
    """The headers that a call has, in order."""
    if len(fields) != len(headers) or fields.get(b"connection", b"close") not in PLAIN_CONNECTIONS:
        headers = end_to_end(headers)
    return [field for field in headers if not _DROPPED[field[0]]]
