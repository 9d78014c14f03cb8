"""Errors of an aggregate in the route table: each with its place, all at once."""

import pytest

from tests.frontispiece.gateway.aggregates.conftest import SERVICES, aggregate
from tests.support import tables
from tests.support.tables import Json, parsed

ROUTE = "route 1 (/a/{sku})"


def errors_of(*routes: Json) -> list[str]:
    """Why a table with these is refused."""
    return tables.errors_of(*routes, services={**SERVICES, "nobody": None})


def part(name: str, more: str = "", path: str = "/x", service: str = "catalog") -> str:
    return f'parts.{name} = {{ from = "{service}:{path}"{more and ", " + more} }}'


A = part("a") + "\n"
BATCH = 'each = "a.l", batch = { key = "k", by = "k" }'


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (part("a", path="/x/{b.id}"), "parts.a: b.id: there is no part b"),
        (part("a", path="/x/{a.id}"), "parts.a: a.id refers to itself"),
        (
            part("a", service="nobody"),
            "parts.a: from names the service 'nobody', which the table does not have",
        ),
        (part("a", path="/x/{id}"), "parts.a: {id} is no placeholder of the path"),
        (part("a", path="/x/{sku.id}"), "parts.a: sku.id: a placeholder of the path has no fields"),
        (A + part("b", path="/{a}"), "parts.b: {a} is a part: write {a.field}"),
        (
            part("a", "optional = true") + "\n" + part("b", path="/{a.id}"),
            "parts.b: it is required but stands behind optional a",
        ),
        (
            part("a", 'keep = ["x"], drop = ["y"]'),
            "parts.a: keep and drop: what is not kept is dropped already",
        ),
        (part("a", 'keep = ["x", "x.y"]'), "parts.a: keep: x.y is within x already"),
        (part("a", 'keep = ["x"], rename = { y = "z" }'), "parts.a: rename: y is not kept"),
        (part("a", 'drop = ["x"], rename = { "x.y" = "z" }'), "parts.a: rename: x.y is dropped"),
        (part("a", 'rename = { x = "z", y = "z" }'), "parts.a: rename: x and y would both be z"),
        (
            part("a", 'keep = ["x", "y"], rename = { x = "y" }'),
            "parts.a: rename: x would be y, which is kept under that name",
        ),
        (part("a", "fallback = 1"), "parts.a: fallback is for optional parts"),
        (part("a", 'timeout = "soon"'), "parts.a: timeout: 'soon' is no duration"),
        (part("a", 'colour = "blue"'), "parts.a: colour: unknown key"),
        (part("a", 'keep = ["x..y"]'), "parts.a: keep: 0: 'x..y' is no field"),
        (part("a", 'rename = { x = "y.z" }'), "parts.a: rename: x: 'y.z' is no name of a field"),
        ("parts.a = 1", "parts.a: must be a table: the keys here are batch, "),
        ('parts.a = { from = "catalog" }', 'parts.a: from: write "service:/path"'),
        (part("a", path="/x/../y"), "parts.a: from: '/x/../y' is no path: it has a dot segment"),
        (part("a", path="/x-{sku}"), "parts.a: from: 'x-{sku}' is no placeholder"),
        (part("a", path="/x?sku"), "parts.a: from: 'sku' is no name=value of a query"),
        (part("a", path="/x?a=b c"), "parts.a: from: 'b c' is not percent-encoded"),
        (part("each"), "parts.each: each is a reserved word"),
        (part("sku"), "parts.sku: the path has a placeholder of this name"),
        (part("a-b"), "parts.a-b: a name has letters, digits and _, and begins with a letter"),
        (part("a", path="/x/{each}"), "parts.a: {each} asks for each, the list that it stands for"),
        (A + part("b", 'each = "a.l"'), "parts.b: each asks for {each} in from, or for batch"),
        (
            A + part("b", 'each = "a.l"', "/{each.id}"),
            "parts.b: {each.id}: an element is a text: let each lead to it",
        ),
        (part("b", 'each = "a"', "/{each}"), 'parts.b: each: write "part.field"'),
        (part("b", 'each = "a.l"', "/{each}"), "parts.b: a.l: there is no part a"),
        (part("a", 'batch = { key = "sku", by = "sku" }'), "parts.a: batch asks for each"),
        (A + part("b", BATCH, "/{each}"), "parts.b: {each} has no place in from"),
        (A + part("b", BATCH, "/x?k=1"), "parts.b: batch: key: k is in the query of from already"),
        (
            A + part("b", BATCH.replace("by", "max = 101, by")),
            "parts.b: batch: max: must be less than or equal to 100",
        ),
        (
            A + part("b", 'each = "a.l"', "/{each}") + "\n" + part("c", 'each = "b.l"', "/{each}"),
            "parts.c: b.l: b has each: nothing can be read from a list of answers",
        ),
        (part("a", 'query = ["k"]', "/x?k=1"), "parts.a: query: k is set by the part itself"),
        (part("a", 'query = ["p[x]"]', "/x?p%5Bx%5D=1"), "parts.a: query: p[x] is set by the part itself"),
        (part("a", 'query = ["p%5Bx%5D"]'), "parts.a: query: 0: 'p%5Bx%5D' is no name of a query parameter"),
        (part("a", 'query = [""]'), "parts.a: query: 0: '' is no name of a query parameter"),
    ],
)
def test_a_faulty_part_is_named_with_its_fault(parts: str, message: str) -> None:
    (error,) = [error for error in errors_of(aggregate(parts)) if message in error]

    assert error.startswith(f"{ROUTE}: {message}")


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (aggregate(part("a"), more='to = "catalog"'), "a route has to or parts, not both"),
        (aggregate(""), "a route needs to, its service, or parts, which are joined, or files"),
        (aggregate(part("a"), more='methods = ["GET", "POST"]'), "methods: parts are joined by GET only"),
        (aggregate("parts = {}"), "parts: Dictionary should have at least 1 item"),
    ],
)
def test_a_faulty_aggregate_is_named_with_its_fault(faulty: Json, message: str) -> None:
    (error,) = errors_of(faulty)

    assert error.startswith(f"{ROUTE}: {message}")


