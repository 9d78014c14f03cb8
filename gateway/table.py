"""The route table: the public surface as data, refused whole when faulty, with every fault named at once."""

import tomllib
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from gateway.aggregate import check as aggregates
from gateway.policies import By, Limit, Part, Service, websocket
from gateway.policies.edge import Edge
from gateway.policies.resilience import others, shadows_of
from gateway.policies.security_headers import SecurityHeaders
from gateway.policies.target import Target
from gateway.route import Auth, Route, Session
from kit.faults import Faulty

__all__ = ["Auth", "By", "Limit", "Route", "Service", "Session", "Table", "Target", "check", "load", "parse"]


def _some(routes: object) -> object:
    if routes == []:  # asked before its items are looked at: a single faulty route is one fault, not two
        raise ValueError("a table has at least one route")
    return routes


class Table(Part):
    """The whole public surface."""

    services: dict[str, Service] = Field(min_length=1)
    session: Session | None = Field(None, description="How browsers log in; without it, they cannot.")
    edge: Edge = Field(Edge(), description="How the edge looks at whoever speaks to it.")
    security_headers: SecurityHeaders | None = Field(
        None, description="What browsers are told with every answer; nothing when the section is left out."
    )
    routes: Annotated[tuple[Route, ...], BeforeValidator(_some)]

    @property
    def audiences(self) -> dict[str, str]:
        """For whom the internal tokens are that each service gets."""
        return {name: service.audience or name for name, service in self.services.items()}

    @property
    def needed(self) -> set[str]:
        """The services without which there are answers that clients do not get: all but mere shadows."""
        told = {target.service for target in self.session.adopt} if self.session else set()
        return set(self.services) - (shadows_of(self.routes) - told)


def load(path: Path) -> Table:
    """The table in a file.

    Raises:
        Faulty: it cannot serve.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise Faulty([f"{path} cannot be read: {fault}"]) from None


def parse(text: str) -> Table:
    """The table in a TOML document.

    Raises:
        Faulty: it cannot serve.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise Faulty([f"This is not TOML: {fault}"]) from None
    services, routes = document.get("services"), document.get("routes")
    faults = []
    try:
        table = Table.model_validate(document)
    except ValidationError as invalid:
        faults = [_sentence(error, routes) for error in invalid.errors()]
    names = services if isinstance(services, dict) else {}
    if isinstance(routes, list):
        for number, route in enumerate(routes, 1):
            faults += aggregates.faults(_place(number, route), route, names)
        faults += check(names, _sound(routes))
        faults += websocket.faults_between(names, _sound(routes))
        faults += between_session_and_routes(document.get("session"), names, _sound(routes))
    if faults:
        raise Faulty(faults)
    return table


def check(services: Container[str], routes: Iterable[tuple[int, Route]]) -> Iterator[str]:
    """What is wrong between the parts of a table, each part, with its number, being right in itself."""
    taken: dict[object, Route] = {}
    for number, route in routes:
        place = f"route {number} ({route.path})"
        if route.to and route.to.service not in services:
            yield f"{place}: to names the service {route.to.service!r}, which the table does not have"
        for key, target in others(route):
            if target.service not in services:
                yield f"{place}: {key} names the service {target.service!r}, which the table does not have"
        for method in route.methods:
            other = taken.setdefault((route.host, method, route.template.shape), route)
            if other is not route:
                yield f"{place}: {method} is answered by {other.path} already"


def between_session_and_routes(
    written: object, services: Container[str], routes: Iterable[tuple[int, Route]]
) -> Iterator[str]:
    """What is wrong between the section `[session]`, as it is written, and the rest of a table."""
    session = _session(written)
    for target in session.adopt if session else ():
        if target.service not in services:
            yield f"session: adopt names the service {target.service!r}, which the table does not have"
    for number, route in routes:
        place = f"route {number} ({route.path})"
        if written is None and route.auth is Auth.SESSION:
            yield f'{place}: auth = "session" asks for a section [session]'
        if session and session.owns(route.template):
            yield f"{place}: {session.path} and what is below belong to the session"


def _session(written: object) -> Session | None:
    try:
        return None if written is None else Session.model_validate(written)
    except ValidationError:  # told already
        return None


def _sound(routes: list[object]) -> Iterator[tuple[int, Route]]:
    """The routes that are right in themselves: what is between them is told along with others' faults."""
    for number, route in enumerate(routes, 1):
        with suppress(ValidationError):  # told already
            yield number, Route.model_validate(route)


def _sentence(error: ErrorDetails, routes: object) -> str:
    place = [str(step) for step in error["loc"]]
    if len(place) > 1 and place[0] == "routes" and isinstance(routes, list):
        place[:2] = [_place(int(place[1]) + 1, routes[int(place[1])])]
        if len(place) > 2 and place[1] == "parts":  # noqa: PLR2004 (the part's name is the third)
            place[1:3] = [f"parts.{place[2]}"]
    return f"{': '.join(place)}: {error['msg'].removeprefix('Value error, ')}"


def _place(number: int, route: object) -> str:
    path = route.get("path") if isinstance(route, dict) else None
    return f"route {number} ({path})" if path else f"route {number}"
