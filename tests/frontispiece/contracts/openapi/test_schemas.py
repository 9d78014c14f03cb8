"""Changes of schemas, each with its verdict in a response and in a request."""

from typing import Any

import pytest

from frontispiece.contracts.openapi.document import Document
from frontispiece.contracts.openapi.verdicts import OF_SCHEMAS, Direction
from tests.frontispiece.contracts.openapi.documents import (
    INTEGER,
    NULL,
    NUMBER,
    STRING,
    Json,
    changes,
    responding,
    taking,
    thing,
)

CLOSED = {"additionalProperties": False}
A, AB, A_PERHAPS_B = thing(a=STRING), thing(a=STRING, b=STRING), thing("a", a=STRING, b=STRING)
ANY_A, ANY_AB = thing("none", a=STRING), thing("none", a=STRING, b=STRING)
CAT = thing("kind", kind={"const": "cat"}, lives=INTEGER)
DOG = thing("kind", kind={"const": "dog"}, tail=STRING)
TREE = thing("none", name=STRING, children={"type": "array", "items": {"$ref": "#/components/schemas/Tree"}})


def text(**rules: Any) -> Json:
    return {**STRING, **rules}


def number(**rules: Any) -> Json:
    return {**INTEGER, **rules}


def many(items: Json = STRING, **rules: Any) -> Json:
    return {"type": "array", "items": items, **rules}


def mapping(**rules: Any) -> Json:
    return {"type": "object", **rules}


def places(*items: Json) -> Json:
    return {"type": "array", "prefixItems": list(items)}


def variants(*schemas: Json, **rules: Any) -> Json:
    return {"oneOf": list(schemas), **rules}


def discriminated(name: str) -> Json:
    return variants(CAT, DOG, discriminator={"propertyName": name})


BREAK, WARNING, FINE = "break", "warning", "compatible"

