"""Routes to methods of a service that speaks gRPC: JSON outside, messages inside, on real sockets."""

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontispiece.errors import ConfigError
from frontispiece.gateway.config import table
from tests.conftest import MakeToken
from tests.frontispiece.gateway.grpc.conftest import World
from tests.frontispiece.gateway.grpc.library import METHOD, ROUTES, Library, descriptors, table_with
from tests.support.issuer import Issuer
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.tables import route, route_table
from tests.support.world import gateway_of


async def test_placeholders_query_and_body_are_fields_of_the_message(world: World) -> None:
    plain = await world.get("/books/a%2Bb%26c?copies=3&lent=true&kind=KIND_NOVEL&author.full_name=Jo")
    assert plain["name"] == "a+b&c"
    assert (plain["copies"], plain["lent"], plain["kind"]) == ("3", True, "KIND_NOVEL")
    assert plain["author"] == {"fullName": "Jo", "penNames": []}
    assert "price" not in plain
    assert (await world.get("/books/a?signed=true"))["signed"] is True
    assert plain["ratings"] == {}

    body = {
        "copies": "7",
        "printed": "2026-01-02T03:04:05Z",
        "ratings": {"ann": 5},
        "cover": "AAE=",
        "price": 1.5,
    }
    posted = (await world.http.post("/books/x", json=body)).json()
    assert {key: posted[key] for key in body} == body

    found = await world.get("/search?tags=a&tags=b&like.author.pen_names=c&like.author.penNames=d")
    assert found["tags"] == ["a", "b"]
    assert found["like"]["author"]["penNames"] == ["c", "d"]


async def test_nothing_that_a_client_sends_overrides_the_path(world: World) -> None:
    assert (await world.http.post("/books/mine", json={"name": "yours"})).json()["name"] == "mine"
    assert (await world.http.post("/books/0", json={"name": "yours", "copies": 3})).json()["name"] == "0"
    twice = await world.http.get("/books/mine?name=yours")
    assert (twice.status_code, twice.json()["type"].rpartition(":")[2]) == (422, "invalid-request")
    assert "name is there twice" in twice.json()["detail"]


async def test_annotated_methods_are_at_the_paths_of_their_annotations(world: World) -> None:
    assert (await world.get("/v1/shelves/7/books/a?copies=2"))["name"] == "shelves/7/books/a"
    assert await world.get("/v1/books/a?author.full_name=Jo") == {"fullName": "Jo", "penNames": []}
    added = await world.http.post("/v1/shelves/7/books", json={"name": "b", "copies": 4})
    assert added.json()["copies"] == "4"
    assert (await world.get("/raw?name=c"))["name"] == "c"
    assert await world.get("/v1/books/a") is None
    assert (await world.http.head("/v1/books/a")).status_code == 200
    nowhere = ("GET", "/v1/nowhere"), ("DELETE", "/v1/books/a"), ("GET", "/v1/shelves/7/8/books/a")
    for method, path in nowhere:
        response = await world.http.request(method, path)
        assert (response.status_code, response.json()["title"]) == (404, "No route"), path


async def test_many_responses_are_lines_or_events_as_they_come(world: World) -> None:
    goes_on = asyncio.Event()

    async def news(request: Any, context: Any) -> None:
        for name in request.tags:
            await context.write(descriptors().find("Library.GetBook").returns(name=name))
            await goes_on.wait()

    world.library.answers["WatchBooks"] = news
    async with world.http.stream("GET", "/news?tags=a&tags=b") as lines:
        assert lines.headers["content-type"] == "application/x-ndjson"
        each = lines.aiter_lines()
        assert json.loads(await anext(each))["name"] == "a"
        goes_on.set()
        assert [json.loads(line)["name"] async for line in each] == ["b"]

    events = await world.http.get("/news?tags=a&tags=b", headers={"accept": "text/event-stream"})
    assert events.headers["content-type"] == "text/event-stream"
    blocks = events.text.split("\n\n")
    assert [json.loads(block.removeprefix("data: "))["name"] for block in blocks if block] == ["a", "b"]

    assert (await world.http.get("/news")).text == ""


