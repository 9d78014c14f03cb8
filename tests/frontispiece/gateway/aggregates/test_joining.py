"""The response of an aggregate: every part under its key, as its service wrote it."""

import pytest

from frontispiece.security import Identity
from tests.conftest import MakeToken
from tests.frontispiece.conftest import IdentityIn
from tests.frontispiece.gateway.aggregates.conftest import Join, said

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
    ("shape", "shown"),
    [
        ('keep = ["name", "price.amount"]', '{"name":"Lamp","price":{"amount":1.10}}'),
        (
            'drop = ["price", "brand.old", "tags", "name"]',
            '{"sku":"A","brand":{"id":"b 7"},"stock_id":12345678901234567890123}',
        ),
        (
            'keep = ["sku", "price.vat"], rename = { sku = "id", "price.vat" = "tax" }',
            '{"id":"A","price":{"tax":0.20}}',
        ),
        ('keep = ["sku", "name"], rename = { sku = "name", name = "sku" }', '{"name":"A","sku":"Lamp"}'),
        (
            'keep = ["sku", "brand", "price"], rename = { price = "cost" }',
            '{"sku":"A","brand":{"id":"b 7","old":null},"cost":{"amount":1.10,"vat":0.20}}',
        ),
        ('drop = ["brand", "price", "tags", "stock_id"], rename = { sku = "name" }', '{"name":"A"}'),
        ('keep = ["nothing"]', "{}"),
    ],
)
async def test_fields_are_kept_dropped_and_renamed(join: Join, shape: str, shown: str) -> None:
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


async def test_query_parameters_go_on_as_the_client_wrote_them(join: Join) -> None:
    world = await join('parts.a = { from = "catalog:/p", query = ["page[size]"] }')
    for query, passed in [
        (b"page%5Bsize%5D=2&page%5Bsize%5D=3", b"page%5Bsize%5D=2&page%5Bsize%5D=3"),
        (b"page[size]=2", b"page[size]=2"),
        (b"%70age%5bsize]=%41+b%20c", b"%70age%5bsize]=%41+b%20c"),
        (b"page[size]&page[size]=&=&&page[size]==", b"page[size]&page[size]=&page[size]=="),
        (b"page[size]=%FF%zz'\"<>{}|\\^`;?/", b"page[size]=%FF%zz'\"<>{}|\\^`;?/"),
        (b"page[number]=1&page%255Bsize%255D=2", b""),
    ]:
        await world.http.get("/a/A", extensions={"target": b"/a/A?" + query})

        assert world.catalog.last.query == passed, query


async def test_a_part_may_write_brackets_into_its_own_query(join: Join) -> None:
    parts = (
        'parts.a = { from = "catalog:/p?page[size]=5&filter%5Bsku%5D={sku}&sort=-a,b+c" }\n'
        'parts.b = { from = "inventory:/b", each = "a.l", batch = { key = "filter[id]", by = "id" } }'
    )
    world = await join(parts, said('{"l":["x&y"]}'), said('[{"id":"x&y"}]'))

    assert (await world.http.get("/a/A")).json()["b"] == [{"id": "x&y"}]
    assert world.catalog.last.query == b"page%5Bsize%5D=5&filter%5Bsku%5D=A&sort=-a,b+c"
    assert world.inventory.last.query == b"filter%5Bid%5D=x%26y"


async def test_services_get_request_id_and_trace_but_no_credentials_on_an_open_route(
    join: Join, bearer: MakeToken
) -> None:
    world = await join('parts.a = { from = "catalog:/p" }')

    answer = await world.http.get("/a/A", headers={**bearer("reader"), "Cookie": "a=b", "X-User": "root"})

    headers = dict(world.catalog.last.headers)
    assert headers[b"x-request-id"].decode() == answer.headers["x-request-id"]
    assert b"traceparent" in headers
    assert {b"authorization", b"cookie", b"x-user"}.isdisjoint(headers)


async def test_each_service_gets_an_internal_token_of_its_own(
    join: Join, bearer: MakeToken, identity_in: IdentityIn
) -> None:
    parts = 'parts.a = { from = "catalog:/p" }\nparts.b = { from = "inventory:/s" }'
    world = await join(parts, auth="bearer")

    assert (await world.http.get("/a/A")).status_code == 401
    assert not world.catalog.requests
    assert (await world.http.get("/a/A", headers=bearer("reader", "shop"))).status_code == 200
    reader = Identity(subject="reader", scopes=frozenset({"shop"}), client="mobile")
    assert (
        identity_in(world.catalog.last, "catalog") == reader == identity_in(world.inventory.last, "inventory")
    )


async def test_the_same_names_may_be_used_for_parts_placeholders_and_inputs(join: Join) -> None:
    parts = 'parts.view = { from = "catalog:/p/{request}" }\nparts.request_ = { from = "catalog:/q" }'
    world = await join(parts, path="/a/{request}")

    assert set((await world.http.get("/a/A")).json()) == {"view", "request_"}
