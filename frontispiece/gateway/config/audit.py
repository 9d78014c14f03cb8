"""Findings about a valid table: settings that are probably mistakes, each with a reason and a severity.

Faults, which keep a table from being served, are found by `frontispiece.gateway.config.validate`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.config.session import Session
from frontispiece.gateway.config.table import Table
from frontispiece.http.headers import READING_METHODS

LONG_TIMEOUT: Final = timedelta(minutes=2)
"""A timeout beyond this lets a hanging service hold the resources of each call for too long."""

LONG_SESSION: Final = timedelta(days=30)


class Severity(StrEnum):
    """The severity of a finding."""

    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, with its place in the table."""

    severity: Severity
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


Findings = Iterator[tuple[Severity, str]]


def audit(table: Table) -> list[Finding]:
    """All findings, in the table's order."""
    findings = []
    if table.session is not None:
        findings += [Finding(severity, "session", reason) for severity, reason in _of_session(table.session)]
    for number, route in enumerate(table.routes, 1):
        place = f"route {number} ({route.path})"
        findings += [Finding(severity, place, reason) for severity, reason in _of_route(route)]
    return findings


def _of_session(session: Session) -> Findings:
    if not session.rate_limit:
        yield Severity.WARNING, "it has no rate_limit: logins may be started at any rate"
    if session.absolute_timeout > LONG_SESSION:
        yield (
            Severity.WARNING,
            f"absolute_timeout is {session.absolute_timeout.days} days: a stolen cookie is valid for as long",
        )


def _of_route(route: Route) -> Findings:
    yield from _of_auth(route)
    if not route.rate_limit:
        yield Severity.WARNING, "it has no rate_limit: one client can overload its service"
    if "timeout" not in route.model_fields_set:
        seconds = route.timeout.total_seconds()
        yield (
            Severity.WARNING,
            f"it has no timeout of its own: the default of {seconds:g} s may not suit it",
        )
    elif route.timeout > LONG_TIMEOUT:
        minutes = route.timeout.total_seconds() / 60
        yield Severity.WARNING, f"a timeout of {minutes:g} minutes lets a service that hangs hold every call"
    yield from _of_cors(route)
    yield from _of_cache(route)


def _of_auth(route: Route) -> Findings:
    writes = sorted(set(route.methods) - READING_METHODS)
    if route.auth is Auth.NONE and writes:
        may = "call it" if route.is_native else " and ".join(writes)
        yield Severity.WARNING, f'anonymous callers may {may}: auth = "none"'
    if route.auth is Auth.PASSTHROUGH:
        yield Severity.INFO, 'auth = "passthrough" forwards credentials: only the service verifies them'


def _of_cors(route: Route) -> Findings:
    if route.cors is None or "*" not in route.cors.origins:
        return
    if route.auth is not Auth.NONE or set(route.methods) - READING_METHODS:
        yield Severity.WARNING, "cors is open to pages of every origin: name those that are meant"


def _of_cache(route: Route) -> Findings:
    if route.cache is None or route.auth is Auth.NONE:
        return
    if route.cache.public:
        yield Severity.INFO, "one response is cached for all, though the route identifies callers"
    else:
        yield Severity.WARNING, "it identifies callers and has a cache: a response may reach another caller"
