"""Which values a schema allows that another one does not, as named changes; see `compare`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from frontispiece.contracts.openapi import bounds, objects
from frontispiece.contracts.openapi.branches import ANNOTATIONS, KNOWN, Branch, branches
from frontispiece.contracts.openapi.document import Document, NotUnderstood
from frontispiece.contracts.openapi.verdicts import Changes, Direction, SchemaChange, shortened, sizes


@dataclass
class Comparison:
    """Two documents whose schemas are compared.

    Args:
        direction: members that are only read, or only written, are none of the other direction's.
    """

    old: Document
    new: Document
    direction: Direction
    _above: set[tuple[str, str]] = field(default_factory=set)

    def compare(self, old: Any, new: Any, pointer: str = "") -> Changes:
        """Every change from one schema to another; recursion is followed once."""
        if _is_anything(old) and _is_anything(new):
            return
        pair = (_reference(old), _reference(new))
        if all(pair):
            if pair in self._above:
                return
            self._above.add(pair)
        try:
            yield from self._compared(old, new, pointer)
        finally:
            self._above.discard(pair)

    def _compared(self, old: Any, new: Any, pointer: str) -> Changes:
        yield from self._defaults(old, new, pointer)
        try:
            before, after = branches(self.old, old), branches(self.new, new)
        except NotUnderstood as reason:
            if self.old.expanded(old) != self.new.expanded(new):
                yield SchemaChange(kind="not understood", pointer=pointer, detail=str(reason))
            return
        if _discriminator(self.old, old) != _discriminator(self.new, new):
            yield SchemaChange(kind="discriminator changed", pointer=pointer)
        pairs, removed, added = self._paired(before, after)
        for one, other in pairs:
            yield from self.detail(one, other, pointer)
        added = [each for each in added if not any(self._covers(one, each) for one in before)]
        removed = [each for each in removed if not any(self._covered(each, other) for other in after)]
        yield from _of_types(before, after, added, removed, pointer)

    def _paired(
        self, before: list[Branch], after: list[Branch]
    ) -> tuple[list[tuple[Branch, Branch]], list[Branch], list[Branch]]:
        """Branches that are the same one before and after; those that are gone, and those that are new.

        They are the same with the same rules, or else with the same name, or else as the last of their type.
        """
        pairs: list[tuple[Branch, Branch]] = []
        gone, came = list(before), list(after)
        for is_same in (
            lambda one, other: one.rules == other.rules,
            lambda one, other: one.name == other.name != "",
            lambda one, other: _is_alone(one, gone) and _is_alone(other, came),
        ):
            for one in list(gone):
                found = next((each for each in came if each.type == one.type and is_same(one, each)), None)
                if found is not None:
                    pairs.append((one, found))
                    gone.remove(one)
                    came.remove(found)
        return pairs, gone, came

    def _covers(self, one: Branch, new: Branch) -> bool:
        """Whether an old branch allows all values of a new one."""
        if one.family != new.family or (one.type == "integer" != new.type):
            return False
        return not any(change.widens for change in self.detail(one, new, ""))

    def _covered(self, old: Branch, new: Branch) -> bool:
        """Whether a new branch allows all values of an old one."""
        swapped = Comparison(self.new, self.old, self.direction, {(b, a) for a, b in self._above})
        return swapped._covers(new, old)

    def detail(self, old: Branch, new: Branch, pointer: str) -> Changes:
        """The changes from one branch to another of the same type."""
        one, other = old.rules, new.rules
        yield from _further(self, one, other, pointer)
        if "enum" in one or "enum" in other:
            yield from _enums(one, other, pointer)
            if "enum" in other:
                return
        match old.family:
            case "number":
                yield from _numbers(old, new, pointer)
            case "string":
                yield from _strings(one, other, pointer)
            case "array":
                yield from self._arrays(one, other, pointer)
            case "object":
                yield from objects.compare(self, one, other, pointer)

    def _arrays(self, old: Mapping[str, Any], new: Mapping[str, Any], pointer: str) -> Changes:
        yield from sizes(old, new, "minItems", "maxItems", pointer)
        if old.get("uniqueItems", False) != new.get("uniqueItems", False):
            kind = "items became unique" if new.get("uniqueItems") else "items may repeat"
            yield SchemaChange(kind=kind, pointer=pointer)
        first, then = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(first) != len(then):
            yield SchemaChange(kind="tuple changed", pointer=pointer)
        for index, (one, other) in enumerate(zip(first, then, strict=False)):
            yield from self.compare(one, other, f"{pointer}/{index}")
        yield from self.compare(old.get("items", True), new.get("items", True), f"{pointer}/*")

    def _defaults(self, old: Any, new: Any, pointer: str) -> Changes:
        before, after = _default(self.old, old), _default(self.new, new)
        if before == after:
            return
        kind = (
            "default added" if before is None else "default dropped" if after is None else "default changed"
        )
        yield SchemaChange(kind=kind, pointer=pointer, detail=f"{shortened(before)} → {shortened(after)}")


def _is_alone(branch: Branch, others: list[Branch]) -> bool:
    return sum(each.type == branch.type for each in others) == 1


def _of_types(
    before: list[Branch], after: list[Branch], added: list[Branch], removed: list[Branch], pointer: str
) -> Changes:
    """Branches that came or went, in words: null, another type, another variant of a type."""
    kinds = (
        (added, before, "became nullable", "type widened", "variant added"),
        (removed, after, "became non-nullable", "type narrowed", "variant removed"),
    )
    for branches_of, others, null, of_type, variant in kinds:
        types = {each.type for each in others}
        foreign = [each.type for each in branches_of if each.type not in types]
        if foreign == ["null"] and others:
            yield SchemaChange(kind=null, pointer=pointer)
        elif foreign:
            known = ", ".join(sorted(types)) or "nothing"
            yield SchemaChange(kind=of_type, pointer=pointer, detail=f"{', '.join(foreign)} beside {known}")
        for each in branches_of:
            if each.type in types:
                yield SchemaChange(kind=variant, pointer=pointer, detail=each.name or each.type)


def _enums(old: Mapping[str, Any], new: Mapping[str, Any], pointer: str) -> Changes:
    before, after = old.get("enum"), new.get("enum")
    if before is None:
        assert after is not None
        yield SchemaChange(kind="restricted to an enum", pointer=pointer, detail=shortened(after))
        if strange := [value for value in after if not bounds.keeps(old, value)]:
            yield SchemaChange(kind="enum value added", pointer=pointer, detail=shortened(strange))
    elif after is None:
        yield SchemaChange(kind="enum dropped", pointer=pointer, detail=shortened(before))
        if lost := [value for value in before if not bounds.keeps(new, value)]:
            yield SchemaChange(kind="enum value removed", pointer=pointer, detail=shortened(lost))
    else:
        rest, other_rest = _besides_enum(old), _besides_enum(new)
        is_same = rest == other_rest
        for value in after:
            if not _among(value, before) or not (is_same or bounds.keeps(rest, value)):
                yield SchemaChange(kind="enum value added", pointer=pointer, detail=shortened(value))
        for value in before:
            if not _among(value, after) or not (is_same or bounds.keeps(other_rest, value)):
                yield SchemaChange(kind="enum value removed", pointer=pointer, detail=shortened(value))


def _besides_enum(rules: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rules that its values must keep as well."""
    return {keyword: rule for keyword, rule in rules.items() if keyword != "enum"}