def test_a_placeholder_for_the_rest_is_refused() -> None:
    (error,) = errors_of(aggregate(part("a", path="/{rest}"), path="/a/{rest:path}"))

    assert error.endswith("path: {rest:path} cannot be given to parts: write {rest}")


def test_parts_that_wait_for_each_other_are_reported_as_a_circle_every_circle() -> None:
    parts = [
        part("a", path="/{b.x}"),
        part("b", path="/{c.x}"),
        part("c", path="/{a.x}"),
        part("d", path="/{e.x}"),
        part("e", path="/{d.x}"),
    ]
    errors = errors_of(aggregate("\n".join(parts)))

    message = [error.removeprefix(f"{ROUTE}: parts: ").partition(":")[0].split(" → ") for error in errors]
    assert [(circle[0], set(circle), len(circle)) for circle in message] == [
        (message[0][-1], {"a", "b", "c"}, 4),
        (message[1][-1], {"d", "e"}, 3),
    ]
    assert "".join(message[0]) in {"abca", "bcab", "cabc"}


def test_every_fault_of_an_aggregate_is_reported_at_once() -> None:
    errors = errors_of(
        aggregate(
            "\n".join(
                [
                    part("a", 'timeout = "soon"'),
                    part("b", 'keep = ["x"], drop = ["y"], fallback = 1', "/{c.id}", "nobody"),
                    part("d", "", "/{sko}"),
                ]
            ),
            more='to = "catalog"\nmethods = ["PUT"]',
        )
    )

    for message in ("a: timeout", "b: keep and drop", "b: fallback", "b: c.id", "b: from names", "d: {sko}"):
        assert [error for error in errors if error.startswith(f"{ROUTE}: parts.{message}")], (message, errors)
    assert len(errors) == 8


def test_a_sound_aggregate_is_accepted() -> None:
    table = parsed(
        aggregate(
            "\n".join(
                [
                    part(
                        "product", 'keep = ["sku", "price.amount"], rename = { sku = "id" }', "/p/{sku}?v=1"
                    ),
                    part(
                        "stock", 'optional = true, timeout = "150ms", fallback = { level = "?" }', "/s/{sku}"
                    ),
                    part("brand", 'query = ["lang"]', "/brands/{product.brand.id}"),
                    part("all", 'each = "product.list.sku"', "/p/{each}"),
                    part("some", 'each = "product.list", batch = { key = "sku", by = "sku" }', "/p"),
                ]
            )
        )
    )

    (only,) = table.routes
    assert only.to is None
    assert only.parts is not None
    assert list(only.parts) == ["product", "stock", "brand", "all", "some"]
    assert str(only.parts["product"].from_) == "catalog:/p/{sku}?v=1"
