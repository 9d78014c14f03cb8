"""An OpenAPI document: its operations, and its schemas as validators."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import jsonschema_rs

VERSIONS: Final = ("3.0.", "3.1.", "3.2.")

MAX_REFERENCES: Final = 20
"""References that lead to references, at most."""

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

MASK: Final = "it"
"""Replaces the client's values in messages: they may be secrets."""


class UnusableDescription(Exception):
    """The description of a service, or a part of it, is missing or invalid; the message says why."""


class Document:
    """The description of a service.

    Raises:
        UnusableDescription: it is no OpenAPI document of a known version.
    """

    def __init__(self, content: bytes) -> None:
        try:
            root = msgspec.json.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnusableDescription(f"it is not JSON: {error}") from None
        version = root.get("openapi") if isinstance(root, dict) else None
        if not isinstance(version, str) or not version.startswith(VERSIONS):
            raise UnusableDescription(f"its version is {version!r}, not 3.0 to 3.2")
        if not isinstance(root.get("paths", {}), dict):
            raise UnusableDescription("its paths are not an object")
        try:
            self._root: dict[str, Any] = _upgraded(root) if version.startswith("3.0.") else root
        except RecursionError:
            raise UnusableDescription("it is nested too deeply") from None

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any], list[Any]]]:
        """Path, method, operation, and the parameters of the path, which are those of all its operations."""
        for path, reference in self._root.get("paths", {}).items():
            try:
                item = self.resolve(reference)
            except UnusableDescription:
                continue
            for method in METHODS:
                if isinstance(operation := item.get(method), dict):
                    parameters = item.get("parameters", [])
                    yield path, method.upper(), operation, parameters if isinstance(parameters, list) else []

    def resolve(self, node: object) -> dict[str, Any]:
        """An object, or what the reference in its place leads to.

        Raises:
            UnusableDescription: that is no object of this document.
        """
        for _ in range(MAX_REFERENCES):
            if not isinstance(node, dict):
                raise UnusableDescription("an object is missing")
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = self._lookup(reference)
        raise UnusableDescription("its references form a circle")

    def validator(self, schema: object) -> "jsonschema_rs.Draft202012Validator":
        """A validator for this schema. Nothing outside the document is ever fetched.

        Raises:
            UnusableDescription: it is no schema.
        """
        if not isinstance(schema, dict | bool):
            raise UnusableDescription("a schema is missing")
        roots = {name: self._root[name] for name in ("components", "paths") if name in self._root}
        rooted = schema if isinstance(schema, bool) else schema | roots
        try:
            import jsonschema_rs  # noqa: PLC0415 (optional: the table was checked)

            return jsonschema_rs.Draft202012Validator(rooted, mask=MASK, offline=True)
        except ValueError as error:
            raise UnusableDescription(f"a schema is invalid: {str(error).partition(chr(10))[0]}") from None

    def _lookup(self, reference: str) -> object:
        node: object = self._root
        if not reference.startswith("#/"):
            raise UnusableDescription(f"it refers to {reference!r}, outside of itself")
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or name not in node:
                raise UnusableDescription(f"it refers to {reference!r}, which it does not have")
            node = node[name]
        return node


def _upgraded(node: Any) -> Any:
    """Schemas of OpenAPI 3.0 as JSON Schema 2020-12, which 3.1 uses."""
    if isinstance(node, list):
        return [_upgraded(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {name: _upgraded(value) for name, value in node.items()}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)
    if schema.get("nullable") is True:
        del schema["nullable"]
        return {"anyOf": [schema, {"type": "null"}]}
    return schema
