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

from gateway.aggregate import check as aggregates
from gateway.aggregate.parts import Part as AggregatePart
from gateway.duration import Duration
from gateway.path import Template
from gateway.upstream.discovery import faults_of
from gateway.upstream.policy import BreakerPolicy, ConcurrencyPolicy, HealthPolicy
from kit.faults import Faulty


class Auth(StrEnum):
    """How the callers of a route prove who they are."""

    NONE = "none"
    BEARER = "bearer"


class By(StrEnum):
    """Whose calls a limit counts together."""

    USER = "user"
    ADDRESS = "address"
    ROUTE = "route"


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

    url: tuple[str, ...] = Field(
        min_length=1,
        description="http://host:port, registry://name or app://module:factory; several of them as a list",
    )
    health: HealthPolicy | None = Field(None, description="Ask its addresses whether they are well.")
    breaker: BreakerPolicy | None = Field(None, description="Leave it alone when too many calls fail.")
    concurrency: ConcurrencyPolicy | None = Field(None, description="How many calls it gets at a time.")

    @field_validator("url", mode="before")
    @classmethod
    def _one_or_many(cls, url: object) -> object:
        return [url] if isinstance(url, str) else url

    @field_validator("url")
    @classmethod
    def _addresses(cls, url: tuple[str, ...]) -> tuple[str, ...]:
        if faults := [*faults_of(url)]:
            raise ValueError("; ".join(faults))
        return url

    @model_validator(mode="after")
    def _has_a_choice(self) -> Self:
        if self.health and len(self.url) == 1 and not self.url[0].startswith("registry://"):
            raise ValueError("health is for several addresses: this one is called whatever it says")
        return self


class Rate(Part):
    """So many calls in so much time."""

    calls: int
    unit: str

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, text: object) -> object:
        match = _RATE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f'{text!r} is no rate: write "50/second", "1000/hour" …, below a million')
        return {"calls": int(match[1]), "unit": match[2]}

    @property
    def seconds(self) -> int:
        """How long the unit is."""
        return _SECONDS[self.unit]


_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(rf"([1-9][0-9]{{0,5}})/({'|'.join(_SECONDS)})")


class Limit(Part):
    """How often a route may be called."""

    rate: Rate = Field(description='"50/second": calls of each user, each address or all together.')
    burst: int | None = Field(None, ge=1, lt=1_000_000, description="At once after a rest; the rate's calls.")
    by: By = Field(description="user: the token's subject. address: the client's. route: all together.")

    @property
    def at_once(self) -> int:
        """Calls that may come at once after a rest."""
        return self.burst or self.rate.calls

    def __str__(self) -> str:
        return f"{self.rate.calls}/{self.rate.unit} by {self.by}"


class Route(Part):
    """One entry of the public surface and its whole policy."""

    path: str = Field(description="A template: {name} stands for a segment, {name:path} for the rest.")
    host: Host | None = Field(None, description="Only for this Host; every host when left out.")
    methods: tuple[Method, ...] = Field(("GET",), min_length=1, description="GET answers HEAD as well.")
    to: Target | None = Field(
        None, description='"service" keeps the path, "service:/path/{name}" gives another.'
    )
    parts: dict[str, AggregatePart] | None = Field(
        None, min_length=1, description="Instead of to: what the answer is joined of, by its keys."
    )
    auth: Auth = Field(description="none: open, credentials are dropped. bearer: a verified token.")
    scopes: tuple[str, ...] = Field((), description="Scopes that the token must have.")
    limit: Limit | None = Field(None, description="How often it may be called; any number when left out.")
    timeout: Duration = Field(timedelta(seconds=10), description="Until the answer's headers.")

    @field_validator("path")
    @classmethod
    def _template(cls, path: str) -> str:
        Template.parse(path)
        return path

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if faults := list(self._between_keys()):
            raise ValueError("; ".join(faults))
        return self

    def _between_keys(self) -> Iterator[str]:
        if self.scopes and self.auth is Auth.NONE:
            yield 'scopes ask for a token: set auth = "bearer"'
        if self.limit and self.limit.by is By.USER and self.auth is not Auth.BEARER:
            yield 'a limit by user asks for a token: set auth = "bearer"'
        unknown = set(self.to.path.names if self.to and self.to.path else ()) - set(self.template.names)
        if unknown:
            yield f"to uses {', '.join(sorted(unknown))}, which the path does not have"

    @cached_property
    def template(self) -> Template:
        """The path, parsed."""
        return Template.parse(self.path)

    @property
    def target(self) -> Template:
        """The path at the service."""
        return (self.to and self.to.path) or self.template


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
    if isinstance(routes, list):
        for number, route in enumerate(routes, 1):
            faults += aggregates.faults(_place(number, route), route, names)
        faults += check(names, _sound(routes))
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
        place[:2] = [_place(int(place[1]) + 1, routes[int(place[1])])]
        if len(place) > 2 and place[1] == "parts":  # noqa: PLR2004 (the part's name is the third)
            place[1:3] = [f"parts.{place[2]}"]
    return f"{': '.join(place)}: {error['msg'].removeprefix('Value error, ')}"


def _place(number: int, route: object) -> str:
    path = route.get("path") if isinstance(route, dict) else None
    return f"route {number} ({path})" if path else f"route {number}"
