"""The edge describes itself: what the public may know of its routes, and nothing else."""

import asyncio
import json
from typing import Any, Final

import pytest
import schemathesis

from tests.support.stub import Exchange, Stub, answering
from tests.support.tables import part, route, route_table
from tests.support.world import OpenWorld, World

THINGS: Final = {
    "openapi": "3.0.3",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things/{thing_id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {
                "summary": "A thing.",
                "operationId": "internal_name",
                "security": [{"internal": []}],
                "responses": {
                    "200": {
                        "description": "It.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    }
                },
            },
            "put": {"summary": "Never public.", "responses": {"200": {"description": "Done."}}},
        },
        "/shelves/{shelf}/things": {
            "get": {
                "parameters": [
                    {"name": "shelf", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "nullable": True}},
                ],
                "responses": {"200": {"description": "Things."}},
            }
        },
    },
    "components": {
        "parameters": {
            "Id": {"name": "thing_id", "in": "path", "required": True, "schema": {"type": "integer"}}
        },
        "schemas": {
            "Thing": {
                "type": "object",
                "properties": {"inside": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}},
            },
            "Unused": {"type": "object"},
        },
    },
}

IDEMPOTENCY: Final = {"store": "memory", "required": True}


async def describing(open_world: OpenWorld, *routes: Any, **options: Any) -> World:
    """A gateway in front of things that are described, and of others that are not."""
    things = Stub()
    things.answer = answering(200, json.dumps(THINGS).encode(), (b"content-type", b"application/json"))
    return await open_world(route_table(*routes, **options), things=things)


async def document_of(world: World) -> Any:
    """The document, which is valid."""
    document = (await world.http.get("/openapi.json")).json()
    schemathesis.openapi.from_dict(document).validate()
    return document


async def test_operations_of_services_are_at_their_public_paths(open_world: OpenWorld) -> None:
    world = await describing(
        open_world,
        route("/api/things/{id}", to="things:/things/{id}", rate_limit={"rate": "1/second", "by": "address"}),
        route("/s/{rest:path}", to="things:/shelves/{rest:path}"),
        route("/one", to="things:/things/1"),
        route("/other/{id}", to="gone:/things/{id}"),
        services={"gone": "http://127.0.0.1:9"},
        docs={"title": "The things"},
    )

    document = await document_of(world)

    assert document["info"]["title"] == "The things"
    assert document["paths"].keys() == {"/api/things/{id}", "/s/{shelf}/things", "/one", "/other/{id}"}
    thing = document["paths"]["/api/things/{id}"]["get"]
    assert thing["summary"] == "A thing."
    assert [(each["name"], each["schema"]) for each in thing["parameters"]] == [("id", {"type": "integer"})]
    assert thing["security"] == []
    assert {"400", "429", "502", "503", "504"} < thing["responses"].keys()
    assert "put" not in document["paths"]["/api/things/{id}"]
    assert document["paths"]["/one"]["get"]["parameters"] == []
    assert document["paths"]["/other/{id}"]["get"]["parameters"][0]["name"] == "id"
    schemas = document["components"]["schemas"]
    assert schemas.keys() == {"Problem", "things.Thing"}
    assert (
        schemas["things.Thing"]["properties"]["inside"]["items"]["$ref"]
        == "#/components/schemas/things.Thing"
    )


