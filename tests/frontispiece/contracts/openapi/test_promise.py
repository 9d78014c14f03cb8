"""What "compatible" promises: nothing new is sent, and all that was taken still is."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from frontispiece.contracts.openapi.verdicts import Verdict
from tests.frontispiece.contracts.openapi.documents import Json, changes, responding, taking

NAMES = ("a", "b", "c")
EXAMPLES = 60


def optional(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """A rule that may be missing."""
    return st.one_of(st.just({}), values.map(lambda value: {name: value}))


def together(*parts: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.tuples(*parts).map(
        lambda found: {name: value for each in found for name, value in each.items()}
    )


small = st.integers(0, 3)
texts = together(
    st.just({"type": "string"}),
    optional("minLength", small),
    optional("maxLength", st.integers(3, 5)),
    optional("enum", st.lists(st.sampled_from(["", "a", "ab", "abc"]), min_size=1, unique=True)),
    optional("pattern", st.sampled_from(["^a", "b$"])),
)
numbers = together(
    st.sampled_from(["integer", "number"]).map(lambda name: {"type": name}),
    optional("minimum", st.integers(-3, 0)),
    optional("exclusiveMinimum", st.integers(-3, 0)),
    optional("maximum", st.integers(1, 4)),
    optional("exclusiveMaximum", st.integers(2, 5)),
    optional("multipleOf", st.sampled_from([1, 2, 4])),
)
scalars: st.SearchStrategy[Json] = st.one_of(
    texts,
    numbers,
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": "a"}, {"enum": [1, "a"]}, {}]),
    st.sampled_from([{"type": ["string", "null"]}, {"type": ["integer", "string"]}]),
)


def containers(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    lists = together(
        st.just({"type": "array"}),
        optional("items", inner),
        optional("minItems", st.integers(0, 1)),
        optional("maxItems", st.integers(1, 3)),
    )
    objects = together(
        st.just({"type": "object"}),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=3).map(lambda found: {"properties": found}),
        optional("required", st.lists(st.sampled_from(NAMES), unique=True)),
        optional("additionalProperties", st.one_of(st.booleans(), inner)),
    )
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda found: {"anyOf": found})
    both = st.lists(inner, min_size=2, max_size=2).map(lambda found: {"allOf": found})
    return st.one_of(lists, objects, unions, both)


schemas: st.SearchStrategy[Json] = st.recursive(scalars, containers, max_leaves=5)


@st.composite
def changed(draw: st.DrawFn, schema: Json) -> Json:
    """A schema with something in it replaced, dropped or added."""
    inner = [name for name, value in schema.items() if isinstance(value, dict) and name != "properties"]
    properties = schema.get("properties", {})
    where = draw(st.sampled_from(["whole", "rule", *inner, *(["property"] if properties else [])]))
    if where == "whole":
        return draw(st.one_of(schemas, st.just({"anyOf": [schema, draw(scalars)]})))
    if where == "property":
        name = draw(st.sampled_from(sorted(properties)))
        return {**schema, "properties": {**properties, name: draw(changed(properties[name]))}}
    if where in inner:
        return {**schema, where: draw(changed(schema[where]))}
    other = draw(schemas)
    name = draw(st.sampled_from(sorted({*schema, *other}) or ["type"]))
    less = {key: value for key, value in schema.items() if key != name}
    return {**less, name: other[name]} if name in other and draw(st.booleans()) else less


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Json, Json]:
    before = draw(schemas)
    return before, draw(changed(before))


def _any_scalar() -> st.SearchStrategy[Any]:
    return st.one_of(
        st.none(), st.booleans(), st.integers(-4, 6), st.floats(-4, 6), st.text("ab", max_size=4)
    )


def likely(schema: Any) -> st.SearchStrategy[Any]:
    """Values of which many are those of a schema; which are, a validator says."""
    if not isinstance(schema, dict) or not schema:
        return _any_scalar()
    if "allOf" in schema or "anyOf" in schema:
        parts: list[Any] = schema.get("anyOf") or schema["allOf"]
        return st.one_of([likely(each) for each in parts])
    if "const" in schema or "enum" in schema:
        return st.sampled_from([schema["const"]] if "const" in schema else schema["enum"])
    match schema.get("type"):
        case "array":
            return st.lists(likely(schema.get("items", {})), max_size=3)
        case "object":
            members = {name: likely(each) for name, each in schema.get("properties", {}).items()}
            further = schema.get("additionalProperties", False)
            if isinstance(further, dict):
                members |= {name: likely(further) for name in ("y", "z")}
            return st.fixed_dictionaries({}, optional=members)
        case _:
            return _any_scalar()


def is_compatible(schema: Json, other: Json, *, sent: bool) -> bool:
    document = responding if sent else taking
    return all(each.verdict is Verdict.COMPATIBLE for each in changes(document(schema), document(other)))


def allows(schema: Json, value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("sent", [True, False], ids=["nothing new is sent", "all is taken that was"])
@settings(max_examples=EXAMPLES, derandomize=True)
@given(pair=pairs(), data=st.data())
def test_what_is_compatible_keeps_its_promise(
    pair: tuple[Json, Json], data: st.DataObject, *, sent: bool
) -> None:
    before, after = pair
    assume(is_compatible(before, after, sent=sent))
    narrow, wide = (after, before) if sent else (before, after)

    for _ in range(5):
        value = data.draw(likely(narrow))
        assert not allows(narrow, value) or allows(wide, value), (before, after, value)
