"""Failures of an upstream.

    UpstreamError                                               status                  reason
    ├── Unreachable          no connection, or circuit open     503 and Retry-After     unavailable
    ├── Overloaded           its concurrency limit is reached   503 and Retry-After     overloaded
    ├── OverBudget           there may be no further call       503                     over-budget
    ├── TimedOut             no response in time                504                     timeout
    ├── UpstreamServerError  a 5xx status                       502                     failed
    │   └── ServiceUnavailable   its status was 503             503 and Retry-After     unavailable
    ├── InvalidResponse      no HTTP, no JSON, too long         502                     invalid-response
    │   └── IncompleteResponse   the connection was closed      502; of a read 503      invalid-response
    └── UpstreamClientError  a 4xx status                       the same, or 502        refused

`status` is that of the response to the client, `reason` stands in `Page-Degraded` and in metrics. An
`UpstreamClientError` is passed on when it concerns the client (`PASSED_ON`); any other is our own mistake.
"""

from collections.abc import Mapping
from math import ceil
from typing import ClassVar

from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.problems import Problem

PASSED_ON = frozenset({401, 403, 404, 409, 410, 412, 422, 428, 429})
"""Statuses from 400 to 499 that the client can act upon."""


class UpstreamError(Exception):
    """An upstream gave no usable response; the message continues the sentence "things: …"."""

    status: int
    kind: str
    reason: ClassVar[str]
    retry_after: float | str | None = None
    """Seconds until another try has a chance, for `Retry-After`."""

    def problem(self, upstream: str) -> Problem:
        """The problem that the client gets."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(max(1, ceil(float(self.retry_after))))
        return Problem(self.status, self.kind, f"{upstream}: {self}.", headers=headers)


class Unreachable(UpstreamError):
    """No connection could be made, or the circuit breaker is open: nothing was sent.

    Args:
        message: what happened.
        retry_after: seconds until another try has a chance.
    """

    status, kind, reason = 503, "upstream-unavailable", "unavailable"
    retry_after: float

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Overloaded(UpstreamError):
    """Its concurrency limit and the queue are full: nothing was sent."""

    status, kind, reason = 503, "upstream-overloaded", "overloaded"
    retry_after = 1.0


class OverBudget(UpstreamError):
    """The request has made as many calls as it may: nothing was sent."""

    status, kind, reason = 503, "budget-exceeded", "over-budget"


class TimedOut(UpstreamError):
    """There was no response in time."""

    status, kind, reason = 504, "upstream-timeout", "timeout"


class UpstreamServerError(UpstreamError):
    """The upstream responded with a 5xx status, or broke off its response."""

    status, kind, reason = 502, "upstream-failed", "failed"


class ServiceUnavailable(UpstreamServerError):
    """The upstream responded with 503: it, or what it needs, is away for now."""

    status, kind, reason = 503, Unreachable.kind, Unreachable.reason

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidResponse(UpstreamError):
    """The response is malformed HTTP, not the JSON that was agreed on, or too long."""

    status, kind, reason = 502, "upstream-invalid-response", "invalid-response"


class IncompleteResponse(InvalidResponse):
    """The connection was closed before the response was complete.

    Args:
        method: of the request: a read may be repeated, so its client is told to; anything else may have been
            carried out.
    """

    def __init__(self, message: str, method: str) -> None:
        super().__init__(message)
        if method in SAFE_METHODS:
            self.status, self.kind, self.retry_after = 503, Unreachable.kind, 1.0


class UpstreamClientError(UpstreamError):
    """The upstream responded with a status from 400 to 499, and perhaps a problem.

    Args:
        status: of the response.
        kind: the name of the problem, such as `out-of-stock`, or its type.
        type_uri: the problem's type as the upstream wrote it, instead of `kind`.
        title: the problem's title.
        detail: the problem's detail.
        members: the problem's further members, as values or, of a response in JSON, as they were written
            (`msgspec.Raw`).
        retry_after: the response's `Retry-After`.
        challenge: the response's `WWW-Authenticate`.
    """

    reason = "refused"
    retry_after: str | None

    def __init__(
        self,
        status: int,
        *,
        kind: str | None = None,
        type_uri: str | None = None,
        title: str | None = None,
        detail: str | None = None,
        members: Mapping[str, object] | None = None,
        retry_after: str | None = None,
        challenge: str | None = None,
    ) -> None:
        super().__init__(detail or f"it answered {status}")
        self.upstream_status = status
        self.type = kind or type_uri
        self.type_uri = type_uri
        self.title = title
        self.detail = detail
        self.members = members or {}
        self.retry_after = retry_after
        self.challenge = challenge

    def problem(self, upstream: str) -> Problem:
        """The upstream's own problem where it concerns the client; else a 502: the mistake is ours."""
        if self.upstream_status not in PASSED_ON:
            return UpstreamServerError(f"it answered {self.upstream_status}").problem(upstream)
        optional = {"Retry-After": self.retry_after, "WWW-Authenticate": self.challenge}
        headers = {name: value for name, value in optional.items() if value}
        kind = self.type or f"upstream-answered-{self.upstream_status}"
        problem = Problem(self.upstream_status, kind, self.detail, headers=headers)
        problem.type = self.type_uri or problem.type
        problem.title = self.title or problem.title
        problem.members |= self.members  # they may have any name, `headers` too
        return problem
