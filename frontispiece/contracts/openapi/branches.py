"""A JSON schema as a union of branches with one type each, its combinations resolved."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from frontispiece.contracts.openapi.document import Document, NotUnderstood

Json = Mapping[str, Any]

TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
EVERY_TYPE: Final = ("null", "boolean", "number", "string", "array", "object")
"""The types of a schema that names none; an integer is a number."""

OF_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "null": frozenset(),
    "boolean": frozenset(),
    "number": frozenset(
        {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"}
    ),
    "string": frozenset(
        {
            "minLength",
            "maxLength",
            "pattern",
            "format",
            "contentEncoding",
            "contentMediaType",
            "contentSchema",
        }
    ),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems"}),
    "object": frozenset(
        {"properties", "required", "additionalProperties", "minProperties", "maxProperties", "discriminator"}
    ),
}
"""The keywords that concern values of a type."""

ANNOTATIONS: Final = frozenset(
    {
        *("title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly"),
        *("externalDocs", "xml", "$comment", "$schema", "$id", "$anchor", "$defs", "definitions"),
    }
)
"""Keywords that no value can break."""

STRUCTURE: Final = frozenset(
    {"type", "enum", "const", "nullable", "anyOf", "oneOf", "allOf", "$ref", "discriminator"}
)
KNOWN: Final = frozenset().union(*OF_TYPE.values()) | ANNOTATIONS | STRUCTURE

MAX_BRANCHES: Final = 200


@dataclass(frozen=True, kw_only=True)
class Branch:
    """The values of one type that a schema allows.

    Args:
        type: one of `TYPES`.
        rules: the keywords for this type, `enum` and those that are not known here.
        name: what tells it from other variants: a constant in it, its title or component; empty without one.
    """

    type: str
    rules: Mapping[str, Any]
    name: str = ""

    @property
    def family(self) -> str:
        """The type, with integers among the numbers."""
        return "number" if self.type == "integer" else self.type


def branches(document: Document, schema: Any, above: tuple[str, ...] = ()) -> list[Branch]:
    """The branches of a schema.

    Raises:
        NotUnderstood: the schema is none, or combines what cannot be combined here.
    """
    if schema is True:
        schema = {}
    if schema is False:
        return []
    if not isinstance(schema, dict):
        raise NotUnderstood(f"{str(schema)[:60]!r} is no schema")
    parts = [_own(schema)]
    if (reference := schema.get("$ref")) is not None:
        if reference in above:
            raise NotUnderstood(f"{reference} is nothing but itself")
        name = reference.rpartition("/")[2]
        found = branches(document, document.target(reference), (*above, reference))
        parts.append([each if each.name else replace(each, name=name) for each in found])
    parts += [
        [branch for each in schema[keyword] for branch in branches(document, each, above)]
        for keyword in ("anyOf", "oneOf")
        if keyword in schema
    ]
    parts += [branches(document, each, above) for each in schema.get("allOf", ())]
    combined = parts[0]
    for part in parts[1:]:
        combined = [both for one in combined for other in part if (both := _both(one, other)) is not None]
    if len(combined) > MAX_BRANCHES:
        raise NotUnderstood(f"it has more than {MAX_BRANCHES} alternatives")
    return list(_joined(combined))


def _own(schema: Json) -> list[Branch]:
    """The branches that a schema's own keywords make, without those of the schemas in it."""
    named = schema.get("type")
    types = EVERY_TYPE if named is None else (named,) if isinstance(named, str) else tuple(named)
    if unknown := [each for each in types if each not in TYPES]:
        raise NotUnderstood(f"there is no type {unknown[0]}")
    if schema.get("nullable") is True and named is not None and "null" not in types:
        types = (*types, "null")
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    further = {
        name: value for name, value in schema.items() if name not in KNOWN and not name.startswith("x-")
    }
    name = _tag(schema.get("properties", {})) or (schema.get("title", "") if "properties" in schema else "")
    found = []
    for each in types:
        keywords = OF_TYPE["number" if each == "integer" else each]
        rules = {keyword: value for keyword, value in schema.items() if keyword in keywords} | further
        if values is not None:
            matching = [value for value in values if IS_OF[each](value)]
            if not matching:
                continue
            rules["enum"] = matching
        found.append(Branch(type=each, rules=rules, name=name))
    return found


def _tag(properties: Json) -> str:
    """The members of an object that have one value only, which tell it from other variants."""
    constants = {
        name: [each["const"]] if "const" in each else each.get("enum", [])
        for name, each in properties.items()
        if isinstance(each, dict)
    }
    return ", ".join(f"{name} {values[0]}" for name, values in constants.items() if len(values) == 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


IS_OF: Final[Mapping[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and float(value).is_integer(),
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
"""Whether a JSON value is of a type."""


def _both(one: Branch, other: Branch) -> Branch | None:
    """The branch of the values that both allow; None for no values."""
    if one.family != other.family:
        return None
    rules: dict[str, Any] = dict(one.rules)
    for keyword, value in other.rules.items():
        rules[keyword] = _combined(keyword, rules[keyword], value) if keyword in rules else value
    if "properties" in rules and _closes_another(one, other):
        raise NotUnderstood("allOf with closed additionalProperties")
    kind = "integer" if "integer" in {one.type, other.type} else one.type
    if "enum" in rules and not rules["enum"]:
        return None
    return Branch(type=kind, rules=rules, name=one.name or other.name)


def _closes_another(one: Branch, other: Branch) -> bool:
    """Whether one of two objects refuses or restricts members that only the other one names."""
    for closing, named in ((one, other), (other, one)):
        rule = closing.rules.get("additionalProperties", True)
        foreign = named.rules.get("properties", {}).keys() - closing.rules.get("properties", {}).keys()
        if rule is not True and foreign:
            return True
    return False


def _properties(one: Json, other: Json) -> Json:
    shared = {name: {"allOf": [one[name], other[name]]} for name in one.keys() & other.keys()}
    return {**one, **other, **shared}


_COMBINED: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "required": lambda one, other: sorted({*one, *other}),
    "properties": _properties,
    "enum": lambda one, other: [value for value in one if value in other],
    "items": lambda one, other: {"allOf": [one, other]},
    "uniqueItems": lambda one, other: one or other,
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
"""The combination of two rules of a keyword, by the keyword."""


def _combined(keyword: str, one: Any, other: Any) -> Any:
    if one == other:
        return one
    if keyword not in _COMBINED:
        raise NotUnderstood(f"allOf with two rules {keyword}")
    return _COMBINED[keyword](one, other)


def _joined(found: Iterable[Branch]) -> Iterator[Branch]:
    """The branches, those that only list values joined by their type, and none twice."""
    listed: dict[str, list[Any]] = {}
    seen: list[Branch] = []
    for branch in found:
        if branch.family in {"null", "boolean", "string", "number"} and branch.rules.keys() == {"enum"}:
            values = listed.setdefault(branch.type, [])
            values += [value for value in branch.rules["enum"] if value not in values]
        elif not any((branch.type, branch.rules) == (each.type, each.rules) for each in seen):
            seen.append(branch)
    yield from seen
    for name, values in listed.items():
        yield Branch(type=name, rules={"enum": values})
