"""What a client of an aggregate gets: every part under its key, as its service said it."""

import httpx
import pytest

from kit.tokens import Identity
from tests.conftest import MakeToken
from tests.gateway.aggregate.conftest import Join, by_target, said
from tests.gateway.conftest import ToldTo

PRODUCT = (
    '{"sku":"A","name":"Lamp","brand":{"id":"b 7","old":null},"price":{"amount":1.10,"vat":0.20},'
    '"stock_id":12345678901234567890123,"tags":["x",null,{"y":1}]}'
)


async def test_every_part_has_its_own_key_in_the_order_of_the_table(join: Join) -> None:
    parts = 'parts.z = { from = "catalog:/p/{sku}" }\nparts.a = { from = "inventory:/s/{sku}" }'
    world = await join(parts, said('{"n": 1}'), said('{"n": 2}'))

    answer = await world.http.get("/a/A1")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == '{"z":{"n": 1},"a":{"n": 2}}'
    assert (world.catalog.last.path, world.inventory.last.path) == (b"/p/A1", b"/s/A1")


@pytest.mark.parametrize(
    "value", ["1.10", "12345678901234567890123", "1E400", "-0.0", "null", '"x"', "[1,null]"]
)
async def test_what_a_service_says_is_passed_on_to_the_digit(join: Join, value: str) -> None:
    world = await join('parts.a = { from = "catalog:/p" }', said(value))

    assert (await world.http.get("/a/A")).text == f'{{"a":{value}}}'


@pytest.mark.parametrize(
    ("shape", "shown"),
    [
        (
            'keep = ["name", "price.amount"]',
            '{"name":"Lamp","price":{"amount":1.10}}',
        ),
        (
            'drop = ["price", "brand.old", "tags", "name"]',
            '{"sku":"A","brand":{"id":"b 7"},"stock_id":12345678901234567890123}',
        ),
        (
            'keep = ["sku", "price.vat"], rename = { sku = "id", "price.vat" = "tax" }',
            '{"id":"A","price":{"tax":0.20}}',
        ),
        (
            'keep = ["sku", "name"], rename = { sku = "name", name = "sku" }',
            '{"name":"A","sku":"Lamp"}',
        ),
        (
            'keep = ["sku", "brand", "price"], rename = { price = "cost" }',
            '{"sku":"A","brand":{"id":"b 7","old":null},"cost":{"amount":1.10,"vat":0.20}}',
        ),
        (
            'drop = ["brand", "price", "tags", "stock_id"], rename = { sku = "name" }',
            '{"name":"A"}',
        ),
        ('keep = ["nothing"]', "{}"),
    ],
)
async def test_fields_are_kept_dropped_and_renamed_and_else_left_as_they_are(
    join: Join, shape: str, shown: str
) -> None:
    world = await join(f'parts.a = {{ from = "catalog:/p", {shape} }}', said(PRODUCT))

    assert (await world.http.get("/a/A")).text == f'{{"a":{shown}}}'


async def test_a_list_keeps_its_length_and_each_object_of_it_is_shaped(join: Join) -> None:
    parts = 'parts.a = { from = "catalog:/p", keep = ["n", "l.m"], rename = { "l.m" = "o" } }'
    world = await join(parts, said('[{"n":1,"x":2},null,{"l":[{"m":1.0,"k":2},null,[{"m":3}]]},{}]'))

    assert (await world.http.get("/a/A")).text == '{"a":[{"n":1},null,{"l":[{"o":1.0},null,[{"o":3}]]},{}]}'


async def test_fields_cannot_be_kept_of_what_has_none(join: Join) -> None:
    world = await join('parts.a = { from = "catalog:/p", keep = ["n.m"] }', said('{"n":5}'))

    answer = await world.http.get("/a/A")

    assert answer.status_code == 502
    assert answer.json()["detail"] == "a: its answer has no object where m should be."


