"""An OpenAPI 3 document whose references can be followed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from frontispiece.errors import ConfigError

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
MAX_REFERENCES: Final = 50
"""References that lead to each other before a document counts as unreadable."""


class NotUnderstood(Exception):
    """A part of a document that cannot be compared; the message says which."""


class Document:
    """An OpenAPI 3 document."""

    def __init__(self, root: Mapping[str, Any], place: str) -> None:
        self.root = root
        self.place = place

    @classmethod
    def parse(cls, content: bytes, place: str) -> Self:
        """The document of a file.

        Raises:
            ConfigError: it is none.
        """
        try:
            root = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ConfigError([f"{place} cannot be read: {error}"]) from None
        if not isinstance(root, dict) or not str(root.get("openapi", "")).startswith("3."):
            raise ConfigError([f"{place} is no OpenAPI 3 document"])
        if not isinstance(root.get("paths"), dict):
            raise ConfigError([f"{place} has no paths"])
        document = cls(root, place)
        try:
            for _path, _method, operation in document.operations():
                document.resolve(operation)
        except NotUnderstood as error:
            raise ConfigError([f"{place}: {error}"]) from None
        return document

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Each operation with its path and method; parameters of the path are among its own."""
        for path, item in self.root["paths"].items():
            resolved = self.resolve(item)
            shared = resolved.get("parameters", [])
            for method in METHODS:
                if method in resolved:
                    operation = self.resolve(resolved[method])
                    yield path, method, {**operation, "parameters": self._merged(shared, operation)}

    def resolve(self, part: Any) -> Mapping[str, Any]:
        """An object of the document; where it is a reference, what that leads to.

        Raises:
            NotUnderstood: it leads nowhere, or out of the document.
        """
        for _ in range(MAX_REFERENCES):
            if not isinstance(part, dict):
                raise NotUnderstood(f"{str(part)[:60]!r} stands where an object is expected")
            if "$ref" not in part:
                return part
            part = self.target(part["$ref"])
        raise NotUnderstood("references lead to each other")

    def target(self, reference: str) -> Any:
        """The target of a reference.

        Raises:
            NotUnderstood: it leads nowhere, or out of the document.
        """
        if not reference.startswith("#/"):
            raise NotUnderstood(f"the reference {reference} leads out of the document")
        part: Any = self.root
        for step in reference.removeprefix("#/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(part, dict) or name not in part:
                raise NotUnderstood(f"the reference {reference} leads nowhere")
            part = part[name]
        return part

    def expanded(self, part: Any, above: tuple[str, ...] = ()) -> Any:
        """A part with every reference replaced by what it leads to, for comparing it as a whole."""
        if isinstance(part, list):
            return [self.expanded(each, above) for each in part]
        if not isinstance(part, dict):
            return part
        reference = part.get("$ref")
        if isinstance(reference, str):
            if reference in above:
                return {"$recursion": above.index(reference)}
            return self.expanded(self.target(reference), (*above, reference))
        return {name: self.expanded(inner, above) for name, inner in part.items()}

    def _merged(self, shared: Any, operation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The parameters of a path and of its operation, whose own count."""
        resolved = [self.resolve(each) for each in [*shared, *operation.get("parameters", [])]]
        return list({(each.get("in"), each.get("name")): each for each in resolved}.values())
