"""JSON schemas within an OpenAPI document, as far as they name members and types."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from frontispiece.contracts.openapi.document import Document

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


def fields(document: Document, schema: Any, path: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """Every member at any depth, such as `lines[].total`; an object within itself is not followed."""
    for each, reference in alternatives(document, schema):
        if reference in above:
            continue
        within = (*above, reference) if reference else above
        for name, inner in members(each):
            yield join(path, name)
            yield from fields(document, inner, join(path, name), within)
        if "items" in each:
            yield from fields(document, each["items"], f"{path}[]", within)


def alternatives(document: Document, schema: Any) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The schema, or each of those that it consists of, with the reference that leads to it."""
    if not isinstance(schema, Mapping):
        return
    if reference := schema.get("$ref"):
        for each, inner in alternatives(document, document.target(reference)):
            yield each, inner or reference
        return
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ())]
    if not parts:
        yield schema, ""
    for part in parts:
        yield from alternatives(document, part)


def types(document: Document, schema: Any) -> set[str]:
    """The JSON types of its values, `date-time` for such strings; empty where the schema does not say."""
    found: set[str] = set()
    for each, _ in alternatives(document, schema):
        named = each.get("type", ())
        of_schema = {named} if isinstance(named, str) else set(named)
        values = [*each.get("enum", ()), *([each["const"]] if "const" in each else [])]
        of_schema |= {TYPES.get(type(value), "object") for value in values}
        if not of_schema:
            return set()  # anything
        if each.get("format") == "date-time" and "string" in of_schema:
            of_schema = of_schema - {"string"} | {"date-time"}
        found |= of_schema
    return found


def members(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The members of an object that a schema names; `*` for those whose names are data."""
    yield from schema.get("properties", {}).items()
    if further := schema.get("additionalProperties"):
        yield ANY_NAME, {} if further is True else further


def join(path: str, name: str) -> str:
    """The path of a member."""
    return f"{path}.{name}" if path else name