async def test_what_the_edge_demands_is_a_part_of_an_operation(open_world: OpenWorld) -> None:
    world = await describing(
        open_world,
        route("/things/{id}", methods=["POST"], idempotency=IDEMPOTENCY),
        route("/all", parts={"a": part("things:/a", query=["page"]), "b": part("things:/b", optional=True)}),
        route(
            "/of/{id}",
            parts={"thing": part("things:/things/{id}"), "b": part("things:/things/1", optional=True)},
        ),
        docs={},
    )

    document = await document_of(world)

    created = document["paths"]["/things/{id}"]["post"]
    assert [each["name"] for each in created["parameters"]] == ["id", "Idempotency-Key"]
    assert created["parameters"][1]["required"]
    joined = document["paths"]["/all"]["get"]
    assert [each["name"] for each in joined["parameters"]] == ["page"]
    assert joined["responses"]["200"]["content"]["application/json"]["schema"]["required"] == ["a", "b"]
    parts = document["paths"]["/of/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    thing = {"$ref": "#/components/schemas/things.Thing"}
    assert parts["properties"] == {"thing": thing, "b": {"anyOf": [thing, {"const": None}]}}
    assert "things.Thing" in document["components"]["schemas"]


async def test_a_route_whose_auth_is_not_named_is_not_described(open_world: OpenWorld) -> None:
    routes = route("/open"), route("/passed", auth="passthrough", to="things:/things/1")
    world = await describing(open_world, *routes, docs={})
    assert (await document_of(world))["paths"].keys() == {"/open"}

    named = await describing(open_world, *routes, docs={"auth": ["none", "passthrough"]})
    document = await document_of(named)
    assert document["paths"]["/passed"]["get"]["security"] == [{}, {"passthrough": []}]
    assert document["components"]["securitySchemes"].keys() == {"passthrough"}


async def test_what_another_route_answers_is_not_described_as_a_part_of_a_wider_one(
    open_world: OpenWorld,
) -> None:
    world = await describing(
        open_world,
        route("/all/{rest:path}", to="things:/{rest:path}"),
        route("/all/things/{id}", to="things:/things/{id}", auth="passthrough"),
        docs={},
    )

    document = await document_of(world)

    assert document["paths"].keys() == {"/all/shelves/{shelf}/things"}
    assert document["components"]["schemas"].keys() == {"Problem"}


INTERNAL: Final = {
    "servers": [{"url": "http://10.0.0.5"}],
    "callbacks": {"done": {"http://10.0.0.5/done": {}}},
    "x-owner": "a team",
    "parameters": [{"$ref": "#/components/parameters/Token"}, {"name": "authorization", "in": "header"}],
    "responses": {"200": {"description": "It.", "links": {"next": {"server": {"url": "http://10.0.0.5"}}}}},
}


async def test_what_is_internal_to_a_service_is_not_taken_over(open_world: OpenWorld) -> None:
    token = {"name": "X-Internal-Token", "in": "header", "schema": {"type": "string"}}
    world = await describing_odd(open_world, INTERNAL, {"parameters": {"Token": token}})

    document = await document_of(world)

    assert document["paths"]["/all/odd"]["get"]["parameters"] == []
    for internal in ("10.0.0.5", "x-owner", "Internal-Token"):
        assert internal not in json.dumps(document)


async def describing_odd(open_world: OpenWorld, operation: Any, components: Any = None) -> World:
    """A gateway in front of a service whose description has one odd operation, and a good one."""
    good = {"summary": "Good.", "responses": {"200": {"description": "It."}}}
    paths = {"/odd": {"get": operation}, "/good": {"get": good}}
    described = {"openapi": "3.1.0", "info": {}, "paths": paths, "components": components or {}}
    odd = Stub()
    odd.answer = answering(200, json.dumps(described).encode(), (b"content-type", b"application/json"))
    return await open_world(route_table(route("/all/{rest:path}", to="odd:/{rest:path}"), docs={}), odd=odd)


def nested(depth: int) -> Any:
    schema: Any = {}
    for _ in range(depth):
        schema = {"items": schema}
    return {"200": {"description": "It.", "content": {"application/json": {"schema": schema}}}}


@pytest.mark.parametrize(
    "odd",
    [
        {"parameters": None},
        {"parameters": ["x"]},
        {"parameters": [{"name": "x"}]},
        {"parameters": [{"in": ["query"], "name": "x"}]},
        {"parameters": [{"in": "query", "name": 3}]},
        {"parameters": [{"$ref": "#/components/parameters/none"}]},
        {"responses": None},
        {"responses": [1]},
        {"responses": {"200": None}},
        {"responses": nested(900)},
    ],
    ids=lambda odd: str(odd)[:60],
)
async def test_an_operation_whose_description_is_malformed_is_plain_and_the_others_are_there(
    open_world: OpenWorld, caplog: pytest.LogCaptureFixture, odd: Any
) -> None:
    world = await describing_odd(open_world, {"summary": "Odd.", "responses": {}} | odd)

    paths = (await document_of(world))["paths"]

    assert paths["/all/good"]["get"]["summary"] == "Good."
    assert "summary" not in paths["/all/odd"]["get"]
    assert "odd: its description of" in caplog.text


async def test_schemas_may_refer_to_one_another_in_a_long_chain(open_world: OpenWorld) -> None:
    schemas = {f"S{n}": {"items": {"$ref": f"#/components/schemas/S{n + 1}"}} for n in range(2000)}
    responses = nested(0) | {"default": {"$ref": "#/components/responses/Any"}}
    responses["200"]["content"]["application/json"]["schema"] = {"$ref": "#/components/schemas/S0"}
    components = {"schemas": schemas | {"S2000": {}}, "responses": {"Any": {"description": "Other."}}}
    world = await describing_odd(open_world, {"responses": responses}, components)

    document = (await world.http.get("/openapi.json")).json()

    assert len(document["components"]["schemas"]) == 2001 + 1
    assert document["components"]["responses"]["odd.Any"] == {"description": "Other."}


async def test_the_document_and_its_page_have_entity_tags_and_a_strict_policy(open_world: OpenWorld) -> None:
    world = await describing(open_world, route("/open"), docs={})

    for path in ("/openapi.json", "/docs", "/docs/docs.js", "/docs/docs.css"):
        first = await world.http.get(path)
        again = await world.http.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code) == (200, 304)
        assert "script-src 'self'" in first.headers["content-security-policy"]


