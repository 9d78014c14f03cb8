"""Around an aggregate and its services the same policies as around any route."""

import asyncio
from typing import Any

from tests.frontispiece.gateway.aggregates.conftest import Join, said
from tests.support.serving import Serve
from tests.support.stub import Stub, answering, waiting
from tests.support.tables import Json, part, route, route_table
from tests.support.world import OpenWorld


def table_with(a: Json, **catalog: Any) -> str:
    """A table with one aggregate, of one part; the keywords are of its service."""
    return route_table(route(parts={"a": a}), services={"catalog": catalog})


async def test_a_limit_counts_answers_not_parts(join: Join) -> None:
    parts = 'parts.a = { from = "catalog:/p" }\nparts.b = { from = "catalog:/q" }'
    world = await join(parts, more='rate_limit = { rate = "2/hour", by = "route" }')

    statuses = [(await world.http.get("/a/A")).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert len(world.catalog.requests) == 4


async def test_parts_of_a_service_whose_circuit_is_open_are_replaced_without_asking(
    serve: Serve, open_world: OpenWorld
) -> None:
    catalog = Stub(answering(500, b""))
    text = table_with(part("catalog:/p", optional=True), breaker={"min_requests": 3, "open_duration": "10m"})
    http = (await open_world(text, catalog=catalog)).http

    response = [(await http.get("/a")).headers["page-degraded"] for _ in range(4)]

    assert response == [*["a;reason=failed"] * 3, "a;reason=unavailable"]
    assert len(catalog.requests) == 3


async def test_a_required_part_behind_an_open_circuit_is_a_503_that_says_when_to_try_again(
    serve: Serve, open_world: OpenWorld
) -> None:
    text = table_with(part("catalog:/p"), breaker={"min_requests": 1, "open_duration": "10m"})
    http = (await open_world(text, catalog=Stub(answering(500, b"")))).http

    assert (await http.get("/a")).status_code == 502
    refused = await http.get("/a")

    assert (refused.status_code, refused.json()["source"]) == (503, "a")
    assert 1 < int(refused.headers["retry-after"]) <= 600


async def test_a_part_for_which_its_service_has_no_room_is_replaced_as_overloaded(
    serve: Serve, open_world: OpenWorld
) -> None:
    go_on = asyncio.Event()
    catalog = Stub(waiting(go_on, said("1")))
    text = table_with(part("catalog:/p", optional=True), concurrency={"max_concurrent": 1})
    http = (await open_world(text, catalog=catalog)).http

    first = asyncio.create_task(http.get("/a"))
    await catalog.begun.wait()
    second = await http.get("/a")
    go_on.set()

    assert second.headers["page-degraded"] == "a;reason=overloaded"
    assert (await first).json() == {"a": 1}


async def test_each_part_has_its_own_timeout_and_calls_carry_what_is_left_of_it(join: Join) -> None:
    parts = (
        'parts.a = { from = "catalog:/p", timeout = "1500ms" }\n'
        'parts.b = { from = "inventory:/p", optional = true }'
    )
    world = await join(parts, more='timeout = "9s"')

    await world.http.get("/a/A")

    (of_part,), (of_route,) = (
        exchange.all(b"x-timeout-ms") for exchange in (world.catalog.last, world.inventory.last)
    )
    assert 0 < int(of_part) <= 1500 < int(of_route) <= 9000