async def test_a_stream_that_fails_says_so_before_its_first_response_and_breaks_off_after_it(
    world: World,
) -> None:
    async def news(request: Any, context: Any) -> None:
        if request.tags:
            await context.write(descriptors().find("Library.GetBook").returns(name="a"))
        await context.abort(grpc.StatusCode.NOT_FOUND, "There is no news.")

    world.library.answers["WatchBooks"] = news
    refused = await world.http.get("/news")
    assert (refused.status_code, refused.json()["detail"]) == (404, "There is no news.")
    with pytest.raises(httpx.RemoteProtocolError):
        await world.http.get("/news?tags=a")


async def test_a_client_that_goes_away_ends_the_call(world: World) -> None:
    seen = asyncio.Event()

    async def news(_request: Any, context: Any) -> None:
        context.add_done_callback(lambda _: seen.set())
        await context.write(descriptors().find("Library.GetBook").returns(name="a"))
        await asyncio.Event().wait()

    world.library.answers["WatchBooks"] = news
    async with world.http.stream("GET", "/news") as lines:
        await anext(lines.aiter_lines())
    async with asyncio.timeout(60):
        await seen.wait()


async def test_a_status_becomes_the_status_that_http_has_for_it(world: World) -> None:
    codes = {
        grpc.StatusCode.INVALID_ARGUMENT: 400,
        grpc.StatusCode.UNAUTHENTICATED: 401,
        grpc.StatusCode.PERMISSION_DENIED: 403,
        grpc.StatusCode.NOT_FOUND: 404,
        grpc.StatusCode.ABORTED: 409,
        grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
        grpc.StatusCode.INTERNAL: 502,
        grpc.StatusCode.UNIMPLEMENTED: 502,
        grpc.StatusCode.UNAVAILABLE: 503,
        grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    }
    for code, status in codes.items():

        async def fail(_request: Any, context: Any, code: grpc.StatusCode = code) -> None:
            await context.abort(code, "Secret of the inside.", (("problem-type", "book-lost"),))

        world.library.answers["GetBook"] = fail
        response = await world.http.get("/books/a")
        problem = response.json()
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert (problem["type"] == "urn:frontispiece:problem:book-lost") is (status < 500), code
        assert ("Secret" in response.text) is (status < 500), code


async def test_a_call_has_the_time_of_its_route_and_is_given_up_with_it(world: World) -> None:
    await world.get("/books/a")
    assert world.library.seconds is not None
    assert 10 < world.library.seconds < 21  # gRPC adds what it takes for rounding

    async def wait(_request: Any, _context: Any) -> None:
        await asyncio.Event().wait()

    world.library.answers["GetBook"] = wait
    late = await world.http.get("/late")
    assert (late.status_code, late.json()["title"]) == (504, "Upstream timeout")


async def test_methods_get_the_gateways_token_and_metadata_passes_both_ways(
    serve: Serve, tmp_path: Path, issuer: Issuer, bearer: MakeToken
) -> None:
    library = Library()

    async def answer(request: Any, context: Any) -> Any:
        await context.send_initial_metadata((("etag", '"7"'), ("x-raw-bin", b"\x00")))
        return request

    library.answers["GetBook"] = answer
    async with library.serving() as address:
        routes = [route("/books/{name}", to=f"{METHOD}GetBook", auth="bearer")]
        gateway = gateway_of(
            route_table(route("/a", to="b")), {"library": address, "b": nobody_there()}, issuer=issuer
        )
        async with client_of(await serve(gateway)) as http:
            assert await gateway.serve_table(table_with(tmp_path, *routes))
            token = bearer("reader", "shop")
            response = await http.get("/books/a", headers={**token, "X-Kind": "b", "Grpc-Timeout": "1n"})
            assert (await http.get("/books/a")).status_code == 401
    assert response.headers["etag"] == '"7"'
    assert "x-raw-bin" not in response.headers
    given = library.metadata["authorization"]
    assert given.startswith("Bearer ")
    assert given != token["Authorization"]
    assert library.metadata["x-kind"] == "b"


