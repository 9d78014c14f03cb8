"""Which requests fit what a service says of itself."""

from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from frontispiece.aio.background import BackgroundTasks
from frontispiece.gateway.policies.request_validation import layer as validation
from frontispiece.http.problems import Problem
from tests.support.described import DOCUMENT, World, call, post

NOT_UTF_8 = "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"


@pytest.mark.parametrize(
    ("query", "violations"),
    [
        ("", []),
        ("size=9&tag=1&tag=-2&sure=on&ids=a,b&unknown=x", []),
        ("size=10", [("query.size", "it is greater than the maximum of 9")]),
        ("size=big", [("query.size", 'it is not of type "integer"')]),
        ("size=%D9%A3", [("query.size", 'it is not of type "integer"')]),
        ("size=1&size=2", [("query.size", 'it is not of type "integer"')]),
        ("size=1.0", []),
        ("size=", [("query.size", 'it is not of type "integer"')]),
        (
            "tag=1&tag=x",
            [("query.tag.0", 'it is not of type "integer"'), ("query.tag.1", 'it is not of type "integer"')],
        ),
        ("tag=1", []),
        ("sure=maybe", [("query.sure", 'it is not of type "boolean"')]),
        (
            "size=%ff",
            [("query", f"it cannot be read: {NOT_UTF_8}")],
        ),
        ("&".join(["a=1"] * 1001), [("query", "it cannot be read: Max number of fields exceeded")]),
    ],
)
async def test_a_query_has_the_described_types(
    world: World, query: str, violations: list[tuple[str, str]]
) -> None:
    assert await world.violations(call(query)) == violations


async def test_paths_and_headers_are_validated_too_and_all_violations_listed(world: World) -> None:
    assert await world.violations(call("size=x", thing="one", headers={"x-color": "green"})) == [
        ("path.thing", 'it is not of type "integer"'),
        ("query.size", 'it is not of type "integer"'),
        ("header.X-Color", 'it is not one of "red" or "blue"'),
    ]
    assert await world.violations(call(headers={"x-color": "blue"})) == []
    assert world.counts == {"refused": 1, "passed": 1}


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        (b'{"items":[{"sku":"a","quantity":1,"note":null}]}', []),
        (
            b'{"items":[{"sku":"a","quantity":0},{"quantity":"1","more":7}]}',
            [
                ("body.items.0.quantity", "it is less than the minimum of 1"),
                ("body.items.1", "Additional properties are not allowed ('more' was unexpected)"),
                ("body.items.1.quantity", 'it is not of type "integer"'),
                ("body.items.1", '"sku" is a required property'),
            ],
        ),
        (b"{}", [("body", '"items" is a required property')]),
        (b"[]", [("body", 'it is not of type "object"')]),
        (b"", [("body", "it is required")]),
    ],
)
async def test_a_json_body_has_the_described_shape(
    world: World, body: bytes, violations: list[tuple[str, str]]
) -> None:
    assert sorted(await world.violations(post(body))) == sorted(violations)


@pytest.mark.parametrize(
    "body", [b"{", b'{"items":[],}', b"[NaN]", b"1e400", b'"\xff"', b'"\\ud800"', b"\xef\xbb\xbf{}"]
)
async def test_a_body_that_is_not_json_is_refused(world: World, body: bytes) -> None:
    ((at, message),) = await world.violations(post(body))

    assert at == "body"
    assert message.startswith("it cannot be read as JSON")


@pytest.mark.parametrize(
    "schema", [{}, {"type": "object"}, {"items": {"$ref": "#/components/schemas/Order"}}]
)
async def test_no_depth_of_a_body_makes_a_500(running: BackgroundTasks, schema: dict[str, Any]) -> None:
    document = deepcopy(DOCUMENT)
    document["components"]["schemas"]["Order"] = schema
    world = World(running, document)

    for depth in (1, 100, 200, 201, 255, 256, 300, 500, 700, 900, 950, 990, 1000, 100_000):
        for body in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
            violations = await world.violations(post(body))
            is_named = violations == [("body", "it is nested deeper than 200 levels")]
            assert is_named == (depth > 200), depth


async def test_values_of_the_client_are_not_repeated_in_messages(world: World) -> None:
    secret = b'{"items":[{"sku":"SECRET","quantity":1,"note":"SECRET"}],"password":"SECRET"}'

    assert "SECRET" not in str(await world.violations(post(secret)))


async def test_bodies_pass_unchanged_and_those_of_other_types_unread(world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b' {"items":'
        yield b"[]} "

    assert (await world.handler(post(chunks()))).body == b' {"items":[]} '
    assert (await world.handler(post(b"a;b", "text/csv; charset=utf-8"))).body == b"a;b"
    assert await world.violations(post(b"{}", "text/html")) == [
        ("header.content-type", "it is none of application/json, text/csv")
    ]
    assert await world.violations(post(b"{}", content_encoding="gzip")) == [
        ("header.content-encoding", "the body must not be encoded")
    ]


@pytest.mark.parametrize("header", ["content-type", "content-encoding"])
async def test_a_body_of_two_types_at_once_is_refused(world: World, header: str) -> None:
    one = post(b"a;b", "text/csv", content_encoding="identity")
    one.headers.append((header.encode(), b"application/json"))

    assert await world.violations(one) == [(f"header.{header}", "it is there more than once")]


async def test_a_body_that_is_too_long_is_refused_as_early_as_possible(world: World) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 65536

    for one, chunks in ((post(endless(), content_length="9999999999"), 0), (post(endless()), 17)):
        with pytest.raises(Problem) as refusal:
            await world.handler(one)
        assert (refusal.value.status, refusal.value.kind) == (413, "body-too-large")
        assert read == chunks


async def test_the_list_of_violations_has_a_maximum(world: World) -> None:
    body = msgspec.json.encode({"items": [{}] * 1000})

    assert len(await world.violations(post(body))) == validation.MAX_VIOLATIONS
