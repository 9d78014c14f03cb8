"""Which requests fit what a service says of itself."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway.layers import validation
from kit.problems import Problem
from tests.support.described import World, call, post

NOT_UTF_8 = "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"


@pytest.mark.parametrize(
    ("query", "faults"),
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
async def test_a_query_has_the_types_that_the_service_says(
    world: World, query: str, faults: list[tuple[str, str]]
) -> None:
    assert await world.faults(call(query)) == faults


async def test_paths_and_headers_are_looked_at_too_and_every_fault_is_named_at_once(world: World) -> None:
    assert await world.faults(call("size=x", thing="one", headers={"x-color": "green"})) == [
        ("path.thing", 'it is not of type "integer"'),
        ("query.size", 'it is not of type "integer"'),
        ("header.X-Color", 'it is not one of "red" or "blue"'),
    ]
    assert await world.faults(call(headers={"x-color": "blue"})) == []
    assert world.counts == {"refused": 1, "passed": 1}


@pytest.mark.parametrize(
    ("body", "faults"),
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
async def test_a_body_in_json_has_the_shape_that_the_service_says(
    world: World, body: bytes, faults: list[tuple[str, str]]
) -> None:
    assert sorted(await world.faults(post(body))) == sorted(faults)


@pytest.mark.parametrize(
    "body", [b"{", b'{"items":[],}', b"[NaN]", b"[" * 100_000, b'"\xff"', b'"\\ud800"', b"\xef\xbb\xbf{}"]
)
async def test_a_body_that_is_no_json_is_refused(world: World, body: bytes) -> None:
    ((at, message),) = await world.faults(post(body))

    assert at == "body"
    assert message.startswith("it cannot be read as JSON")


async def test_what_is_refused_is_not_repeated(world: World) -> None:
    secret = b'{"items":[{"sku":"SECRET","quantity":1,"note":"SECRET"}],"password":"SECRET"}'

    assert "SECRET" not in str(await world.faults(post(secret)))


async def test_bodies_pass_as_they_came_and_those_of_other_kinds_unread(world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b' {"items":'
        yield b"[]} "

    assert (await world.handler(post(chunks()))).body == b' {"items":[]} '
    assert (await world.handler(post(b"a;b", "text/csv; charset=utf-8"))).body == b"a;b"
    assert await world.faults(post(b"{}", "text/html")) == [
        ("header.content-type", "it is none of application/json, text/csv")
    ]
    assert await world.faults(post(b"{}", content_encoding="gzip")) == [
        ("header.content-encoding", "the body of this has to come as it is")
    ]


@pytest.mark.parametrize("header", ["content-type", "content-encoding"])
async def test_a_body_of_two_kinds_at_once_is_refused(world: World, header: str) -> None:
    one = post(b"a;b", "text/csv", content_encoding="identity")
    one.headers.append((header.encode(), b"application/json"))

    assert await world.faults(one) == [(f"header.{header}", "it is there more than once")]


async def test_a_body_beyond_all_bounds_is_refused_as_soon_as_that_is_seen(world: World) -> None:
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


async def test_no_more_faults_are_told_than_anybody_reads(world: World) -> None:
    body = msgspec.json.encode({"items": [{}] * 1000})

    assert len(await world.faults(post(body))) == validation.MOST_FAULTS