async def test_a_part_reads_fields_that_are_not_shown_and_starts_behind_its_part(join: Join) -> None:
    parts = (
        'parts.brand = { from = "inventory:/brands/{product.brand.id}'
        '?stock={product.stock_id}&p={product.price.amount}" }\n'
        'parts.product = { from = "catalog:/p/{sku}", keep = ["brand.id"], rename = { "brand.id" = "x" } }'
    )
    world = await join(parts, said(PRODUCT), said("{}"))

    assert (await world.http.get("/a/A")).json() == {"brand": {}, "product": {"brand": {"x": "b 7"}}}
    assert world.inventory.last.path == b"/brands/b%207"
    assert world.inventory.last.query == b"stock=12345678901234567890123&p=1.10"


async def test_query_parameters_that_a_part_names_go_with_it_and_no_others(join: Join) -> None:
    parts = 'parts.a = { from = "catalog:/p?sort=name", query = ["limit", "tag"] }'
    world = await join(parts)

    await world.http.get("/a/A?tag=x%26y&limit=5&sort=price&tag=&other=1")
    assert world.catalog.last.query == b"sort=name&limit=5&tag=x%26y&tag="

    await world.http.get("/a/A")
    assert world.catalog.last.query == b"sort=name"


async def test_services_are_told_the_request_and_the_trace_but_no_credentials_on_an_open_route(
    join: Join, bearer: MakeToken
) -> None:
    world = await join('parts.a = { from = "catalog:/p" }')

    answer = await world.http.get("/a/A", headers={**bearer("reader"), "Cookie": "a=b", "X-User": "root"})

    asked = dict(world.catalog.last.headers)
    assert asked[b"x-request-id"].decode() == answer.headers["x-request-id"]
    assert b"traceparent" in asked
    assert {b"authorization", b"cookie", b"x-user"}.isdisjoint(asked)


async def test_each_service_is_told_who_asks_by_a_token_of_its_own(
    join: Join, bearer: MakeToken, told_to: ToldTo
) -> None:
    parts = 'parts.a = { from = "catalog:/p" }\nparts.b = { from = "inventory:/s" }'
    world = await join(parts, auth="bearer")

    assert (await world.http.get("/a/A")).status_code == 401
    assert not world.catalog.asked
    assert (await world.http.get("/a/A", headers=bearer("reader", "shop"))).status_code == 200
    reader = Identity(subject="reader", scopes=frozenset({"shop"}), client="mobile")
    assert told_to(world.catalog.last, "catalog") == reader == told_to(world.inventory.last, "inventory")


async def test_an_answer_that_the_client_has_is_a_304(join: Join) -> None:
    world = await join('parts.a = { from = "catalog:/p" }')
    first = await world.http.get("/a/A")

    second = await world.http.get("/a/A", headers={"If-None-Match": first.headers["etag"]})

    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["cache-control"] == first.headers["cache-control"]


async def test_head_is_answered_without_a_body(join: Join) -> None:
    world = await join('parts.a = { from = "catalog:/p" }')

    answer = await world.http.head("/a/A")

    assert (answer.status_code, answer.content) == (200, b"")


async def test_the_same_names_may_be_used_for_parts_placeholders_and_inputs(join: Join) -> None:
    parts = 'parts.view = { from = "catalog:/p/{asking}" }\nparts.asking_ = { from = "catalog:/q" }'
    world = await join(parts, path="/a/{asking}")

    assert set((await world.http.get("/a/A")).json()) == {"view", "asking_"}


async def test_several_routes_may_be_joined_side_by_side(join: Join) -> None:
    parts = (
        'parts.a = { from = "catalog:/p/{sku}" }\n[[routes]]\npath = "/b/{sku}"\nauth = "none"\n'
        'parts.a = { from = "catalog:/q/{sku}" }'
    )
    world = await join(parts, by_target({"/p/1": said("1"), "/q/1": said("2")}))

    async def text(path: str) -> str:
        answer: httpx.Response = await world.http.get(path)
        return answer.text

    assert [await text("/a/1"), await text("/b/1")] == ['{"a":1}', '{"a":2}']