def _among(value: Any, values: list[Any]) -> bool:
    return any(type(value) is type(each) and value == each for each in values)


def _numbers(old: Branch, new: Branch, pointer: str) -> Changes:
    integers = old.type == "integer" and new.type == "integer"
    for of, is_wider, words in (
        (bounds.lower, bounds.is_below, "minimum"),
        (bounds.upper, bounds.is_above, "maximum"),
    ):
        before = of(old.rules, is_integer=old.type == "integer")
        after = of(new.rules, is_integer=new.type == "integer")
        if before != after:
            kind = "bound loosened" if is_wider(after, before) else "bound tightened"
            yield SchemaChange(kind=kind, pointer=pointer, detail=f"{words}: {before.value} → {after.value}")
    before_step, after_step = old.rules.get("multipleOf"), new.rules.get("multipleOf")
    if before_step != after_step and not (integers and {before_step, after_step} == {None, 1}):
        yield SchemaChange(
            kind=_step_kind(before_step, after_step), pointer=pointer, detail=f"{before_step} → {after_step}"
        )
    yield from _formats(old.rules, new.rules, pointer)


def _step_kind(old: float | None, new: float | None) -> str:
    if old is None or (new is not None and bounds.is_multiple(new, old)):
        return "multiple required"
    if new is None or bounds.is_multiple(old, new):
        return "multiple dropped"
    return "multiple changed"


