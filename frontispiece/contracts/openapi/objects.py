"""Changes of the members of objects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from frontispiece.contracts.openapi.document import Document
from frontispiece.contracts.openapi.verdicts import Changes, Direction, SchemaChange, sizes

if TYPE_CHECKING:
    from frontispiece.contracts.openapi.schemas import Comparison

Rules = Mapping[str, Any]


def compare(comparison: "Comparison", old: Rules, new: Rules, pointer: str) -> Changes:
    """The changes from the rules of one object to those of another."""
    yield from sizes(old, new, "minProperties", "maxProperties", pointer)
    before = _members(comparison.old, old, comparison.direction)
    after = _members(comparison.new, new, comparison.direction)
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before.keys() | after.keys() | needed | needs):
        at = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name in before and name in after:
            yield from comparison.compare(before[name], after[name], at)
        elif name in before:
            yield from _gone(comparison, before[name], new, at)
            continue
        elif name in after:
            yield from _came(comparison, old, after[name], at, required=name in needs - needed)
            if name not in needed:
                continue
        if (name in needed) != (name in needs):
            kind = "property became required" if name in needs else "property became optional"
            yield SchemaChange(kind=kind, pointer=at)
    yield from _further(comparison, old, new, pointer)


def _members(document: Document, rules: Rules, direction: Direction) -> dict[str, Any]:
    """The members that are sent in a direction."""
    foreign = "writeOnly" if direction is Direction.RESPONSE else "readOnly"
    found = rules.get("properties", {})
    return {
        name: schema
        for name, schema in found.items()
        if not (
            isinstance(schema, dict) and document.resolve(schema).get(foreign, schema.get(foreign)) is True
        )
    }


def _gone(comparison: "Comparison", old: Any, new: Rules, pointer: str) -> Changes:
    rule = new.get("additionalProperties", True)
    if rule is True or rule == {}:
        yield SchemaChange(kind="property removed", pointer=pointer)
    elif rule is False:
        yield SchemaChange(kind="property refused", pointer=pointer)
    else:
        yield SchemaChange(kind="property removed", pointer=pointer)
        yield from comparison.compare(old, rule, pointer)


def _came(comparison: "Comparison", old: Rules, new: Any, pointer: str, *, required: bool) -> Changes:
    rule = old.get("additionalProperties", True)
    kind = "required property added" if required else "property added"
    yield SchemaChange(kind=f"{kind} to a closed object" if rule is False else kind, pointer=pointer)
    if rule is not False and rule is not True and rule != {}:
        yield from comparison.compare(rule, new, pointer)


def _further(comparison: "Comparison", old: Rules, new: Rules, pointer: str) -> Changes:
    """The changes of members whose names are not listed."""
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if before is not False and after is False:
        yield SchemaChange(kind="further properties refused", pointer=pointer)
    elif before is False and after is not False:
        yield SchemaChange(kind="further properties allowed", pointer=pointer)
    elif after is not False:
        yield from comparison.compare(before, after, f"{pointer}/*")