CASES: dict[str, tuple[Any, ...]] = {
    # the kind of a change: in a response, in a request, and examples of before and after
    "property removed": (BREAK, WARNING, (AB, A), (ANY_AB, ANY_A), (many(AB), many(A))),
    "property refused": (BREAK, BREAK, (ANY_AB | CLOSED, ANY_A | CLOSED)),
    "property added": (FINE, FINE, (A, A_PERHAPS_B)),
    "required property added": (FINE, BREAK, (A, AB)),
    "property added to a closed object": (WARNING, FINE, (A | CLOSED, A_PERHAPS_B | CLOSED)),
    "required property added to a closed object": (WARNING, BREAK, (A | CLOSED, AB | CLOSED)),
    "property became optional": (BREAK, FINE, (AB, A_PERHAPS_B)),
    "property became required": (
        FINE,
        BREAK,
        (A_PERHAPS_B, AB),
        ({"allOf": [A, thing("none", b=STRING)]}, {"allOf": [A, thing(b=STRING)]}),
    ),
    "further properties refused": (FINE, BREAK, (A, A | CLOSED)),
    "further properties allowed": (WARNING, FINE, (A | CLOSED, A)),
    "type widened": (
        BREAK,
        FINE,
        (mapping(additionalProperties=INTEGER), mapping(additionalProperties=NUMBER)),
        (INTEGER, NUMBER),
        (STRING, {"type": ["string", "integer"]}),
        (text(), {}),
    ),
    "bound tightened": (
        FINE,
        BREAK,
        (mapping(maxProperties=9), mapping(maxProperties=5)),
        (number(minimum=0), number(minimum=1)),
        (number(), number(minimum=1)),
        (number(maximum=10), number(maximum=9)),
        ({**NUMBER, "minimum": 1}, {**NUMBER, "exclusiveMinimum": 1}),
        (text(maxLength=10), text(maxLength=9)),
        (text(), text(minLength=1)),
        (many(), many(minItems=1)),
    ),
    "type narrowed": (
        FINE,
        BREAK,
        (NUMBER, INTEGER),
        ({"type": ["string", "integer"]}, STRING),
        ({}, text()),
    ),
    "became nullable": (
        BREAK,
        FINE,
        (STRING, {"type": ["string", "null"]}),
        (STRING, {"anyOf": [STRING, NULL]}),
        (STRING, text(nullable=True)),
        (places(STRING), places({"type": ["string", "null"]})),
    ),
    "became non-nullable": (FINE, BREAK, ({"anyOf": [STRING, NULL]}, STRING)),
    "enum value added": (
        BREAK,
        FINE,
        (text(enum=["a"]), text(enum=["a", "b"])),
        ({"const": "a"}, {"enum": ["a", "b"]}),
        (number(enum=[1]), number(enum=[1, 2])),
    ),
    "enum value removed": (FINE, BREAK, (text(enum=["a", "b"]), text(enum=["a"]))),
    "enum dropped": (BREAK, FINE, (text(enum=["a"]), text())),
    "restricted to an enum": (FINE, BREAK, (text(), text(enum=["a"]))),
    "bound loosened": (
        BREAK,
        FINE,
        (number(minimum=1), number(minimum=0)),
        (number(minimum=1), number()),
        (number(maximum=9), number(maximum=10)),
        (text(maxLength=9), text(maxLength=10)),
        (text(minLength=1), text()),
        (many(maxItems=9), many(maxItems=10)),
        (many(minItems=1), many()),
    ),
    "multiple required": (FINE, BREAK, (number(), number(multipleOf=5))),
    "multiple dropped": (
        BREAK,
        FINE,
        (number(multipleOf=5), number()),
        (number(multipleOf=10), number(multipleOf=5)),
    ),
    "multiple changed": (BREAK, BREAK, (number(multipleOf=5), number(multipleOf=3))),
    "pattern required": (FINE, BREAK, (text(), text(pattern="^a"))),
    "pattern dropped": (BREAK, FINE, (text(pattern="^a"), text())),
    "pattern changed": (BREAK, BREAK, (text(pattern="^a"), text(pattern="^b"))),
    "format required": (FINE, BREAK, (text(), text(format="uuid"))),
    "format dropped": (BREAK, FINE, (text(format="uuid"), text())),
    "format changed": (BREAK, BREAK, (text(format="date-time"), text(format="date"))),
    "format widened": (BREAK, FINE, (number(format="int32"), number(format="int64"))),
    "format narrowed": (FINE, BREAK, (number(format="int64"), number(format="int32"))),
    "encoding changed": (BREAK, BREAK, (text(contentEncoding="base64"), text(contentEncoding="base16"))),
    "items became unique": (FINE, BREAK, (many(), many(uniqueItems=True))),
    "items may repeat": (BREAK, FINE, (many(uniqueItems=True), many())),
    "tuple changed": (BREAK, BREAK, (places(STRING), places(STRING, STRING))),
    "variant added": (BREAK, FINE, (variants(CAT), variants(CAT, DOG))),
    "variant removed": (FINE, BREAK, (variants(CAT, DOG), variants(CAT))),
    "discriminator changed": (BREAK, BREAK, (discriminated("kind"), discriminated("species"))),
    "default changed": (FINE, BREAK, (number(default=20), number(default=10))),
    "default dropped": (FINE, WARNING, (number(default=20), number())),
    "default added": (FINE, WARNING, (number(), number(default=20))),
    "not understood": (
        BREAK,
        BREAK,
        (STRING, text(**{"not": {"const": "a"}})),
        (mapping(patternProperties={"^a": STRING}), mapping(patternProperties={"^a": INTEGER})),
    ),
}


def test_a_change_has_one_verdict_for_what_is_sent_and_one_for_what_is_taken() -> None:
    for kind, (response, request, *examples) in CASES.items():
        for before, after in examples:
            sent = changes(responding(before), responding(after))
            taken = changes(taking(before), taking(after))
            assert [(each.kind, each.verdict) for each in sent] == [(kind, response)], (before, after)
            assert [(each.kind, each.verdict) for each in taken] == [(kind, request)], (before, after)
            assert all(each.reason for each in [*sent, *taken])