async def test_a_body_that_is_no_message_is_refused(world: World) -> None:
    for content, kind, status in [
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"nothing": 1}', "application/json", 422),
        (b'{"copies": 1e400}', "application/json", 422),
        (b'{"copies": "9223372036854775808"}', "application/json", 422),
        (b'{"printed": "0000-00-00T00:00:00Z"}', "application/json", 422),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json", 422),
        (b'{"extra": {"@type": 5}}', "application/json", 422),
        (b'{"extra": {"@type": "type.googleapis.com/google.protobuf.Timestamp"}}', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * (1024 * 1024 + 1), "application/json", 413),
    ]:
        response = await world.http.post("/books/a", content=content, headers={"content-type": kind})
        assert response.status_code == status, content[:40]
    for query in (
        "nothing=1",
        "lent=perhaps",
        "copies=many",
        "ratings=1",
        "copies=1&copies=2",
        "author=1",
        "author." + "teacher." * 900 + "full_name=x",
        "notes.fields.key=1",
        "ratings.value=1",
        "=",
        "%ff",
    ):
        assert (await world.http.get(f"/books/a?{query}")).status_code == 422, query


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["like", "name", "author"]), inner)
    ),
    max_leaves=8,
)


async def test_a_message_too_long_for_grpc_is_a_fault_of_its_sender(world: World) -> None:
    fields = {f"x-long-{number}": "x" * 2000 for number in range(5)}
    long = await world.http.get("/books/a", headers=fields)
    assert (long.status_code, long.json()["title"]) == (431, "Headers too large")
    assert long.json()["request_id"] == long.headers["x-request-id"]

    async def answer(request: Any, _context: Any) -> Any:
        request.author.full_name = "x" * 5_000_000
        return request

    world.library.answers["GetBook"] = answer
    assert (await world.http.get("/books/a")).status_code == 502


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=ANY_JSON,
    query=st.dictionaries(st.sampled_from(["like.price", "tags", "name", "like.printed", "x"]), st.text()),
)
async def test_no_request_makes_a_500(world: World, body: Any, query: dict[str, str]) -> None:
    response = await world.http.post("/search", content=json.dumps(body), params=query)

    assert response.status_code in {200, 422}, response.text


async def test_a_service_that_is_not_there_is_unavailable_and_unready(serve: Serve, tmp_path: Path) -> None:
    gone = nobody_there().removeprefix("http://")
    gateway = gateway_of(route_table(route("/a", to="b")), {"library": gone, "b": nobody_there()})
    async with client_of(await serve(gateway)) as http:
        assert await gateway.serve_table(table_with(tmp_path, *ROUTES))
        response = await http.get("/books/a")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert (await http.get("/health/ready")).status_code == 503


def test_a_table_names_what_is_wrong_with_methods_and_descriptors(tmp_path: Path) -> None:
    def errors(*routes: Any, **service: Any) -> str:
        with pytest.raises(ConfigError) as refused:
            table_with(tmp_path, *routes, **service)
        return str(refused.value)

    assert "did you mean" in errors(route("/a", to=f"{METHOD}GetBok")).lower()
    assert "there is no method Library.SendBooks" in errors(route("/a", to=f"{METHOD}SendBooks"))
    assert "{nam} is no field of Book" in errors(route("/{nam}", to=f"{METHOD}GetBook"))
    assert "validate_requests is for services over HTTP" in errors(
        route("/a", to=f"{METHOD}GetBook", validate_requests=True)
    )
    assert "split: a method over gRPC has variants by version: write library@2" in errors(
        route("/a", to=f"{METHOD}GetBook", split=[{"to": "other", "weight": 5.0}])
    )
    assert 'write "grpc://service", or' in errors(route("/a", to="grpc://library/GetBook"))
    assert "mirror: a method over gRPC" in errors(
        route("/a", to="library", mirror={"to": f"{METHOD}GetBook", "fraction": 1.0})
    )
    assert "descriptors: none.binpb cannot be read: No such file" in errors(
        route("/a", to="library"), descriptors="none.binpb"
    )
    (tmp_path / "bad.binpb").write_bytes(b"\x0a\x05hello")
    assert "it is no descriptor set" in errors(route("/a", to="library"), descriptors="bad.binpb")
    assert "descriptors is for services over gRPC" in errors(route("/a", to="library"), url="http://a")
    with pytest.raises(ConfigError, match="descriptors is missing"):
        table.parse(route_table(route("/a"), services={"things": "grpc://a:1"}))
