"""Which requests fit what a service says of itself, and what becomes of them when it says nothing."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import msgspec
import pytest

from gateway.call import Call, Handler
from gateway.layers import validation
from gateway.layers.validation import described
from gateway.openapi import Description, description
from gateway.path import Template
from gateway.running import Running
from gateway.upstream import Failed, Reply, Request, Unreachable, Upstream
from kit.problems import Problem

ITEM = {
    "type": "object",
    "required": ["sku", "quantity"],
    "properties": {
        "sku": {"type": "string", "pattern": "^[a-z]+$"},
        "quantity": {"type": "integer", "minimum": 1},
        "note": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
    },
    "additionalProperties": False,
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "x", "version": "1"},
    "paths": {
        "/things/{thing}": {
            "parameters": [
                {"name": "thing", "in": "path", "required": True, "schema": {"type": "integer"}},
                {"$ref": "#/components/parameters/Size"},
            ],
            "get": {
                "parameters": [
                    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}},
                    {"name": "ids", "in": "query", "explode": False, "schema": {"type": "array"}},
                    {"name": "deep", "in": "query", "style": "deepObject", "required": True, "schema": {}},
                    {"name": "sure", "in": "query", "schema": {"type": "boolean"}},
                    {"name": "X-Color", "in": "header", "schema": {"enum": ["red", "blue"]}},
                    {"name": "Authorization", "in": "header", "required": True, "schema": {}},
                ]
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Order"}},
                        "text/csv": {"schema": {"type": "string"}},
                    },
                }
            },
            "put": {"requestBody": {"$ref": "#/components/requestBodies/nowhere"}},
        },
        "/things/odd.{kind}": {"get": {}},
    },
    "components": {
        "parameters": {
            "Size": {"name": "size", "in": "query", "schema": {"type": "integer", "maximum": 9}},
        },
        "schemas": {
            "Order": {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}},
            },
            "Item": ITEM,
        },
    },
}


DEEP = b'{"openapi":"3.0.0","x":' + b"[" * 700 + b"]" * 700 + b"}"
NOT_UTF_8 = "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"


class Service:
    """An upstream of which nothing is asked but what it says of itself."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.fetched = 0
        self.failure: Exception | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        pass

    async def send(self, request: Request) -> Reply:
        """Answer with the document."""
        assert request.target == "/openapi.json"
        self.fetched += 1
        if self.failure:
            raise self.failure
        if isinstance(self.document, int):
            return Reply.whole(self.document, b"", [])
        raw = self.document if isinstance(self.document, bytes) else msgspec.json.encode(self.document)
        return Reply.whole(200, raw, [])


class World:
    """A handler that says what body reaches it, behind the layer; and the time."""

    def __init__(self, running: Running, document: Any = DOCUMENT, target: str = "/things/{id}") -> None:
        self.now = 0.0
        self.counts: Counter[str] = Counter()
        self.service = Service(document)
        upstream = Upstream("things", self.service)
        known = Description(upstream, running, clock=lambda: self.now)
        layer = described(known, Template.parse(target), lambda what: self.counts.update([what]))
        self.handler: Handler = layer(self._echo)

    async def _echo(self, call: Call) -> Reply:
        body = call.body if isinstance(call.body, bytes) else b"".join([c async for c in call.body])
        return Reply.whole(200, body, [])

    async def faults(self, call: Call) -> list[tuple[str, str]]:
        """What is said to be wrong with a call; nothing when it passes."""
        try:
            await self.handler(call)
        except Problem as problem:
            if (problem.status, problem.kind) != (422, "invalid-request"):
                raise
            return [(".".join(fault["at"]), fault["message"]) for fault in problem.members["errors"]]
        return []


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    """What is fetched meanwhile."""
    async with Running() as running:
        yield running


@pytest.fixture
def world(running: Running) -> World:
    return World(running)


