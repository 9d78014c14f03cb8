"""The description of a service, taken into the document of the edge."""

from collections.abc import Iterator
from typing import Any, Final

from frontispiece.gateway.aggregates.target_template import Placeholder, TargetTemplate
from frontispiece.gateway.policies.request_validation.document import Document, UnusableDescription
from frontispiece.http.paths import Parameter, Template

Json = dict[str, Any]

JSON: Final = "application/json"
COMPONENTS: Final = "#/components/"


class Described:
    """The operations of a service, whose components get the service's name before their own.

    Args:
        service: the service.
        document: its description.
    """

    def __init__(self, service: str, document: Document) -> None:
        self._service = service
        self._document = document
        self._operations = list(_operations(document))

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
        schema = found and found[1].get("responses", {}).get("200", {}).get("content", {}).get(JSON, {})
        return self.taken(schema["schema"], components) if schema and "schema" in schema else None

    def taken(self, value: Any, components: Json) -> Any:
        """A copy for another document, whose `components` get all that it refers to."""
        if isinstance(value, list):
            return [self.taken(each, components) for each in value]
        if isinstance(value, dict):
            return {key: self.taken(each, components) for key, each in value.items()}
        if isinstance(value, str) and value.startswith(COMPONENTS) and value.count("/") == 3:  # noqa: PLR2004
            _, _, kind, name = value.split("/")
            return f"{COMPONENTS}{kind}/{self._component(kind, name, components)}"
        return value

    def _component(self, kind: str, name: str, components: Json) -> str:
        """The name in `components` of what the service calls so."""
        try:
            component = self._document.resolve({"$ref": f"{COMPONENTS}{kind}/{name}"})
        except UnusableDescription:
            component = {"description": "Its service does not describe it."}
        of_kind = components.setdefault(kind, {})
        if of_kind.get(name) == component:  # problems are the same everywhere
            return name
        own = f"{self._service}.{name}"
        if own not in of_kind:
            of_kind[own] = {}  # a component may refer to itself
            of_kind[own] = self.taken(component, components)
        return own


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
