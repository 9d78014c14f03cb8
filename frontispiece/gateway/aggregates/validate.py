"""What is wrong with an aggregate of the route table: everything, in one pass, with its place."""

import re
from collections.abc import Container, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from keyword import iskeyword
from typing import Any
from urllib.parse import unquote_plus

from pydantic import ValidationError

from frontispiece.gateway.aggregates import json_select
from frontispiece.gateway.aggregates.config import Part
from frontispiece.gateway.aggregates.target_template import EACH, Placeholder
from frontispiece.http.headers import SAFE_METHODS
from frontispiece.http.paths import Parameter, Template

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def faults_of_parts(route: object, services: Container[str]) -> Iterator[str]:
    """The faults of a route as it is written, but for those that its parts have in themselves.

    Args:
        route: as TOML has it; only parts that are valid in themselves are looked at closely.
        services: the names that the table has.
    """
    if not isinstance(route, dict):
        return
    parts = route.get("parts")
    if not isinstance(parts, dict):
        return
    methods = route.get("methods", ["GET"])
    if isinstance(methods, list) and set(map(str, methods)) - SAFE_METHODS:
        yield "methods: parts are joined by GET only"
    yield from _Checker(route.get("path"), parts, services).faults()


class _Checker:
    def __init__(self, path: object, parts: Mapping[str, Any], services: Container[str]) -> None:
        self._parts = {name: part for name, written in parts.items() if (part := _sound(written))}
        self._names = frozenset(parts)
        self._path = _template(path)
        self._parameters = frozenset(self._path.names if self._path else ())
        self._services = services

    def faults(self) -> Iterator[str]:
        for parameter in self._path.parts if self._path else ():
            if isinstance(parameter, Parameter) and parameter.takes_rest:
                yield f"path: {parameter} cannot be given to parts: write {{{parameter.name}}}"
        for name in sorted(self._names):
            yield from self._at(name, self._of_name(name))
        for name, part in self._parts.items():
            yield from self._at(name, self._of(name, part))
        yield from self._circles()

    def _at(self, name: str, faults: Iterator[str]) -> Iterator[str]:
        return (f"parts.{name}: {fault}" for fault in faults)

    def _of_name(self, name: str) -> Iterator[str]:
        if name in self._parameters:
            yield "the path has a placeholder of this name"
        if name == EACH or iskeyword(name):
            yield f"{name} is a reserved word"
        elif not NAME.fullmatch(name):
            yield "a name has letters, digits and _, and begins with a letter"

    def _of(self, name: str, part: Part) -> Iterator[str]:
        if part.from_.service not in self._services:
            yield f"from names the service {part.from_.service!r}, which the table does not have"
        for placeholder in dict.fromkeys(part.from_.placeholders):
            yield from self._of_placeholder(name, part, placeholder)
        if part.each:
            yield from self._of_reference(name, part.each)
        if part.each and not part.batch and Placeholder(EACH) not in part.from_.placeholders:
            yield "each asks for {each} in from, or for batch"
        if part.batch and not part.each:
            yield "batch asks for each"
        if "fallback" in part.model_fields_set and not part.optional:
            yield "fallback is for optional parts"
        yield from self._of_query(part)
        yield from json_select.selection_faults(part)
        if not part.optional:
            yield from self._behind_optional(part)

    def _of_placeholder(self, name: str, part: Part, placeholder: Placeholder) -> Iterator[str]:
        if placeholder.name == EACH:
            if placeholder.path:
                yield f"{placeholder}: an element is a text: let each lead to it, such as part.list.field"
            elif not part.each:
                yield "{each} asks for each, the list that it stands for"
            elif part.batch:
                yield "{each} has no place in from: batch names the elements by its key"
        elif placeholder.path:
            yield from self._of_reference(name, placeholder)
        elif placeholder.name in self._names:
            yield f"{placeholder} is a part: write {{{placeholder.name}.field}}"
        elif self._path and placeholder.name not in self._parameters:
            yield f"{placeholder} is no placeholder of the path"

    def _of_reference(self, name: str, reference: Placeholder) -> Iterator[str]:
        other = self._parts.get(reference.name)
        if reference.name == name:
            yield f"{reference.field} refers to itself"
        elif reference.name in self._parameters:
            yield f"{reference.field}: a placeholder of the path has no fields"
        elif reference.name not in self._names:
            yield f"{reference.field}: there is no part {reference.name}"
        elif other and other.each:
            yield f"{reference.field}: {reference.name} has each: nothing can be read from a list of answers"

    def _of_query(self, part: Part) -> Iterator[str]:
        written = {unquote_plus(name) for name, _ in part.from_.query}
        names = written | ({part.batch.key} if part.batch else set())
        for name in dict.fromkeys(part.query):
            if name in names:
                yield f"query: {name} is set by the part itself"
        if part.batch and part.batch.key in written:
            yield f"batch: key: {part.batch.key} is in the query of from already"

    def _behind_optional(self, part: Part) -> Iterator[str]:
        optional = [
            name for name in sorted(part.needs) if (other := self._parts.get(name)) and other.optional
        ]
        if optional:
            yield f"it is required but stands behind optional {', '.join(optional)}"

    def _circles(self) -> Iterator[str]:
        needs = {name: set(part.needs & self._parts.keys()) - {name} for name, part in self._parts.items()}
        while True:
            try:
                TopologicalSorter(needs).prepare()
            except CycleError as fault:
                circle = list(reversed(fault.args[1]))
                yield f"parts: {' → '.join(circle)}: they wait for each other"
                needs[circle[0]].discard(circle[1])
            else:
                return


def _sound(written: object) -> Part | None:
    try:
        return Part.model_validate(written)
    except ValidationError:  # reported with the route
        return None


def _template(path: object) -> Template | None:
    try:
        return Template.parse(path) if isinstance(path, str) else None
    except ValueError:  # the same
        return None
