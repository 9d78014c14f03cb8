"""Pages of other origins at a running gateway: what their browsers may read, whatever becomes of the call."""

import asyncio
import tomllib

import httpx
import pytest

from tests.conftest import MakeToken
from tests.support.recorder import said
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering
from tests.support.tables import errors_of, route, route_table
from tests.support.world import OpenWorld, World

APP = "https://app.example"
OTHER = "https://other.example"

ROUTES = route_table(
    route("/open", cors={"origins": ["*"]}),
    route(
        "/things/{id}",
        cors={
            "origins": ["https://app.example", "capacitor://localhost"],
            "expose": ["ETag", "X-Request-Id"],
            "max_age": "1h",
        },
    ),
    route(
        "/things/{id}",
        auth="bearer",
        methods=["PUT", "DELETE"],
        rate_limit={"rate": "1/day", "burst": 2, "by": "route"},
        timeout="100ms",
        cors={
            "origins": ["https://app.example"],
            "methods": ["PUT"],
            "headers": ["Authorization", "Content-Type"],
            "credentials": True,
        },
    ),
    route("/private", methods=["GET", "POST"]),
)


@pytest.fixture
async def edge(serve: Serve, open_world: OpenWorld) -> World:
    things = Stub()
    return await open_world(ROUTES, things=things)


