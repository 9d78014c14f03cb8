"""An OpenAPI document, read: where its operations are, and its schemas as validators."""

from collections.abc import Iterator
from typing import Any, Final

import jsonschema_rs
import msgspec

VERSIONS: Final = ("3.0.", "3.1.", "3.2.")

MOST_STEPS: Final = 20
"""References that lead to references, at most."""

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

MASK: Final = "it"
"""Stands for the client's own words in what is said of them: they may be secrets."""


class Faulty(Exception):
    """The document, or a part of it, cannot be read; the message says why."""


class Document:
    """What a service says of itself.

    Args:
        content: the document, in JSON.

    Raises:
        Faulty: it is none.
    """

    def __init__(self, content: bytes) -> None:
        try:
            whole = msgspec.json.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            raise Faulty(f"it is no JSON: {fault}") from None
        version = whole.get("openapi") if isinstance(whole, dict) else None
        if not isinstance(version, str) or not version.startswith(VERSIONS):
            raise Faulty(f"it says to be of version {version!r}, not of 3.0 to 3.2")
        if not isinstance(whole.get("paths", {}), dict):
            raise Faulty("its paths are no object")
        try:
            self._whole: dict[str, Any] = _modern(whole) if version.startswith("3.0.") else whole
        except RecursionError:
            raise Faulty("it is nested too deeply") from None

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any], list[Any]]]:
        """Path, method, operation, and the parameters that the path has for all of its operations."""
        for path, item in self._whole.get("paths", {}).items():
            try:
                item = self.resolved(item)  # noqa: PLW2901 (the same, resolved)
            except Faulty:
                continue
            for method in METHODS:
                if isinstance(operation := item.get(method), dict):
                    common = item.get("parameters", [])
                    yield path, method.upper(), operation, common if isinstance(common, list) else []

    def resolved(self, node: object) -> dict[str, Any]:
        """An object, or what the reference in its place leads to.

        Raises:
            Faulty: that is no object of this document.
        """
        for _ in range(MOST_STEPS):
            if not isinstance(node, dict):
                raise Faulty("it has something else where an object should be")
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self._at(reference)
        raise Faulty("its references go round in a circle")

    def validator(self, schema: object) -> jsonschema_rs.Draft202012Validator:
        """A validator of what this schema describes. Nothing outside of the document is ever fetched.

        Raises:
            Faulty: it is no schema.
        """
        if not isinstance(schema, dict | bool):
            raise Faulty("it has something else where a schema should be")
        rooted = schema if isinstance(schema, bool) else schema | self._roots()
        try:
            return jsonschema_rs.Draft202012Validator(rooted, mask=MASK, offline=True)
        except ValueError as fault:
            raise Faulty(f"it has a schema that is none: {str(fault).partition(chr(10))[0]}") from None

    def _roots(self) -> dict[str, Any]:
        """What references in schemas lead to."""
        return {name: self._whole[name] for name in ("components", "paths") if name in self._whole}

    def _at(self, reference: str) -> object:
        node: object = self._whole
        if not reference.startswith("#/"):
            raise Faulty(f"it refers to {reference!r}, outside of itself")
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or name not in node:
                raise Faulty(f"it refers to {reference!r}, which it does not have")
            node = node[name]
        return node


def _modern(node: Any) -> Any:
    """Schemas of OpenAPI 3.0 in the words of JSON Schema 2020-12, which 3.1 speaks."""
    if isinstance(node, list):
        return [_modern(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {name: _modern(value) for name, value in node.items()}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
            made[exclusive] = made.pop(bound)
    if made.get("nullable") is True:
        del made["nullable"]
        return {"anyOf": [made, {"type": "null"}]}
    return made
