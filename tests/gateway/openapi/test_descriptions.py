"""What becomes of requests when a service says nothing of itself, or nonsense, or nothing of them."""

from typing import Any

import msgspec
import pytest

from gateway.call import Call
from gateway.openapi import description
from gateway.running import Running
from gateway.upstream import Failed, Unreachable
from kit.problems import Problem
from tests.support.described import DOCUMENT, World, call, post

DEEP = b'{"openapi":"3.0.0","x":' + b"[" * 700 + b"]" * 700 + b"}"


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
