"""The route table: the public surface as data, refused whole when faulty, with every fault named at once."""

import re
import tomllib
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from gateway.path import Template
from gateway.upstream.discovery import fault_of
from kit.faults import Faulty


class Auth(StrEnum):
    """How the callers of a route prove who they are."""

    NONE = "none"
    BEARER = "bearer"


def _duration(text: object) -> timedelta:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'{text!r} is no duration: write "150ms", "2s" or "5m"')
    return timedelta(seconds=float(match[1]) * {"ms": 0.001, "s": 1, "m": 60}[match[2]])


Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0), le=timedelta(minutes=10))]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"), AfterValidator(str.lower)]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


class Part(BaseModel):
    """A part of the table: frozen, and closed to names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Target(Part):
    """Where a route leads: a service, and the path there when it differs from the public one."""

    service: str
    path: Template | None

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, text: object) -> object:
        if not isinstance(text, str):
            raise ValueError('write "service" or "service:/path"')  # noqa: TRY004 (pydantic collects ValueErrors)
        service, colon, path = text.partition(":")
        return {"service": service, "path": Template.parse(path) if colon else None}


class Service(Part):
    """A service that routes lead to."""

    url: str = Field(description="http://host:port, registry://name or app://module:factory")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if fault := fault_of(url):
            raise ValueError(fault)
        return url


class Route(Part):
    """One entry of the public surface and its whole policy."""

    path: str = Field(description="A template: {name} stands for a segment, {name:path} for the rest.")
    host: Host | None = Field(None, description="Only for this Host; every host when left out.")
    methods: tuple[Method, ...] = Field(("GET",), min_length=1, description="GET answers HEAD as well.")
    to: Target = Field(description='"service" keeps the path, "service:/path/{name}" gives another.')
    auth: Auth = Field(description="none: open, credentials are dropped. bearer: a verified token.")
    scopes: tuple[str, ...] = Field((), description="Scopes that the token must have.")
    timeout: Duration = Field(timedelta(seconds=10), description="Until the answer's headers.")

    @field_validator("path")
    @classmethod
    def _template(cls, path: str) -> str:
        Template.parse(path)
        return path

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.scopes and self.auth is Auth.NONE:
            raise ValueError('scopes ask for a token: set auth = "bearer"')
        unknown = set(self.to.path.names if self.to.path else ()) - set(self.template.names)
        if unknown:
            raise ValueError(f"to uses {', '.join(sorted(unknown))}, which the path does not have")
        return self

    @cached_property
    def template(self) -> Template:
        """The path, parsed."""
        return Template.parse(self.path)

    @property
    def target(self) -> Template:
        """The path at the service."""
        return self.to.path or self.template


def _some(routes: object) -> object:
    if routes == []:  # asked before its items are looked at: a single faulty route is one fault, not two
        raise ValueError("a table has at least one route")
    return routes


class Table(Part):
    """The whole public surface."""

    services: dict[str, Service] = Field(min_length=1)
    routes: Annotated[tuple[Route, ...], BeforeValidator(_some)]


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
    faults += check(names, _sound(routes) if isinstance(routes, list) else ())
    if faults:
        raise Faulty(faults)
    return table


def check(services: Container[str], routes: Iterable[tuple[int, Route]]) -> Iterator[str]:
    """What is wrong between the parts of a table, each part, with its number, being right in itself."""
    taken: dict[object, Route] = {}
    for number, route in routes:
        place = f"route {number} ({route.path})"
        if route.to.service not in services:
            yield f"{place}: to names the service {route.to.service!r}, which the table does not have"
        for method in route.methods:
            other = taken.setdefault((route.host, method, route.template.shape), route)
            if other is not route:
                yield f"{place}: {method} is answered by {other.path} already"


def _sound(routes: list[object]) -> Iterator[tuple[int, Route]]:
    """The routes that are right in themselves: what is between them is told along with others' faults."""
    for number, route in enumerate(routes, 1):
        with suppress(ValidationError):  # told already
            yield number, Route.model_validate(route)


def _sentence(error: ErrorDetails, routes: object) -> str:
    place = [str(step) for step in error["loc"]]
    if len(place) > 1 and place[0] == "routes" and isinstance(routes, list):
        route = routes[int(place[1])]
        path = route.get("path") if isinstance(route, dict) else None
        place[:2] = [f"route {int(place[1]) + 1} ({path})" if path else f"route {int(place[1]) + 1}"]
    return f"{': '.join(place)}: {error['msg'].removeprefix('Value error, ')}"
