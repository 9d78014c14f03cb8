"""JSON schemas within an OpenAPI document, as far as they name members and types."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

ANY_NAME: Final = "*"
"""The members of an object whose names are data."""

TYPES: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
    list: "array",
}


class SchemaTree:
    """The schemas of an OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def fields(self, schema: Any, path: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
        """Every member at any depth, such as `lines[].total`; an object within itself is not followed."""
        for each, reference in self.alternatives(schema):
            if reference in above:
                continue
            within = (*above, reference) if reference else above
            for name, inner in members(each):
                yield join(path, name)
                yield from self.fields(inner, join(path, name), within)
            if "items" in each:
                yield from self.fields(each["items"], f"{path}[]", within)

    def alternatives(self, schema: Any) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The schema, or each of those that it consists of, with the reference that leads to it."""
        if not isinstance(schema, Mapping):
            return
        if reference := schema.get("$ref"):
            target: Any = self._document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
            for each, inner in self.alternatives(target):
                yield each, inner or reference
            return
        parts = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ())]
        if not parts:
            yield schema, ""
        for part in parts:
            yield from self.alternatives(part)

    def types(self, schema: Any) -> set[str]:
        """The JSON types of its values, `date-time` for such strings; empty where the schema does not say."""
        found: set[str] = set()
        for each, _ in self.alternatives(schema):
            named = each.get("type", ())
            types = {named} if isinstance(named, str) else set(named)
            values = [*each.get("enum", ()), *([each["const"]] if "const" in each else [])]
            types |= {TYPES.get(type(value), "object") for value in values}
            if not types:
                return set()  # anything
            if each.get("format") == "date-time" and "string" in types:
                types = types - {"string"} | {"date-time"}
            found |= types
        return found


def members(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of an object that a schema names; `*` for those whose names are data."""
    yield from schema.get("properties", {}).items()
    if further := schema.get("additionalProperties"):
        yield ANY_NAME, {} if further is True else further


def join(path: str, name: str) -> str:
    """The path of a member."""
    return f"{path}.{name}" if path else name