def _strings(old: Mapping[str, Any], new: Mapping[str, Any], pointer: str) -> Changes:
    yield from sizes(old, new, "minLength", "maxLength", pointer)
    yield from _texts(old, new, "pattern", pointer)
    yield from _formats(old, new, pointer)
    for keyword in ("contentEncoding", "contentMediaType", "contentSchema"):
        if old.get(keyword) != new.get(keyword):
            detail = f"{old.get(keyword)} → {new.get(keyword)}"
            yield SchemaChange(kind="encoding changed", pointer=pointer, detail=detail)


def _formats(old: Mapping[str, Any], new: Mapping[str, Any], pointer: str) -> Changes:
    before, after = old.get("format"), new.get("format")
    if after is not None and bounds.NUMERIC_FORMATS.get(before) == after:
        yield SchemaChange(kind="format widened", pointer=pointer, detail=f"{before} → {after}")
    elif before is not None and bounds.NUMERIC_FORMATS.get(after) == before:
        yield SchemaChange(kind="format narrowed", pointer=pointer, detail=f"{before} → {after}")
    else:
        yield from _texts(old, new, "format", pointer)


def _texts(old: Mapping[str, Any], new: Mapping[str, Any], keyword: str, pointer: str) -> Changes:
    before, after = old.get(keyword), new.get(keyword)
    if before != after:
        what = "required" if before is None else "dropped" if after is None else "changed"
        yield SchemaChange(kind=f"{keyword} {what}", pointer=pointer, detail=f"{before} → {after}")


def _further(comparison: Comparison, old: Mapping[str, Any], new: Mapping[str, Any], pointer: str) -> Changes:
    """Keywords that this module does not know: as long as they stay the same, they change nothing."""
    for keyword in sorted((old.keys() | new.keys()) - KNOWN):
        before = comparison.old.expanded(old.get(keyword))
        if before != comparison.new.expanded(new.get(keyword)):
            yield SchemaChange(kind="not understood", pointer=pointer, detail=keyword)


def _is_anything(schema: Any) -> bool:
    """Whether a schema allows every value, and has no default."""
    return schema is True or (isinstance(schema, dict) and schema.keys() <= ANNOTATIONS - {"default"})


def _reference(schema: Any) -> str:
    """The reference that a schema is, without rules of its own beside it."""
    if isinstance(schema, dict) and schema.keys() <= ANNOTATIONS | {"$ref"}:
        return str(schema.get("$ref", ""))
    return ""


def _default(document: Document, schema: Any) -> Any:
    if not isinstance(schema, dict):
        return None
    if "default" in schema or "$ref" not in schema:
        return schema.get("default")
    return _default(document, document.target(schema["$ref"])) if _reference(schema) else None


def _discriminator(document: Document, schema: Any) -> Any:
    """The property that tells variants apart, and its values with their variants."""
    try:
        found = document.resolve(schema).get("discriminator") if isinstance(schema, dict) else None
    except NotUnderstood:
        return None
    if found is None:
        return None
    return found.get("propertyName"), found.get("mapping", {}).keys()