async def test_services_describe_themselves_at_the_same_time(open_world: OpenWorld) -> None:
    both = asyncio.Barrier(2)

    async def answer(exchange: Exchange) -> None:
        await both.wait()  # one after the other, neither would be answered
        await answering(200, json.dumps(THINGS).encode(), (b"content-type", b"application/json"))(exchange)

    routes = [route(f"/{name}/{{id}}", to=f"{name}:/things/{{id}}") for name in ("one", "two")]
    world = await open_world(route_table(*routes, docs={}), one=Stub(answer), two=Stub(answer))

    response = await world.http.get("/openapi.json", headers={"Accept-Encoding": "gzip"})

    assert [each["get"]["summary"] for each in response.json()["paths"].values()] == ["A thing."] * 2
    assert response.headers["content-encoding"] == "gzip"


async def test_without_a_section_there_is_no_description(open_world: OpenWorld) -> None:
    world = await describing(open_world, route("/open"))

    for path in ("/openapi.json", "/docs", "/docs/docs.js"):
        assert (await world.http.get(path)).status_code == 404


async def test_a_route_goes_before_the_description(open_world: OpenWorld) -> None:
    world = await describing(open_world, route("/docs"), docs={})

    assert "openapi" in (await world.http.get("/docs")).json()  # what the service answers everywhere


async def test_a_browser_at_the_root_gets_a_page_that_says_where_it_is(open_world: OpenWorld) -> None:
    world = await describing(open_world, route("/open"), docs={"title": "<Things>"})

    page = await world.http.get("/", headers={"Accept": "text/html,*/*;q=0.8"})
    other = await world.http.get("/")

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "&lt;Things&gt;" in page.text
    assert 'href="/docs"' in page.text
    assert (other.status_code, other.json()["type"]) == (404, "urn:frontispiece:problem:no-route")


async def test_a_route_at_the_root_serves_browsers_too(open_world: OpenWorld) -> None:
    world = await describing(open_world, route("/{rest:path}"))

    page = await world.http.get("/", headers={"Accept": "text/html"})

    assert page.json()["openapi"] == "3.0.3"
