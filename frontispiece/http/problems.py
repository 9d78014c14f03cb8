"""Problem details (RFC 9457).

Code below the edge raises a `Problem`; the edge of the gateway, of a BFF or of a service serializes it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:frontispiece:problem:"
"""What the `type` of a problem begins with, before its kind."""

_SEPARATORS: Final = re.compile("[:/#]")

UNAUTHORIZED: Final = 401
CHALLENGE: Final = "WWW-Authenticate"


class Problem(Exception):
    """A failure with a response for the client.

    Args:
        status: the HTTP status code.
        kind: a stable name in kebab case, such as `out-of-stock`; `type` and `title` come from it.
            A `kind` that is a URI already stays as it is.
        detail: one sentence about this occurrence.
        headers: response headers that belong to the failure, such as `Retry-After`. A 401 without a challenge
            gets `WWW-Authenticate: Bearer`: RFC 9110 (15.5.2) wants one on each.
        members: further members of the JSON object, for programs.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail or kind)
        self.status = status
        self.kind = kind
        self.type = kind if ":" in kind else TYPE_PREFIX + kind
        """A URI reference that never changes once clients know it."""
        words = _SEPARATORS.split(kind.rstrip("/"))[-1].replace("-", " ")
        self.title = words[:1].upper() + words[1:]
        """The kind in words, the same for every occurrence."""
        self.detail = detail
        self.headers = dict(headers or {})
        if status == UNAUTHORIZED and CHALLENGE.lower() not in {name.lower() for name in self.headers}:
            self.headers[CHALLENGE] = "Bearer"
        self.members = members

    def body(self, request_id: str | None = None) -> bytes:
        """The JSON object of RFC 9457, with the request id for finding its logs."""
        document: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status}
        if self.detail:
            document["detail"] = self.detail
        document |= self.members
        if request_id:
            document["request_id"] = request_id
        return msgspec.json.encode(document)


def internal(request_id: str | None) -> Problem:
    """The problem of a bug of ours: nothing of the inside is disclosed."""
    known_as = f" It is logged under request {request_id}." if request_id else ""
    return Problem(500, "internal-error", f"Something went wrong on our side.{known_as}")
