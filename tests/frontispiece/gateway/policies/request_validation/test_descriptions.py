"""What becomes of requests when a service says nothing of itself, or nonsense, or nothing of them."""

from typing import Any

import msgspec
import pytest

from frontispiece.aio.background import BackgroundTasks
from frontispiece.gateway.call import Call
from frontispiece.gateway.policies.request_validation import layer as description
from frontispiece.http.problems import Problem
from frontispiece.upstream import Unreachable, UpstreamServerError
from tests.support.described import DOCUMENT, World, call, post

DEEP = b'{"openapi":"3.0.0","x":' + b"[" * 700 + b"]" * 700 + b"}"


async def test_calls_that_are_not_described_pass(running: BackgroundTasks) -> None:
    world = World(running, target="/others/{id}")
    assert await world.violations(call("size=x")) == []
    assert await World(running).violations(call("size=x", method="DELETE")) == []
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
async def test_without_a_description_all_calls_are_refused(running: BackgroundTasks, document: Any) -> None:
    world = World(running, document)
    assert [await unavailable(world) for _ in range(3)] == [True] * 3
    assert world.service.fetched == 1, "not at every call"

    world.service.document = DOCUMENT
    world.now += description.RETRY_INTERVAL
    assert await world.violations(call("size=x")) != []
    assert world.counts == {"unavailable": 3, "refused": 1}


async def test_the_latest_description_stays_in_use_while_a_newer_one_is_unavailable(
    running: BackgroundTasks,
) -> None:
    world = World(running)
    assert await world.violations(call("size=x")) != []

    for failure in (Unreachable("gone"), UpstreamServerError("500")):
        world.service.failure = failure
        world.now += description.REFRESH_INTERVAL
        assert await world.violations(call("size=x")) != []
        assert await world.violations(call()) == []
    world.service.failure, world.service.document = None, {"openapi": "3.1.0", "paths": {}}
    world.now += description.REFRESH_INTERVAL
    await world.violations(call("size=x"))  # nobody waits for what is fetched meanwhile
    await running.__aexit__()
    assert await world.violations(call("size=x")) == [], "the new one is in use"


@pytest.mark.parametrize(
    "reference",
    ["http://192.0.2.1/schema", "file:///etc/passwd", "other.json#/X", "#/components/schemas/None", 7],
)
async def test_references_out_of_the_document_are_not_followed(
    running: BackgroundTasks, reference: object
) -> None:
    document = msgspec.json.decode(msgspec.json.encode(DOCUMENT))
    document["components"]["schemas"]["Item"] = {"$ref": reference}
    world = World(running, document)

    assert await unavailable(world, post(b'{"items":[{}]}'))
    assert await world.violations(call()) == [], "other operations are not touched by that"
    assert await unavailable(world, call(method="PUT")), "nor is one with a reference to nothing read"


async def test_references_in_a_circle_end(running: BackgroundTasks) -> None:
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
    running: BackgroundTasks, schema: Any, value: object, *, fits: bool
) -> None:
    body = {"content": {"application/json": {"schema": {"properties": {"a": schema}}}}}
    document = {"openapi": "3.0.3", "paths": {"/things/{id}": {"post": {"requestBody": body}}}}
    world = World(running, document)

    assert (await world.violations(post(msgspec.json.encode({"a": value}))) == []) is fits


@pytest.mark.parametrize(
    "operation",
    [
        {"parameters": {}},
        {"parameters": [7]},
        {"parameters": [{"name": "a", "in": "query", "schema": 7}]},
        {"parameters": [{"name": "a", "in": "query", "schema": {"type": "nothing"}}]},
        {"requestBody": {"content": []}},
    ],
)
async def test_an_invalid_operation_is_unavailable_and_others_are_not(
    running: BackgroundTasks, operation: dict[str, Any]
) -> None:
    document = {"openapi": "3.1.0", "paths": {"/things/{id}": {"get": operation, "post": {}}, "/odd": 7}}
    world = World(running, document)

    assert await unavailable(world)
    assert await world.violations(call(method="POST")) == []


async def test_parameters_that_are_objects_and_headers_that_no_client_sets_are_not_validated(
    running: BackgroundTasks,
) -> None:
    model = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}
    parameters = [
        {"name": "filter", "in": "query", "required": True, "schema": model},
        *(
            {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
            for name in ("X-Request-Id", "tracestate", "X-Timeout-Ms", "X-User-Region", "x_kind")
        ),
        {"name": "any", "in": "query", "schema": True},
    ]
    document = {"openapi": "3.1.0", "paths": {"/things/{id}": {"get": {"parameters": parameters}}}}

    assert await World(running, document).violations(call("any=1")) == []


async def test_a_description_that_is_too_long_or_comes_too_late_is_none(
    running: BackgroundTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(description, "MAX_DOCUMENT", 100)
    assert await unavailable(World(running))

    world = World(running)
    monkeypatch.setattr(description, "FETCH_TIMEOUT", 0.01)
    world.service.hangs = True
    assert await unavailable(world)
