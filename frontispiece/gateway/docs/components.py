"""The description of a service, taken into the document of the edge."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

from frontispiece.gateway.aggregates.target_template import Placeholder, TargetTemplate
from frontispiece.gateway.policies.request_validation.document import Document, UnusableDescription
from frontispiece.http.paths import Parameter, Template

log = logging.getLogger(__name__)

Json = dict[str, Any]

JSON: Final = "application/json"
COMPONENTS: Final = "#/components/"

KINDS: Final = frozenset({"schemas", "responses", "parameters", "examples", "requestBodies", "headers"})
"""Components that are taken over: others have addresses of the service, or how it is protected."""

OPERATION_KEYS: Final[Mapping[str, type]] = {
    "summary": str,
    "description": str,
    "requestBody": dict,
    "deprecated": bool,
}
"""What is taken over of an operation, beside its parameters and responses; the rest may be internal."""

RESPONSE_KEYS: Final = frozenset({"$ref", "description", "headers", "content"})
"""What is taken over of a response: its links may have a server."""

MAX_DEPTH: Final = 64
"""Levels of objects and lists in a part of a description."""

UNDESCRIBED: Final[Json] = {"description": "Its service does not describe it."}

MALFORMED: Final = (KeyError, TypeError, AttributeError, ValueError)
"""What reading a description raises that does not have the form of OpenAPI: nothing has checked it."""


class Described:
    """The operations of a service, whose components get the service's name before their own."""

    def __init__(self, service: str, document: Document) -> None:
        self._service = service
        self._document = document
        self._operations = list(_operations(document))
        self._is_logged = False

    def at(self, method: str, target: Template) -> Iterator[tuple[Template, Json, list[Any]]]:
        """What a target may reach: the template there, the operation, and the parameters of its path."""
        for template, of, operation, parameters in self._operations:
            if of == method and _reaches(target, template):
                yield template, operation, parameters

    def schema(self, target: TargetTemplate, components: Json) -> Json | None:
        """The schema of what a part of an aggregate reads; None where the service does not say it."""
        parts = tuple(
            Parameter(f"part{number}") if isinstance(piece, Placeholder) else piece
            for number, piece in enumerate(target.segments)
        )
        found = min(self.at("GET", Template(parts)), key=lambda each: len(each[0].names), default=None)
        try:
            schema = found and found[1].get("responses", {}).get("200", {}).get("content", {}).get(JSON, {})
            return self._taken(schema["schema"], components) if schema and "schema" in schema else None
        except MALFORMED as error:
            self.log_malformed(f"GET {Template(parts)}", error)
            return None

    def operation(self, operation: Json, of_path: list[Any], components: Json) -> Json:
        """What the public may know of an operation; its `components` get all that it refers to.

        Raises:
            MALFORMED: its description does not have the form of OpenAPI.
        """
        found = {
            key: operation[key]
            for key, kind in OPERATION_KEYS.items()
            if isinstance(operation.get(key), kind)
        }
        found["parameters"] = [*of_path, *operation.get("parameters", [])]
        found["responses"] = {
            status: _response(each) for status, each in operation.get("responses", {}).items()
        }
        taken: Json = self._taken(found, components)
        return taken

    def log_malformed(self, what: str, error: Exception) -> None:
        """Log that a part of the description cannot be read; of several, the first."""
        if not self._is_logged:
            self._is_logged = True
            log.warning("%s: its description of %s is malformed: %r", self._service, what, error)

    def _taken(self, value: Any, components: Json) -> Any:
        """A copy for another document, whose `components` get all that it refers to."""
        missing: list[tuple[str, str]] = []
        taken = self._copy(value, components, missing)
        while missing:  # no recursion: components may refer to one another in a chain of any length
            kind, name = missing.pop()
            try:
                component = self._document.resolve({"$ref": f"{COMPONENTS}{kind}/{name}"})
                public = _response(component) if kind == "responses" else component
                copy = self._copy(public, components, missing)
            except (UnusableDescription, *MALFORMED) as error:
                self.log_malformed(f"{kind}/{name}", error)
                copy = UNDESCRIBED
            components[kind][f"{self._service}.{name}"] = copy
        return taken

    def _copy(self, value: Any, components: Json, missing: list[tuple[str, str]], depth: int = 0) -> Any:
        """A copy whose references lead to `components`; those that these do not have are `missing`."""
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, list):
            return [self._copy(each, components, missing, depth + 1) for each in value]
        if isinstance(value, dict):
            return {key: self._copy(each, components, missing, depth + 1) for key, each in value.items()}
        if isinstance(value, str) and value.startswith(COMPONENTS) and value.count("/") == 3:  # noqa: PLR2004
            _, _, kind, name = value.split("/")
            if kind in KINDS:
                return f"{COMPONENTS}{kind}/{self._component(kind, name, components, missing)}"
        return value

    def _component(self, kind: str, name: str, components: Json, missing: list[tuple[str, str]]) -> str:
        """The name in `components` of what the service calls so."""
        of_kind = components.setdefault(kind, {})
        try:
            if of_kind.get(name) == self._document.resolve({"$ref": f"{COMPONENTS}{kind}/{name}"}):
                return name  # problems are the same everywhere
        except UnusableDescription:
            pass  # which is said where it is copied
        own = f"{self._service}.{name}"
        if own not in of_kind:
            of_kind[own] = UNDESCRIBED
            missing.append((kind, name))
        return own


def _response(response: Json) -> Json:
    return {key: value for key, value in response.items() if key in RESPONSE_KEYS}


def _operations(document: Document) -> Iterator[tuple[Template, str, Json, list[Any]]]:
    for path, method, operation, parameters in document.operations():
        try:
            yield Template.parse(path), method, operation, parameters
        except ValueError:  # a path that no route can lead to
            continue


def _reaches(target: Template, template: Template) -> bool:
    *fixed, last = target.parts
    if isinstance(last, Parameter) and last.takes_rest:
        return len(template.parts) > len(fixed) and _fit(tuple(fixed), template.parts[: len(fixed)])
    return len(target.parts) == len(template.parts) and _fit(target.parts, template.parts)


def _fit(target: tuple[str | Parameter, ...], described: tuple[str | Parameter, ...]) -> bool:
    """Whether each segment is the same, or a placeholder at the service."""
    return all(
        called == known if isinstance(known, str) else isinstance(called, str) or not known.takes_rest
        for called, known in zip(target, described, strict=True)
    )
