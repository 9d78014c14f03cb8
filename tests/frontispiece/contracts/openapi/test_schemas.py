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
CAT = thing("kind", kind={"const": "cat"}, lives=INTEGER)
DOG = thing("kind", kind={"const": "dog"}, tail=STRING)
TREE = thing("none", name=STRING, children={"type": "array", "items": {"$ref": "#/components/schemas/Tree"}})


def text(**rules: Any) -> Json:
    return {**STRING, **rules}


def number(**rules: Any) -> Json:
    return {**INTEGER, **rules}


def many(items: Json = STRING, **rules: Any) -> Json:
    return {"type": "array", "items": items, **rules}


def variants(*schemas: Json, **rules: Any) -> Json:
    return {"oneOf": list(schemas), **rules}


BREAK, WARNING, FINE = "break", "warning", "compatible"

CASES: dict[str, tuple[Any, Any, str, str, str]] = {
    # name: before, after, the kind of change, in a response, in a request
    "a property goes": (thing(a=STRING, b=STRING), thing(a=STRING), "property removed", BREAK, WARNING),
    "an optional property goes": (
        thing("none", a=STRING, b=STRING),
        thing("none", a=STRING),
        "property removed",
        BREAK,
        WARNING,
    ),
    "a property of a closed object goes": (
        thing("none", a=STRING, b=STRING) | CLOSED,
        thing("none", a=STRING) | CLOSED,
        "property refused",
        BREAK,
        BREAK,
    ),
    "an optional property comes": (
        thing("a", a=STRING),
        thing("a", a=STRING, b=STRING),
        "property added",
        FINE,
        FINE,
    ),
    "a required property comes": (
        thing(a=STRING),
        thing(a=STRING, b=STRING),
        "required property added",
        FINE,
        BREAK,
    ),
    "an optional property of a closed object comes": (
        thing("a", a=STRING) | CLOSED,
        thing("a", a=STRING, b=STRING) | CLOSED,
        "property added to a closed object",
        WARNING,
        FINE,
    ),
    "a required property of a closed object comes": (
        thing(a=STRING) | CLOSED,
        thing(a=STRING, b=STRING) | CLOSED,
        "required property added to a closed object",
        WARNING,
        BREAK,
    ),
    "a property becomes optional": (
        thing(a=STRING, b=STRING),
        thing("a", a=STRING, b=STRING),
        "property became optional",
        BREAK,
        FINE,
    ),
    "a property becomes required": (
        thing("a", a=STRING, b=STRING),
        thing(a=STRING, b=STRING),
        "property became required",
        FINE,
        BREAK,
    ),
    "further properties are refused": (
        thing(a=STRING),
        thing(a=STRING) | CLOSED,
        "further properties refused",
        FINE,
        BREAK,
    ),
    "further properties are allowed": (
        thing(a=STRING) | CLOSED,
        thing(a=STRING),
        "further properties allowed",
        WARNING,
        FINE,
    ),
    "a mapping's values get another type as well": (
        {"type": "object", "additionalProperties": INTEGER},
        {"type": "object", "additionalProperties": NUMBER},
        "type widened",
        BREAK,
        FINE,
    ),
    "a mapping may have fewer names": (
        {"type": "object", "maxProperties": 9},
        {"type": "object", "maxProperties": 5},
        "bound tightened",
        FINE,
        BREAK,
    ),
    "an integer may be a number": (INTEGER, NUMBER, "type widened", BREAK, FINE),
    "a number is an integer": (NUMBER, INTEGER, "type narrowed", FINE, BREAK),
    "a text may be a number, too": (STRING, {"type": ["string", "integer"]}, "type widened", BREAK, FINE),
    "a text is no number any more": (
        {"type": ["string", "integer"]},
        STRING,
        "type narrowed",
        FINE,
        BREAK,
    ),
    "what was a text may be anything": (text(), {}, "type widened", BREAK, FINE),
    "what was anything is a text": ({}, text(), "type narrowed", FINE, BREAK),
    "a value may be null, by a type list": (
        STRING,
        {"type": ["string", "null"]},
        "became nullable",
        BREAK,
        FINE,
    ),
    "a value may be null, by anyOf": (STRING, {"anyOf": [STRING, NULL]}, "became nullable", BREAK, FINE),
    "a value may be null, by nullable": (STRING, text(nullable=True), "became nullable", BREAK, FINE),
    "a value is null no more": ({"anyOf": [STRING, NULL]}, STRING, "became non-nullable", FINE, BREAK),
    "an enum gets a value": (text(enum=["a"]), text(enum=["a", "b"]), "enum value added", BREAK, FINE),
    "an enum loses a value": (text(enum=["a", "b"]), text(enum=["a"]), "enum value removed", FINE, BREAK),
    "a constant becomes an enum": ({"const": "a"}, {"enum": ["a", "b"]}, "enum value added", BREAK, FINE),
    "an enum is dropped": (text(enum=["a"]), text(), "enum dropped", BREAK, FINE),
    "a text is restricted to an enum": (text(), text(enum=["a"]), "restricted to an enum", FINE, BREAK),
    "an enum of numbers gets a value": (
        number(enum=[1]),
        number(enum=[1, 2]),
        "enum value added",
        BREAK,
        FINE,
    ),
    "a minimum falls": (number(minimum=1), number(minimum=0), "bound loosened", BREAK, FINE),
    "a minimum rises": (number(minimum=0), number(minimum=1), "bound tightened", FINE, BREAK),
    "a minimum goes": (number(minimum=1), number(), "bound loosened", BREAK, FINE),
    "a minimum comes": (number(), number(minimum=1), "bound tightened", FINE, BREAK),
    "a maximum rises": (number(maximum=9), number(maximum=10), "bound loosened", BREAK, FINE),
    "a maximum falls": (number(maximum=10), number(maximum=9), "bound tightened", FINE, BREAK),
    "a minimum becomes exclusive": (
        {**NUMBER, "minimum": 1},
        {**NUMBER, "exclusiveMinimum": 1},
        "bound tightened",
        FINE,
        BREAK,
    ),
    "a step comes": (number(), number(multipleOf=5), "multiple required", FINE, BREAK),
    "a step goes": (number(multipleOf=5), number(), "multiple dropped", BREAK, FINE),
    "a step is another one": (number(multipleOf=5), number(multipleOf=3), "multiple changed", BREAK, BREAK),
    "a step is halved": (number(multipleOf=10), number(multipleOf=5), "multiple dropped", BREAK, FINE),
    "a text may be longer": (text(maxLength=9), text(maxLength=10), "bound loosened", BREAK, FINE),
    "a text may be less long": (text(maxLength=10), text(maxLength=9), "bound tightened", FINE, BREAK),
    "a text may be empty": (text(minLength=1), text(), "bound loosened", BREAK, FINE),
    "a text may not be empty": (text(), text(minLength=1), "bound tightened", FINE, BREAK),
    "a pattern comes": (text(), text(pattern="^a"), "pattern required", FINE, BREAK),
    "a pattern goes": (text(pattern="^a"), text(), "pattern dropped", BREAK, FINE),
    "a pattern is another one": (text(pattern="^a"), text(pattern="^b"), "pattern changed", BREAK, BREAK),
    "a format comes": (text(), text(format="uuid"), "format required", FINE, BREAK),
    "a format goes": (text(format="uuid"), text(), "format dropped", BREAK, FINE),
    "a format is another one": (
        text(format="date-time"),
        text(format="date"),
        "format changed",
        BREAK,
        BREAK,
    ),
    "an int32 may be an int64": (
        number(format="int32"),
        number(format="int64"),
        "format widened",
        BREAK,
        FINE,
    ),
    "an int64 is an int32": (number(format="int64"), number(format="int32"), "format narrowed", FINE, BREAK),
    "bytes are written in another way": (
        text(contentEncoding="base64"),
        text(contentEncoding="base16"),
        "encoding changed",
        BREAK,
        BREAK,
    ),
    "a list may be longer": (many(maxItems=9), many(maxItems=10), "bound loosened", BREAK, FINE),
    "a list may be empty": (many(minItems=1), many(), "bound loosened", BREAK, FINE),
    "a list may not be empty": (many(), many(minItems=1), "bound tightened", FINE, BREAK),
    "items become unique": (many(), many(uniqueItems=True), "items became unique", FINE, BREAK),
    "items may repeat": (many(uniqueItems=True), many(), "items may repeat", BREAK, FINE),
    "an item's property goes": (
        many(thing(a=STRING, b=STRING)),
        many(thing(a=STRING)),
        "property removed",
        BREAK,
        WARNING,
    ),
    "a tuple gets a place": (
        {"type": "array", "prefixItems": [STRING]},
        {"type": "array", "prefixItems": [STRING, STRING]},
        "tuple changed",
        BREAK,
        BREAK,
    ),
    "a place of a tuple may be null": (
        {"type": "array", "prefixItems": [STRING]},
        {"type": "array", "prefixItems": [{"type": ["string", "null"]}]},
        "became nullable",
        BREAK,
        FINE,
    ),
    "a variant comes": (variants(CAT), variants(CAT, DOG), "variant added", BREAK, FINE),
    "a variant goes": (variants(CAT, DOG), variants(CAT), "variant removed", FINE, BREAK),
    "variants are told apart by another property": (
        variants(CAT, DOG, discriminator={"propertyName": "kind"}),
        variants(CAT, DOG, discriminator={"propertyName": "species"}),
        "discriminator changed",
        BREAK,
        BREAK,
    ),
    "a default is another one": (number(default=20), number(default=10), "default changed", FINE, BREAK),
    "a default goes": (number(default=20), number(), "default dropped", FINE, WARNING),
    "a default comes": (number(), number(default=20), "default added", FINE, WARNING),
    "a part of allOf requires more": (
        {"allOf": [thing(a=STRING), thing("none", b=STRING)]},
        {"allOf": [thing(a=STRING), thing(b=STRING)]},
        "property became required",
        FINE,
        BREAK,
    ),
    "a condition comes": (STRING, text(**{"not": {"const": "a"}}), "not understood", BREAK, BREAK),
    "patterns of names change": (
        {"type": "object", "patternProperties": {"^a": STRING}},
        {"type": "object", "patternProperties": {"^a": INTEGER}},
        "not understood",
        BREAK,
        BREAK,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_has_one_verdict_for_what_is_sent_and_one_for_what_is_taken(case: str) -> None:
    before, after, kind, response, request = CASES[case]

    sent, taken = changes(responding(before), responding(after)), changes(taking(before), taking(after))

    assert [(each.kind, each.verdict) for each in sent] == [(kind, response)]
    assert [(each.kind, each.verdict) for each in taken] == [(kind, request)]
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
    old, new = thing(a=STRING, b=STRING), thing(a=STRING, b=text(writeOnly=True))
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

    assert [each.kind for each in changes(responding(fewer), responding(text(enum=["a", ""])))] == [
        "enum value added"
    ]
    assert [each.kind for each in changes(taking(text(enum=["a", ""])), taking(fewer))] == [
        "enum value removed"
    ]
    assert "enum value added" in [
        each.kind for each in changes(responding(rows), responding({"enum": [[1, 2]]}))
    ]


def test_the_table_has_each_kind_in_both_directions() -> None:
    kinds = {kind for _, _, kind, _, _ in CASES.values()}

    assert kinds == OF_SCHEMAS.keys()
    assert all(rules.keys() == set(Direction) for rules in OF_SCHEMAS.values())
