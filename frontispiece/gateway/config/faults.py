"""What is wrong with a table: where, and in which words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from frontispiece.errors import in_words, nearest
from frontispiece.gateway.config.route import Auth, Route
from frontispiece.gateway.config.session import Session
from frontispiece.gateway.config.source import Lines, Loc


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a table.

    Args:
        loc: the keys and indexes that lead to it, such as `("routes", 2, "timeout")`.
        message: what is wrong, without the place.
    """

    loc: tuple[str | int, ...]
    message: str


@dataclass(frozen=True, slots=True)
class WrittenRoute:
    """A route as it is written, and as it is understood: None when it is not valid in itself."""

    index: int
    written: object
    route: Route | None

    def fault(self, key: str, message: str) -> Fault:
        """A mistake at one of its keys."""
        return Fault(("routes", self.index, key), message)


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenTable:
    """A table as it is written, with what is valid in itself.

    Args:
        services: the sections of services, by name.
        has_session: whether there is a section `[session]`.
        session: that section; None when it is not valid.
        routes: all routes, in order.
    """

    services: Mapping[str, object]
    has_session: bool
    session: Session | None
    routes: tuple[WrittenRoute, ...]

    @property
    def valid_routes(self) -> Iterator[tuple[WrittenRoute, Route]]:
        """The routes that are valid in themselves."""
        return ((each, each.route) for each in self.routes if each.route is not None)


def fault_of(error: ErrorDetails, table: type[BaseModel]) -> Fault:
    """A mistake that the table's model has found, with the place written as in the document."""
    loc = error["loc"]
    keys = [str(key) for key in loc[_depth(loc) :]]
    if len(keys) > 1 and keys[0] in {"layers", "parts"}:
        keys[:2] = [f"{keys[0]}.{keys[1]}"]
    message = in_words(error)
    if error["type"] == "extra_forbidden":
        message = f"unknown key{_hint(loc, _keys_at(loc[:-1], table))}"
    elif error["type"] == "model_type":
        known = ", ".join(sorted(_keys_at(loc, table)))
        message = f"must be a table: the keys here are {known}" if known else "must be an empty table, {}"
    elif error["type"] == "tuple_type" and loc in SECTIONS:
        message = f"must be a list of tables: {SECTIONS[loc]}"
    elif loc in SECTIONS and error["type"] in {"missing", "dict_type"}:
        message = f"{message}: {SECTIONS[loc]}"
    elif error["type"] == "missing" and loc[-1] == "auth":
        message = f"is missing: write who may call it, {', '.join(map(repr, map(str, Auth)))}"
    return Fault(loc, ": ".join([*keys, message]))


SECTIONS: Final[Mapping[Loc, str]] = {
    ("services",): "each service is headed by [services.NAME]",
    ("routes",): "each route is headed by [[routes]], in two pairs of brackets",
}
"""The sections that a table must have, and how each is written."""


def _hint(loc: Loc, known: set[str]) -> str:
    """What may be meant by an unknown key."""
    if known:
        return nearest(str(loc[-1]), known) or f": the keys here are {', '.join(sorted(known))}"
    if loc[-2:-1] == ("layers",):
        return ": no layer is declared, in [gateway.layers.NAME] of frontispiece.toml"
    return ": there are no keys here"


def _depth(loc: Loc) -> int:
    """How many of the first keys lead to the section that a fault is in."""
    return min(len(loc), 2 if loc[:1] in {("routes",), ("services",)} else 1)


def sentences(
    faults: Iterable[Fault], document: Mapping[str, Any], text: str, file: str | None
) -> Iterator[str]:
    """Faults as users read them, each with its file, line and section."""
    lines = Lines(text)
    for fault in faults:
        line = lines.of(fault.loc)
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        yield f"{where}{_place(fault.loc, document)}: {fault.message}"


def _place(loc: Loc, document: Mapping[str, Any]) -> str:
    """The section of a fault, such as `route 3 (/products)`."""
    match loc[: _depth(loc)]:
        case ("routes", int(index)):
            route = document["routes"][index]
            path = route.get("path") if isinstance(route, dict) else None
            return f"route {index + 1} ({path})" if path else f"route {index + 1}"
        case section:
            return ": ".join(map(str, section))


def _keys_at(loc: Loc, table: type[BaseModel]) -> set[str]:
    """The keys that a table in the document may have."""
    models: list[type[BaseModel]] = [table]
    for key in loc:
        fields = [model.model_fields[key] for model in models if key in model.model_fields]
        if fields:  # other steps are indexes, and names that the table's author has chosen
            models = [model for field in fields for model in _models_in(field.annotation)]
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
