"""What a table may ask for but mostly should not: each finding with a reason and how much it matters.

Faults keep a table from serving, and `gateway.table` names them; what is found here serves all the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from gateway.route import Auth, Route, Session
from gateway.table import Table

UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

LONG: Final = timedelta(minutes=2)
"""A timeout above is very long: so long a hanging service holds what each call of it needs."""

LONG_SESSION: Final = timedelta(days=30)


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them, with its place in the table."""

    severity: Severity
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


Found = Iterator[tuple[Severity, str]]


def audit(table: Table) -> list[Finding]:
    """Everything that whoever answers for a table should have looked at, in the table's order."""
    findings = []
    if table.session is not None:
        findings += [Finding(severity, "session", reason) for severity, reason in _of_session(table.session)]
    for number, route in enumerate(table.routes, 1):
        place = f"route {number} ({route.path})"
        findings += [Finding(severity, place, reason) for severity, reason in _of_route(route)]
    return findings


def _of_session(session: Session) -> Found:
    if not session.limit:
        yield (
            Severity.WARNING,
            "it has no limit: anybody may begin logins as fast as they can",
        )
    if session.lasts > LONG_SESSION:
        yield (
            Severity.WARNING,
            f"it lasts {session.lasts.days} days: a stolen cookie or a forgotten browser is good for so long",
        )


def _of_route(route: Route) -> Found:
    yield from _of_auth(route)
    if not route.limit:
        yield Severity.WARNING, "it has no limit: one client can take all that is behind"
    if "timeout" not in route.model_fields_set:
        seconds = route.timeout.total_seconds()
        yield (
            Severity.WARNING,
            f"it has no timeout of its own: the default of {seconds:g} s was chosen for nobody",
        )
    elif route.timeout > LONG:
        minutes = route.timeout.total_seconds() / 60
        yield Severity.WARNING, f"a timeout of {minutes:g} minutes lets a service that hangs hold every call"
    yield from _of_cors(route)
    yield from _of_cache(route)


def _of_auth(route: Route) -> Found:
    writes = sorted(UNSAFE & set(route.methods))
    if route.auth is Auth.NONE and writes:
        yield Severity.WARNING, f'anybody may {" and ".join(writes)}: auth = "none" asks nobody who they are'
    if route.auth is Auth.SERVICE:
        yield (
            Severity.INFO,
            'auth = "service" hands credentials on untouched: that service alone decides whom it lets in',
        )


def _of_cors(route: Route) -> Found:
    # Policies are looked at by name: a table of a version that lacks one has nothing to find in it.
    cors: Any = getattr(route, "cors", None)
    if cors is None:
        return
    origins = getattr(cors, "origins", ())
    if "*" not in ([origins] if isinstance(origins, str) else [str(origin) for origin in origins]):
        return
    if getattr(cors, "credentials", False):
        yield (
            Severity.ERROR,
            "cors lets pages of every origin act with a visitor's cookies: name the origins",
        )
    elif route.auth is not Auth.NONE or UNSAFE & set(route.methods):
        yield Severity.WARNING, "cors is open to pages of every origin: name those that are meant"


def _of_cache(route: Route) -> Found:
    cache: Any = getattr(route, "cache", None)
    if cache is None or (not route.auth.tells_who and route.auth is not Auth.SERVICE):
        return
    if getattr(cache, "public", False):
        yield (
            Severity.INFO,
            "one answer is kept for all, though it asks who is calling",
        )
    else:
        yield (
            Severity.WARNING,
            "it asks who is calling and has a cache: an answer may reach another",
        )
