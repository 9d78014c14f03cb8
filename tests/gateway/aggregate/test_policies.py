"""Around an aggregate and its services the same policies as around any route."""

import asyncio

from tests.gateway.aggregate.conftest import Join, said
from tests.gateway.conftest import OpenGateway
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering


def table(policies: str, parts: str) -> str:
    service = f'[services.catalog]\nurl = "registry://catalog"\n{policies}\n'
    return f'{service}[[routes]]\npath = "/a"\nauth = "none"\n{parts}\n'


async def test_a_limit_counts_answers_not_parts(join: Join) -> None:
    parts = 'parts.a = { from = "catalog:/p" }\nparts.b = { from = "catalog:/q" }'
    world = await join(parts, more='limit = { rate = "2/hour", by = "route" }')

    statuses = [(await world.http.get("/a/A")).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    assert len(world.catalog.asked) == 4


async def test_parts_of_a_service_whose_circuit_is_open_are_replaced_without_asking(
    serve: Serve, open_gateway: OpenGateway
) -> None:
    catalog = Stub(answering(500, b""))
    breaker = 'breaker = { calls = 3, pause = "10m" }'
    parts = 'parts.a = { from = "catalog:/p", optional = true }'
    http = await open_gateway(table(breaker, parts), catalog=await serve(catalog))

    told = [(await http.get("/a")).headers["page-degraded"] for _ in range(4)]

    assert told == [*["a;reason=failed"] * 3, "a;reason=unavailable"]
    assert len(catalog.asked) == 3


async def test_a_required_part_behind_an_open_circuit_is_a_503_that_says_when_to_try_again(
    serve: Serve, open_gateway: OpenGateway
) -> None:
    breaker = 'breaker = { calls = 1, pause = "10m" }'
    table_of = table(breaker, 'parts.a = { from = "catalog:/p" }')
    http = await open_gateway(table_of, catalog=await serve(Stub(answering(500, b""))))

    assert (await http.get("/a")).status_code == 502
    refused = await http.get("/a")

    assert (refused.status_code, refused.json()["source"]) == (503, "a")
    assert 1 < int(refused.headers["retry-after"]) <= 600


async def test_a_part_for_which_its_service_has_no_room_is_replaced_as_overloaded(
    serve: Serve, open_gateway: OpenGateway
) -> None:
    go_on = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await go_on.wait()
        await said("1")(exchange)

    catalog = Stub(answer)
    parts = 'parts.a = { from = "catalog:/p", optional = true }'
    http = await open_gateway(table("concurrency = { calls = 1 }", parts), catalog=await serve(catalog))

    first = asyncio.create_task(http.get("/a"))
    await catalog.begun.wait()
    second = await http.get("/a")
    go_on.set()

    assert second.headers["page-degraded"] == "a;reason=overloaded"
    assert (await first).json() == {"a": 1}


async def test_each_part_has_its_own_time_and_calls_are_told_what_is_left_of_it(join: Join) -> None:
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
