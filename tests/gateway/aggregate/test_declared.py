"""Faults of an aggregate in the route table: each by name, all at once."""

import pytest

from gateway.table import parse
from kit.faults import Faulty
from tests.gateway.aggregate.conftest import SERVICES, route

ROUTE = "route 1 (/a/{sku})"


def faults_of(text: str) -> list[str]:
    with pytest.raises(Faulty) as refusal:
        parse(text)
    return refusal.value.faults


def part(name: str, more: str = "", path: str = "/x", service: str = "catalog") -> str:
    return f'parts.{name} = {{ from = "{service}:{path}"{more and ", " + more} }}'


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (part("a", path="/x/{b.id}"), "parts.a: b.id: there is no part b"),
        (part("a", path="/x/{a.id}"), "parts.a: a.id refers to itself"),
        (
            part("a", service="nobody"),
            "parts.a: from names the service 'nobody', which the table does not have",
        ),
        (part("a", path="/x/{id}"), "parts.a: {id} is no placeholder of the path"),
        (part("a", path="/x?id={id}"), "parts.a: {id} is no placeholder of the path"),
        (part("a", path="/x/{sku.id}"), "parts.a: sku.id: a placeholder of the path has no fields"),
        (part("a") + "\n" + part("b", path="/{a}"), "parts.b: {a} is a part: write {a.field}"),
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
        (part("a", "else = 1"), "parts.a: else is for optional parts"),
        (part("a", 'timeout = "soon"'), "parts.a: timeout: 'soon' is no duration"),
        (part("a", 'colour = "blue"'), "parts.a: colour: Extra inputs are not permitted"),
        (part("a", 'optional = "yes"'), "parts.a: optional: Input should be a valid boolean"),
        (part("a", 'keep = ["x..y"]'), "parts.a: keep: 0: String should match pattern"),
        (part("a", 'rename = { x = "y.z" }'), "parts.a: rename: x: String should match pattern"),
        ("parts.a = {}", "parts.a: from: Field required"),
        ("parts.a = 1", "parts.a: Input should be a valid dictionary"),
        ('parts.a = { from = "catalog" }', 'parts.a: from: write "service:/path"'),
        (part("a", path="/x/../y"), "parts.a: from: '/x/../y' is no path: it has a dot segment"),
        (part("a", path="/x-{sku}"), "parts.a: from: 'x-{sku}' is no placeholder"),
        (part("a", path="/{sku"), "parts.a: from: '{sku' is no placeholder"),
        (part("a", path="/x?sku"), "parts.a: from: 'sku' is no name=value of a query"),
        (part("a", path="/x?a=b c"), "parts.a: from: 'b c' is not percent-encoded"),
        (part("each"), "parts.each: each is a reserved word"),
        (part("import"), "parts.import: import is a reserved word"),
        (part("sku"), "parts.sku: the path has a placeholder of this name"),
        (part("a-b"), "parts.a-b: a name has letters, digits and _, and begins with a letter"),
        (part("a", path="/x/{each}"), "parts.a: {each} asks for each, the list that it stands for"),
        (part("a") + "\n" + part("b", 'each = "a.l"'), "parts.b: each asks for {each} in from, or for batch"),
        (
            part("a") + "\n" + part("b", 'each = "a.l"', "/{each.id}"),
            "parts.b: {each.id}: an element is a text: let each lead to it",
        ),
        (part("b", 'each = "a"', "/{each}"), 'parts.b: each: write "part.field"'),
        (part("b", 'each = "a.l"', "/{each}"), "parts.b: a.l: there is no part a"),
        (part("a", 'batch = { key = "sku", by = "sku" }'), "parts.a: batch asks for each"),
        (
            part("a") + "\n" + part("b", 'each = "a.l", batch = { key = "k", by = "k" }', "/{each}"),
            "parts.b: {each} has no place in from",
        ),
        (
            part("a") + "\n" + part("b", 'each = "a.l", batch = { key = "k", by = "k" }', "/x?k=1"),
            "parts.b: batch: key: k is in the query of from already",
        ),
        (
            part("a") + "\n" + part("b", 'each = "a.l", batch = { key = "k", by = "k", max = 101 }'),
            "parts.b: batch: max: Input should be less than or equal to 100",
        ),
        (
            part("a")
            + "\n"
            + part("b", 'each = "a.l"', "/{each}")
            + "\n"
            + part("c", 'each = "b.l"', "/{each}"),
            "parts.c: b.l: b has each: nothing can be read from a list of answers",
        ),
        (part("a", 'query = ["k"]', "/x?k=1"), "parts.a: query: k is set by the part itself"),
    ],
)
def test_a_faulty_part_is_named_with_its_fault(parts: str, told: str) -> None:
    (fault,) = [fault for fault in faults_of(route(parts)) if told in fault]

    assert fault.startswith(f"{ROUTE}: {told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (route(part("a"), more='to = "catalog"'), "a route has to or parts, not both"),
        (route(""), "a route needs to, its service, or parts, which are joined"),
        (route(part("a"), more='methods = ["GET", "POST"]'), "methods: parts are joined by GET only"),
        (route("parts = {}"), "parts: Dictionary should have at least 1 item"),
        (route("parts = 1"), "parts: Input should be a valid dictionary"),
    ],
)
def test_a_faulty_aggregate_is_named_with_its_fault(text: str, told: str) -> None:
    (fault,) = faults_of(text)

    assert fault.startswith(f"{ROUTE}: {told}")


