"""The headers by which browsers protect a page, at a running gateway."""

import tomllib

import httpx

from frontispiece.gateway.policies.security_headers import SecurityHeaders
from tests.support.serving import Serve
from tests.support.stub import Stub, answering
from tests.support.tables import errors_of, route, route_table
from tests.support.world import OpenWorld

OTHERS = (
    route("/things/{id}"),
    route("/off", security_headers=False),
    route(
        "/picture",
        security_headers={"cross_origin_resource_policy": "cross-origin", "x_frame_options": False},
    ),
    route("/shared", auth="bearer", cors={"origins": ["https://app.example"]}),
)
ROUTES = route_table(*OTHERS, security_headers={})

USUAL = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-resource-policy": "same-origin",
}


def security_headers(answer: httpx.Response) -> dict[str, str]:
    names = [field.replace("_", "-") for field in SecurityHeaders.model_fields]
    return {name: answer.headers[name] for name in names if name in answer.headers}


async def test_every_response_has_them_problems_included(serve: Serve, open_world: OpenWorld) -> None:
    http = (await open_world(ROUTES, things=Stub())).http

    assert security_headers(await http.get("/things/7")) == USUAL
    for path, status in (("/nothing", 404), ("/things/%00", 400), ("/shared", 401), ("/health/live", 200)):
        answer = await http.get(path)
        assert (answer.status_code, security_headers(answer)) == (status, USUAL)
    assert security_headers(await http.delete("/things/7")) == USUAL
    asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    assert security_headers(await http.options("/shared", headers=asking)) == USUAL


async def test_a_refusal_before_a_route_has_those_of_the_route(serve: Serve, open_world: OpenWorld) -> None:
    http = (await open_world(ROUTES, things=Stub())).http

    refusals = {path: await http.post(path) for path in ("/things/7", "/picture", "/off")}
    assert {answer.status_code for answer in refusals.values()} == {405}
    assert security_headers(refusals["/things/7"]) == USUAL
    assert security_headers(refusals["/picture"])["cross-origin-resource-policy"] == "cross-origin"
    assert security_headers(refusals["/off"]) == {}
    assert security_headers(await http.get(f"/things/{'a' * 17_000}")) == USUAL


async def test_a_route_may_have_others_or_none(serve: Serve, open_world: OpenWorld) -> None:
    http = (await open_world(ROUTES, things=Stub())).http

    assert security_headers(await http.get("/off")) == {}
    picture = USUAL | {"cross-origin-resource-policy": "cross-origin"}
    del picture["x-frame-options"]
    assert security_headers(await http.get("/picture")) == picture


async def test_a_service_s_own_headers_stay(serve: Serve, open_world: OpenWorld) -> None:
    own = answering(200, b"", (b"x-frame-options", b"SAMEORIGIN"), (b"referrer-policy", b"no-referrer"))
    http = (await open_world(ROUTES, things=Stub(own))).http

    answer = await http.get("/things/7")

    assert security_headers(answer) == USUAL | {
        "x-frame-options": "SAMEORIGIN",
        "referrer-policy": "no-referrer",
    }
    assert answer.headers.get_list("x-frame-options") == ["SAMEORIGIN"]


def test_an_invalid_header_is_refused() -> None:
    for written in [
        'x_frame_options = "ALLOW"',
        'referrer_policy = "none"',
        "hsts = 1",
        'permissions_policy = "a\\nb"',
    ]:
        errors = errors_of(*OTHERS, security_headers=tomllib.loads(written))
        assert all(error.startswith("security_headers") for error in errors), written


async def test_hsts_is_sent_over_tls_only(serve: Serve, open_world: OpenWorld) -> None:
    text = route_table(*OTHERS, security_headers={}, edge={"trusted_proxies": ["127.0.0.1"]})
    http = (await open_world(text, things=Stub())).http
    for path in ["/things/7", "/shared", "/nowhere", "/health/live"]:
        by_tls = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
        secure = await http.get(path, headers=by_tls)
        assert secure.headers["strict-transport-security"] == "max-age=31536000", path
        assert "strict-transport-security" not in (await http.get(path)).headers, path