def call(
    query: str = "",
    *,
    thing: str = "1",
    method: str = "GET",
    body: bytes | AsyncIterator[bytes] = b"",
    headers: Mapping[str, str] | None = None,
) -> Call:
    return Call(
        params={"id": [thing]},
        method=method,
        query=query.encode(),
        headers=[(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        body=body,
        request_id=b"7",
        scheme="http",
        peer="192.0.2.7",
    )


def post(body: bytes | AsyncIterator[bytes], kind: str = "application/json", **headers: str) -> Call:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(method="POST", body=body, headers={"content-type": kind, **told})


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


async def test_what_is_not_described_is_the_service_s_to_answer(running: Running) -> None:
    world = World(running, target="/others/{id}")
    assert await world.faults(call("size=x")) == []
    assert await World(running).faults(call("size=x", method="DELETE")) == []
    assert world.counts == {"undescribed": 1}


async def unavailable(world: World, one: Call | None = None) -> bool:
    try:
        await world.handler(one or call())
    except Problem as problem:
        if problem.kind != "validation-unavailable":
            raise
        return problem.status == 503 and problem.headers == {"Retry-After": "5"}
    return False


@pytest.mark.parametrize(
    "document",
    [500, 404, b"", b"[]", b"{", {"swagger": "2.0"}, {"openapi": "3.1.0", "paths": []}, b"[" * 99_999, DEEP],
)
async def test_without_a_description_nothing_passes_until_there_is_one(
    running: Running, document: Any
) -> None:
    world = World(running, document)
    assert [await unavailable(world) for _ in range(3)] == [True] * 3
    assert world.service.fetched == 1, "not at every call"

    world.service.document = DOCUMENT
    world.now += description.PAUSE
    assert await world.faults(call("size=x")) != []
    assert world.counts == {"unavailable": 3, "refused": 1}


async def test_what_was_known_once_counts_while_the_service_says_nothing_better(running: Running) -> None:
    world = World(running)
    assert await world.faults(call("size=x")) != []

    for failure in (Unreachable("gone"), Failed("500")):
        world.service.failure = failure
        world.now += description.FRESH
        assert await world.faults(call("size=x")) != []
        assert await world.faults(call()) == []
    world.service.failure, world.service.document = None, {"openapi": "3.1.0", "paths": {}}
    world.now += description.FRESH
    await world.faults(call("size=x"))  # nobody waits for what is fetched meanwhile
    await running.__aexit__()
    assert await world.faults(call("size=x")) == [], "the new one is in use"


@pytest.mark.parametrize(
    "reference",
    ["http://192.0.2.1/schema", "file:///etc/passwd", "other.json#/X", "#/components/schemas/None", 7],
)
async def test_a_description_leads_nowhere_outside_of_itself(running: Running, reference: object) -> None:
    document = msgspec.json.decode(msgspec.json.encode(DOCUMENT))
    document["components"]["schemas"]["Item"] = {"$ref": reference}
    world = World(running, document)

    assert await unavailable(world, post(b'{"items":[{}]}'))
    assert await world.faults(call()) == [], "other operations are not touched by that"
    assert await unavailable(world, call(method="PUT")), "nor is one with a reference to nothing read"


async def test_references_in_a_circle_end(running: Running) -> None:
    document = msgspec.json.decode(msgspec.json.encode(DOCUMENT))
    document["components"]["parameters"]["Size"] = {"$ref": "#/components/parameters/Size"}

    assert await unavailable(World(running, document))


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        ({"type": "integer", "nullable": True}, None, True),
        ({"type": "integer"}, None, False),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1, False),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": False}, 1, True),
        ({"type": "integer", "maximum": 1, "exclusiveMaximum": True}, 0, True),
    ],
)
async def test_descriptions_of_version_3_0_are_understood(
    running: Running, schema: Any, value: object, *, fits: bool
) -> None:
    body = {"content": {"application/json": {"schema": {"properties": {"a": schema}}}}}
    document = {"openapi": "3.0.3", "paths": {"/things/{id}": {"post": {"requestBody": body}}}}
    world = World(running, document)

    assert (await world.faults(post(msgspec.json.encode({"a": value}))) == []) is fits