def test_a_placeholder_for_the_rest_is_refused() -> None:
    (fault,) = faults_of(route(part("a", path="/{rest}"), path="/a/{rest:path}"))

    assert fault.endswith("path: {rest:path} cannot be given to parts: write {rest}")


def test_parts_that_wait_for_each_other_are_told_as_a_circle_every_circle() -> None:
    parts = [
        part("a", path="/{b.x}"),
        part("b", path="/{c.x}"),
        part("c", path="/{a.x}"),
        part("d", path="/{e.x}"),
        part("e", path="/{d.x}"),
    ]
    faults = faults_of(route("\n".join(parts)))

    told = [fault.removeprefix(f"{ROUTE}: parts: ").partition(":")[0].split(" → ") for fault in faults]
    assert [(circle[0], set(circle), len(circle)) for circle in told] == [
        (told[0][-1], {"a", "b", "c"}, 4),
        (told[1][-1], {"d", "e"}, 3),
    ]
    assert "".join(told[0]) in {"abca", "bcab", "cabc"}


def test_every_fault_of_an_aggregate_is_told_at_once() -> None:
    faults = faults_of(
        route(
            "\n".join(
                [
                    part("a", 'timeout = "soon"'),
                    part("b", 'keep = ["x"], drop = ["y"], else = 1', "/{c.id}", "nobody"),
                    part("d", "", "/{sko}"),
                ]
            ),
            more='to = "catalog"\nmethods = ["PUT"]',
        )
    )

    for told in ("a: timeout", "b: keep and drop", "b: else", "b: c.id", "b: from names", "d: {sko}"):
        assert [fault for fault in faults if fault.startswith(f"{ROUTE}: parts.{told}")], (told, faults)
    assert len(faults) == 8


def test_a_sound_aggregate_is_accepted() -> None:
    table = parse(
        route(
            "\n".join(
                [
                    part(
                        "product", 'keep = ["sku", "price.amount"], rename = { sku = "id" }', "/p/{sku}?v=1"
                    ),
                    part("stock", 'optional = true, timeout = "150ms", else = { level = "?" }', "/s/{sku}"),
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


def test_a_route_without_a_service_is_faulty_among_sound_ones() -> None:
    sound = '[[routes]]\npath = "/b"\nto = "catalog"\nauth = "none"\n'
    (fault,) = faults_of(f'{SERVICES}{sound}[[routes]]\npath = "/c"\nauth = "none"\n')

    assert fault == "route 2 (/c): a route needs to, its service, or parts, which are joined"
