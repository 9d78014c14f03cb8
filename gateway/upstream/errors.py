"""What can go wrong with an upstream.

    UpstreamError                          the client is told      a degraded page says
    ├── Unreachable  no connection         503 and Retry-After     unavailable
    ├── Overloaded   too many calls at it  503 and Retry-After     overloaded
    ├── TimedOut     no answer in time     504                     timeout
    ├── Failed       it answered 5xx       502                     failed
    ├── Nonsense     no HTTP, no JSON …    502                     nonsense
    └── Refused      it answered 4xx       as it said, or 502      refused

A `Refused` is passed on when it concerns the client (`PASSED_ON`); any other 4xx means that we asked wrongly.
"""

from math import ceil
from typing import ClassVar

from kit.problems import Problem

PASSED_ON = frozenset({401, 403, 404, 409, 410, 412, 422, 428, 429})
"""Refusals that the client can do something about."""


class UpstreamError(Exception):
    """An upstream gave no usable answer; the message continues the sentence "catalog: …"."""

    status: ClassVar[int]
    kind: ClassVar[str]
    reason: ClassVar[str]

    def problem(self, upstream: str) -> Problem:
        """What the client is told."""
        return Problem(self.status, self.kind, f"{upstream}: {self}.")


class Unreachable(UpstreamError):
    """No connection could be made, or none was tried: nothing was sent.

    Args:
        said: what happened.
        retry_after: seconds until another try has a chance.
    """

    status, kind, reason = 503, "upstream-unavailable", "unavailable"

    def __init__(self, said: str, *, retry_after: float = 1.0) -> None:
        super().__init__(said)
        self.retry_after = retry_after

    def problem(self, upstream: str) -> Problem:
        """What the client is told, and when to try again."""
        headers = {"Retry-After": str(max(1, ceil(self.retry_after)))}
        return Problem(self.status, self.kind, f"{upstream}: {self}.", headers=headers)


class Overloaded(UpstreamError):
    """It has as many calls as it may have, and as many wait: nothing was sent."""

    status, kind, reason = 503, "upstream-overloaded", "overloaded"

    def problem(self, upstream: str) -> Problem:
        """What the client is told, and when to try again."""
        return Problem(self.status, self.kind, f"{upstream}: {self}.", headers={"Retry-After": "1"})


class TimedOut(UpstreamError):
    """There was no answer in time."""

    status, kind, reason = 504, "upstream-timeout", "timeout"


class Failed(UpstreamError):
    """It answered that it failed."""

    status, kind, reason = 502, "upstream-failed", "failed"


class Nonsense(UpstreamError):
    """It answered what it should never answer: broken HTTP, other JSON than agreed, far too much."""

    status, kind, reason = 502, "upstream-nonsense", "nonsense"


class Refused(UpstreamError):
    """It refused, with a status from 400 to 499, and perhaps a problem of its own.

    Args:
        status: what it answered.
        kind: its problem's type, None when it told none.
        detail: its problem's detail.
        members: its problem's further members.
        retry_after: its `Retry-After`.
    """

    reason = "refused"

    def __init__(
        self,
        status: int,
        *,
        kind: str | None = None,
        detail: str | None = None,
        members: dict[str, object] | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(detail or f"it answered {status}")
        self.answered = status
        self.type = kind
        self.detail = detail
        self.members = members or {}
        self.retry_after = retry_after

    def problem(self, upstream: str) -> Problem:
        """The upstream's own problem where it concerns the client; else that we could not ask rightly."""
        if self.answered not in PASSED_ON:
            return Failed(f"it answered {self.answered}").problem(upstream)
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        kind = self.type or f"upstream-answered-{self.answered}"
        problem = Problem(self.answered, kind, self.detail, headers=headers)
        problem.members |= self.members  # which may have any name, `headers` too
        return problem
