"""What the head of a request may be like, whatever route it is for."""

import re
from dataclasses import dataclass
from itertools import chain
from typing import Final

from gateway.upstream import Headers
from kit.asgi import Scope
from kit.problems import Problem

CLOSE: Final = {"Connection": "close"}
"""Nothing else is read from whoever sends such a request: a body could still come."""

CLOSING: Final = (b"connection", b"close")
"""Tells a client that its connection takes no further request."""

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadLimits:
    """How long a request's head may be.

    Args:
        fields: header fields.
        size: bytes of all names and values together.
        target: bytes of path and query together.
    """

    fields: int = 100
    size: int = 32 * 1024
    target: int = 16 * 1024

    def fields_of(self, scope: Scope) -> Headers:
        """The fields of a request, without those that could pass for others.

        CGI and its heirs make `X_Forwarded_For` and `X-Forwarded-For` one variable: names with underscores
        would come past everything that is known of the others.

        Raises:
            Problem: 400, 414 or 431: it is not taken.
        """
        headers: Headers = scope["headers"]
        if len(scope["raw_path"]) + len(scope["query_string"]) > self.target:
            raise Problem(414, "uri-too-long", f"Path and query have at most {self.target} bytes.")
        if len(headers) > self.fields:
            detail = f"A request has at most {self.fields} header fields."
            raise Problem(431, "too-many-headers", detail, headers=CLOSE)
        if len(b"".join(chain.from_iterable(headers))) > self.size:
            detail = f"The header fields of a request have at most {self.size} bytes."
            raise Problem(431, "headers-too-large", detail, headers=CLOSE)
        names = [name for name, _ in headers]
        if names.count(b"host") != 1:
            _check_no_host(scope, names)
        elif _HOST.fullmatch(headers[names.index(b"host")][1]) is None:
            raise Problem(400, "host-invalid", "Host is no name of a host.", headers=CLOSE)
        if b"_" in b"".join(names):
            return [field for field in headers if b"_" not in field[0]]
        return headers


def _check_no_host(scope: Scope, names: list[bytes]) -> None:
    """Whoever names two hosts, or none, could mean another than is understood (RFC 9112, 3.2)."""
    several = b"host" in names
    if several or scope["http_version"] == "1.1":
        said = "more than one Host" if several else "no Host"
        raise Problem(400, "host-invalid", f"The request has {said}.", headers=CLOSE)
