"""Errors as clients see them: RFC 9457 problem details.

Code below the edge raises a `Problem`; the edge of the gateway, of a BFF or of a service writes it down.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:frontispiece:problem:"


class Problem(Exception):
    """A failure that its caller is told about.

    Args:
        status: the HTTP status code.
        kind: a stable name in kebab case, such as `out-of-stock`; `type` and `title` come from it.
            A `kind` that is a URI already (another service's problem, passed on) is kept as it is.
        detail: one sentence about this very occurrence.
        headers: response headers that belong to the failure, such as `Retry-After`.
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
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    @property
    def type(self) -> str:
        """The problem's `type`: a URI that never changes once clients know it."""
        return self.kind if ":" in self.kind else TYPE_PREFIX + self.kind

    @property
    def title(self) -> str:
        """The kind in words, the same for every occurrence."""
        words = self.kind.rsplit(":", 1)[-1].replace("-", " ")
        return words[:1].upper() + words[1:]

    def body(self, request_id: str | None = None) -> bytes:
        """The JSON object that RFC 9457 describes, naming the request so that logs can be found by it."""
        document: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status}
        if self.detail:
            document["detail"] = self.detail
        document |= self.members
        if request_id:
            document["request_id"] = request_id
        return msgspec.json.encode(document)


def internal(request_id: str | None) -> Problem:
    """What is said of a bug of ours: that it happened, and nothing of the inside."""
    known_as = f" It is logged under request {request_id}." if request_id else ""
    return Problem(500, "internal-error", f"Something went wrong on our side.{known_as}")