SAME: dict[str, tuple[Any, Any]] = {
    "words": (text(title="A", description="a", examples=["x"]), text(description="b", deprecated=True)),
    "the order of a union": ({"anyOf": [STRING, NULL]}, {"type": ["null", "string"]}),
    "oneOf for anyOf": ({"anyOf": [CAT, DOG]}, variants(DOG, CAT)),
    "an exclusive bound of integers": (number(exclusiveMinimum=0), number(minimum=1)),
    "a bound that OpenAPI 3.0 says in two words": (
        {**NUMBER, "minimum": 0, "exclusiveMinimum": True},
        {**NUMBER, "exclusiveMinimum": 0},
    ),
    "a constant as an enum": ({"const": "a"}, text(enum=["a"])),
    "enums in parts": ({"anyOf": [text(enum=["a"]), text(enum=["b"])]}, text(enum=["b", "a"])),
    "one part of allOf": ({"allOf": [thing(a=STRING)]}, thing(a=STRING)),
    "a bound of 0": (many(), many(minItems=0)),
    "any further properties, said aloud": (thing(a=STRING), thing(a=STRING) | {"additionalProperties": True}),
    "a condition that stays": (text(**{"not": {"const": "a"}}), text(**{"not": {"const": "a"}})),
    "extensions": (text(), text(**{"x-order": 3})),
    "integers beside the numbers that they are": (NUMBER, {"type": ["number", "integer"]}),
    "names that are required and not described": (
        {"type": "object", "required": ["a"]},
        {"type": "object", "required": ["a"]},
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_what_means_the_same_is_no_change(case: str) -> None:
    before, after = SAME[case]

    assert changes(responding(before), responding(after)) == []
    assert changes(taking(before), taking(after)) == []
    assert changes(responding(after), responding(before)) == []


def test_a_schema_within_itself_is_compared_once() -> None:
    reference = {"$ref": "#/components/schemas/Tree"}
    nullable = thing("none", name={"type": ["string", "null"]}, children=TREE["properties"]["children"])

    found = changes(responding(reference, Tree=TREE), responding(reference, Tree=nullable))

    assert [(each.kind, each.pointer) for each in found] == [("became nullable", "/name")]


def rows(outer: str, inner: str, row: Json) -> Document:
    """A document whose response is a component with a list of another one."""
    table = thing(rows=many({"$ref": f"#/components/schemas/{inner}"}))
    return responding({"$ref": f"#/components/schemas/{outer}"}, **{outer: table, inner: row})


def test_a_renamed_component_is_no_change_and_pointers_lead_through_items_and_names() -> None:
    old, same = (rows(outer, inner, thing(**{"a/b": STRING})) for outer, inner in ("AB", "CD"))

    assert changes(old, same) == []
    assert [each.pointer for each in changes(old, rows("C", "D", thing()))] == ["/rows/*/a~1b"]


def test_members_that_are_only_written_are_not_sent_and_those_only_read_not_taken() -> None:
    old, new = AB, thing(a=STRING, b=text(writeOnly=True))
    read = thing(a=STRING, b=text(readOnly=True))

    assert [each.kind for each in changes(responding(old), responding(new))] == ["property removed"]
    assert changes(taking(old), taking(new)) == []
    assert [each.kind for each in changes(taking(old), taking(read))] == ["property removed"]


def test_an_enum_is_compared_with_the_rules_that_it_replaces() -> None:
    inside = changes(responding(text(pattern="^[ab]$")), responding(text(enum=["a"])))
    outside = changes(responding(text(pattern="^[ab]$")), responding(text(enum=["a", "c"])))

    assert [each.verdict for each in inside] == ["compatible"]
    assert ("enum value added", "break") in [(each.kind, each.verdict) for each in outside]


def test_the_values_of_an_enum_must_keep_its_other_rules_as_well() -> None:
    fewer = {"allOf": [text(pattern="^a"), text(enum=["a", ""])]}
    rows = {"type": "array", "maxItems": 1}

    (sent,) = changes(responding(fewer), responding(text(enum=["a", ""])))
    (taken,) = changes(taking(text(enum=["a", ""])), taking(fewer))
    of_lists = changes(responding(rows), responding({"enum": [[1, 2]]}))

    assert (sent.kind, taken.kind) == ("enum value added", "enum value removed")
    assert "enum value added" in [each.kind for each in of_lists]


def test_the_table_has_each_kind_in_both_directions() -> None:
    assert CASES.keys() == OF_SCHEMAS.keys()
    assert all(rules.keys() == set(Direction) for rules in OF_SCHEMAS.values())
