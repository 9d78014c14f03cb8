"""A part for each element of a list: one call for all where the service reads many, else one each."""

import asyncio
from urllib.parse import parse_qs

import msgspec
import pytest

from tests.frontispiece.gateway.aggregates.conftest import Join, batch, by_target, said
from tests.support.stub import Answer, Exchange, answering

LIST = 'parts.p = { from = "inventory:/p" }\n'
SINGLY = LIST + 'parts.l = { from = "catalog:/p/{each}", each = "p.l" }'
BATCH = LIST + (
    'parts.l = { from = "catalog:/p", each = "p.l", keep = ["sku"], '
    'batch = { key = "sku", items = "items", by = "sku" } }'
)


def optional(parts: str) -> str:
    return parts.removesuffix(" }") + ", optional = true }"


def listing(*keys: object) -> Answer:
    return said(msgspec.json.encode({"l": keys}))


async def test_any_number_of_elements_costs_one_call_where_the_service_reads_many(join: Join) -> None:
    for count in (1, 100):
        keys = [f"K{number}" for number in range(count)]
        world = await join(BATCH, batch, listing(*keys))

        answer = await world.http.get("/a/A")

        assert answer.json()["l"] == [{"sku": key} for key in keys], count
        assert len(world.catalog.requests) == 1, count
        assert parse_qs(world.catalog.last.query.decode()) == {"sku": keys}, count


async def test_a_table_may_ask_for_smaller_calls(join: Join) -> None:
    world = await join(BATCH.replace('by = "sku"', 'by = "sku", max = 2'), batch, listing("a", "b", "c"))

    assert len((await world.http.get("/a/A")).json()["l"]) == 3
    assert len(world.catalog.requests) == 2


async def test_an_empty_list_or_null_asks_for_nothing(join: Join) -> None:
    for content in ('{"l":[]}', '{"l":null}'):
        for parts in (BATCH, SINGLY):
            world = await join(parts, inventory=said(content))
            assert (await world.http.get("/a/A")).json()["l"] == []
            assert not world.catalog.requests


async def test_without_a_batch_elements_are_read_side_by_side_ten_at_a_time(join: Join) -> None:
    running = most = 0
    ten = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 10:
            ten.set()
        await ten.wait()
        await said(msgspec.json.encode({"n": exchange.path.decode()}))(exchange)
        running -= 1

    world = await join(SINGLY, answer, listing(*range(25)))
    async with asyncio.timeout(60):
        response = await world.http.get("/a/A")

    assert [item["n"] for item in response.json()["l"]] == [f"/p/{number}" for number in range(25)]
    assert most == 10


async def test_elements_may_lie_in_objects_of_a_list_and_be_numbers(join: Join) -> None:
    parts = LIST + (
        'parts.l = { from = "catalog:/p", each = "p.lines.item.id", query = ["lang"], '
        'batch = { key = "id", by = "key.id" } }'
    )
    items = said('[{"key":{"id":2}},{"key":{"id":"1"}},{"key":{"id":3}}]')
    world = await join(parts, items, said('{"lines":[{"item":{"id":"1"}},{"item":{"id":2}}]}'))

    answer = await world.http.get("/a/A?lang=de")

    assert answer.json()["l"] == [{"key": {"id": "1"}}, {"key": {"id": 2}}]
    assert world.catalog.last.query == b"lang=de&id=1&id=2"


@pytest.mark.parametrize("status", [404, 410])
async def test_an_element_that_is_no_more_is_left_out_and_nothing_is_degraded(
    join: Join, status: int
) -> None:
    answers = by_target({"/p/a": said("1"), "/p/b": answering(status, b""), "/p/c": said("3")})
    for parts in (SINGLY, optional(SINGLY)):
        world = await join(parts, answers, listing("a", "b", "c"))
        response = await world.http.get("/a/A")
        assert response.json()["l"] == [1, 3]
        assert "page-degraded" not in response.headers


async def test_a_key_that_a_batch_does_not_answer_is_left_out(join: Join) -> None:
    world = await join(
        BATCH, said('{"items":[{"sku":"c"},{"sku":"not-asked"},{"sku":"a"}]}'), listing("a", "b", "c")
    )

    response = await world.http.get("/a/A")

    assert response.json()["l"] == [{"sku": "a"}, {"sku": "c"}]
    assert "page-degraded" not in response.headers


async def test_an_element_that_fails_degrades_an_optional_part(join: Join) -> None:
    answers = by_target({"/p/a": said("1"), "/p/b": answering(500, b""), "/p/c": said("3")})
    world = await join(optional(SINGLY), answers, listing("a", "b", "c"))

    response = await world.http.get("/a/A")

    assert response.json()["l"] == [1, 3]
    assert response.headers["page-degraded"] == "l;reason=failed"
    assert response.headers["cache-control"] == "no-store"


async def test_a_hostile_element_fails_alone(join: Join) -> None:
    world = await join(optional(SINGLY), said("1"), listing("a", "../admin", ".."))

    response = await world.http.get("/a/A")

    assert (response.json()["l"], response.headers["page-degraded"]) == ([1], "l;reason=invalid-response")
    assert [exchange.path for exchange in world.catalog.requests] == [b"/p/a"]


async def test_another_value_than_a_list_of_texts_fails_the_part_without_a_call(join: Join) -> None:
    worlds = [await join(parts) for parts in (SINGLY, BATCH)]
    for content, sentence in [
        ("{}", "p.l: there is no field l"),
        ('{"l":5}', "p.l: this is no list"),
        ('{"l":{}}', "p.l: this is no list"),
        ('{"l":["a",null]}', "p.l: this is no text or number"),
        ('{"l":[["a"]]}', "p.l: this is no text or number"),
        ('{"l":["a",""]}', "p.l: an element is empty"),
        (f'{{"l":[{",".join("1" * 1001)}]}}', "p.l: this has more than 1000 elements"),
    ]:
        for world in worlds:
            world.inventory.answer = said(content)
            response = await world.http.get("/a/A")
            assert (response.status_code, response.json()["detail"]) == (502, f"l: {sentence}.")
            assert not world.catalog.requests, content


async def test_a_batch_response_of_another_shape_is_invalid(join: Join) -> None:
    world = await join(BATCH, inventory=listing("a"))
    for content, sentence in [
        ("{}", "its answer: there is no field items"),
        ('{"items":{}}', "its answer has no list of items"),
        ('{"items":[{"id":1}]}', "an item of its answer: there is no field sku"),
        ('{"items":[1]}', "an item of its answer: there is no field sku"),
    ]:
        world.catalog.answer = said(content)

        response = await world.http.get("/a/A")

        assert (response.status_code, response.json()["detail"]) == (502, f"l: {sentence}.")


async def test_when_one_element_of_a_required_part_fails_the_others_are_not_waited_for(join: Join) -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.path == b"/p/a":
            await exchange.until_left()
        else:
            await answering(500, b"")(exchange)

    world = await join(SINGLY, answer, listing("a", "b"))
    async with asyncio.timeout(60):
        response = await world.http.get("/a/A")
        for exchange in world.catalog.requests:
            await exchange.ended.wait()

    assert response.status_code == 502