def cors_headers(answer: httpx.Response) -> dict[str, str]:
    """The CORS headers of a response."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def vary(answer: httpx.Response) -> set[str]:
    return {name.strip().lower() for name in answer.headers.get("vary", "").split(",") if name.strip()}


async def preflight(edge: World, path: str, method: str, origin: str = APP) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return await edge.http.options(path, headers=headers)


# Preflights.


PUT = {
    "origin": APP,
    "credentials": "true",
    "methods": "PUT",
    "headers": "authorization, content-type",
    "max-age": "600",
}
GET = {"origin": APP, "methods": "GET", "headers": "content-type", "max-age": "3600"}


async def test_the_gateway_answers_a_preflight_for_the_route_of_its_method(edge: World) -> None:
    for path, method, origin, expected in [
        ("/things/7", "PUT", APP, PUT),
        ("/things/7", "GET", APP, GET),
        ("/things/7", "HEAD", APP, GET),
        ("/things/7", "GET", "capacitor://localhost", GET | {"origin": "capacitor://localhost"}),
        ("/open", "GET", "https://whoever.example", GET | {"origin": "*", "max-age": "600"}),
    ]:
        answer = await preflight(edge, path, method, origin)

        assert (answer.status_code, answer.content) == (204, b""), path
        names = {"max-age": "access-control-max-age"}
        assert cors_headers(answer) == {
            names.get(name, f"access-control-allow-{name}"): value for name, value in expected.items()
        }
        assert vary(answer) == {"origin", "access-control-request-method", "access-control-request-headers"}
        assert not edge.things.requests, path


async def test_a_route_may_answer_options_itself_and_share_other_methods(open_world: OpenWorld) -> None:
    shared = route("/shared", methods=["BREW", "OPTIONS"], cors={"origins": [APP]})
    world = await open_world(route_table(shared, route("/own", methods=["GET", "OPTIONS"])))

    granted = await preflight(world, "/shared", "BREW")
    assert granted.headers["access-control-allow-methods"] == "BREW, OPTIONS"
    assert not world.things.requests
    brewed = await world.http.request("BREW", "/shared", headers={"Origin": APP}, content=b"tea")
    assert brewed.headers["access-control-allow-origin"] == APP
    assert (await world.http.options("/shared", headers={"Origin": APP})).status_code == 200
    for method in ("GET", "PUT"):
        assert (await preflight(world, "/own", method)).status_code == 200
    assert [exchange.method for exchange in world.things.requests] == ["BREW", *["OPTIONS"] * 3]


async def test_two_origins_are_none_and_private_networks_are_not_opened(edge: World) -> None:
    headers = [("Origin", APP), ("Access-Control-Request-Method", "PUT")]
    two = await edge.http.options("/things/7", headers=[*headers, ("Origin", OTHER)])
    assert cors_headers(two) == {}

    private = ("Access-Control-Request-Private-Network", "true")
    answer = await edge.http.options("/things/7", headers=[*headers, private])
    assert answer.status_code == 204
    assert "access-control-allow-private-network" not in answer.headers


async def test_a_similar_origin_is_refused(edge: World) -> None:
    for origin in [
        "null",
        OTHER,
        "http://app.example",
        "https://app.example:8443",
        "https://app.example.evil.test",
        "https://evil-app.example",
        "https://APP.example",
        "https://app.example/",
        f"{APP}, {OTHER}",
        "*",
    ]:
        answer = await preflight(edge, "/things/7", "PUT", origin)

        assert (answer.status_code, cors_headers(answer)) == (403, {}), origin
        assert answer.json()["type"] == "urn:frontispiece:problem:origin-refused", origin
        assert "origin" in vary(answer), origin


async def test_a_method_or_a_route_without_cors_has_no_preflight(edge: World) -> None:
    for path, method in (("/things/7", "POST"), ("/private", "POST"), ("/things/7", "NONSENSE")):
        answer = await preflight(edge, path, method)
        assert (answer.status_code, cors_headers(answer)) == (405, {}), (path, method)
    assert (await preflight(edge, "/nothing", "GET")).status_code == 404
    assert (await edge.http.options("/things/7")).status_code == 405
    assert (await edge.http.options("/things/7", headers={"Origin": APP})).status_code == 405
    assert not edge.things.requests


# Calls.


async def test_a_page_of_an_allowed_origin_may_read_the_response_and_exposed_headers(edge: World) -> None:
    answer = await edge.http.get("/things/7", headers={"Origin": APP})

    assert cors_headers(answer) == {
        "access-control-allow-origin": APP,
        "access-control-expose-headers": "etag, x-request-id",
    }
    assert vary(answer) == {"origin"}


async def test_other_origins_get_no_cors_headers_but_vary(edge: World) -> None:
    for headers in [{}, {"Origin": OTHER}, {"Origin": "null"}]:
        answer = await edge.http.get("/things/7", headers=headers)

        assert (answer.status_code, cors_headers(answer), vary(answer)) == (200, {}, {"origin"}), headers


async def test_cors_headers_of_a_service_are_dropped(edge: World) -> None:
    edge.things.answer = answering(
        200,
        b"",
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Accept"),
    )

    for origin, allowed in ((APP, [APP]), (OTHER, [])):
        answer = await edge.http.get("/things/7", headers={"Origin": origin})
        assert answer.headers.get_list("access-control-allow-origin") == allowed
        assert "access-control-allow-credentials" not in answer.headers
        assert vary(answer) == {"accept", "origin"}


async def test_a_page_may_see_why_it_was_refused(edge: World, bearer: MakeToken) -> None:
    async def slow(exchange: Exchange) -> None:
        await exchange.until_left()

    edge.things.answer = slow
    page = {"Origin": APP}
    caller = page | bearer("reader", "shop")

    unproven = await edge.http.put("/things/7", headers=page)
    async with asyncio.timeout(60):
        late = [await edge.http.put("/things/7", headers=caller) for _ in range(2)]
    limited = await edge.http.put("/things/7", headers=caller)

    assert [answer.status_code for answer in (unproven, *late, limited)] == [401, 504, 504, 429]
    for answer in (unproven, *late, limited):
        assert answer.headers.get_list("access-control-allow-origin") == [APP]
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "origin" in vary(answer)


# Refusals that no layer of a route has seen.

MANY = [(f"X-{number}", "1") for number in range(120)]
LONG = "a" * 17_000
TWO = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]


async def test_a_page_may_see_why_a_call_on_a_shared_path_was_refused_before_its_route(edge: World) -> None:
    for status, method, path, headers in [
        (405, "PATCH", "/things/7", []),
        (405, "OPTIONS", "/things/7", []),
        (405, "BREW", "/things/7", []),
        (414, "GET", f"/things/7?{LONG}", []),
        (414, "GET", f"/things/{LONG}", []),
        (431, "GET", "/things/7", MANY),
        (431, "GET", "/things/7", [("X-Long", "a" * 33_000)]),
        (400, "GET", "/things/7", [("Host", "a b")]),
        (400, "GET", "/things/7", TWO),
        (400, "GET", "/things/a%2Fb", []),
    ]:
        answer = await edge.http.request(method, path, headers=[("Origin", APP), *headers])
        stranger = await edge.http.request(method, path, headers=[("Origin", OTHER), *headers])

        assert answer.status_code == status, status
        assert cors_headers(answer) == {
            "access-control-allow-origin": APP,
            "access-control-expose-headers": "etag, x-request-id",
        }
        assert (stranger.status_code, cors_headers(stranger)) == (status, {}), status
        assert vary(answer) == vary(stranger) == {"origin"}, status
        assert not edge.things.requests, status


async def test_a_refusal_on_a_path_that_is_not_shared_has_no_cors_headers(edge: World) -> None:
    for method, path, status in (
        ("PUT", "/private", 405),
        ("GET", f"/private?{LONG}", 414),
        ("GET", "/nothing", 404),
        ("GET", "/nothing/%00", 400),
    ):
        answer = await edge.http.request(method, path, headers={"Origin": APP})
        assert (answer.status_code, cors_headers(answer), vary(answer)) == (status, {}, set())


async def test_the_server_s_own_refusals_are_shared_too(edge: World) -> None:
    head = f"GET /things/7 HTTP/1.1\r\nHost: a\r\nOrigin: {APP}\r\n".encode()
    for status, rest in ((b"431", b"X-Long: " + b"a" * 300_000), (b"400", b"no field\r\n\r\n")):
        answer = await said(edge.url, head + rest)

        assert answer.startswith(b"HTTP/1.1 %b " % status)
        assert f"\r\naccess-control-allow-origin: {APP}\r\n".encode() in answer


# The table.


@pytest.mark.parametrize(
    ("cors", "expected"),
    [
        ('origins = ["*"]\ncredentials = true', "credentials need origins by name"),
        ('origins = ["null"]', '"null" is the origin of every sandboxed page'),
        ('origins = ["*", "https://a.example"]', '"*" includes all others'),
        ('origins = ["https://a.example/"]', "is no origin as browsers send it"),
        ('origins = ["https://A.example"]', "is no origin as browsers send it"),
        ('origins = ["https://a.example:443"]', "has the default port of its scheme"),
        ("origins = []", "at least 1 item"),
        ('origins = ["https://a.example"]\nmethods = ["PUT"]', "methods has PUT, which the route does not"),
        ('origins = ["https://a.example"]\nheaders = ["*"]\ncredentials = true', "headers: with credentials"),
        ('origins = ["https://a.example"]\nexpose = ["*"]\ncredentials = true', "expose: with credentials"),
        (
            'origins = ["https://a.example"]\nheaders = ["x y"]',
            "headers: 0: 'x y' is no name of",
        ),
    ],
)
def test_an_invalid_cors_policy_is_refused(cors: str, expected: str) -> None:
    errors = errors_of(route(cors=tomllib.loads(cors)))
    assert any(error.startswith("route 1 ") and expected in error for error in errors), errors
