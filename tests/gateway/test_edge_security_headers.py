"""What browsers are told to be careful about, at a running gateway."""

import httpx
import pytest

from gateway import table
from gateway.call import Call
from gateway.layers.security_headers import added
from gateway.policies.security_headers import SecurityHeaders
from gateway.upstream import Reply
from kit.faults import Faulty
from kit.problems import Problem
from tests.gateway.conftest import OpenGateway
from tests.support.serving import Serve
from tests.support.stub import Stub, answering

SERVICES = '[services.things]\nurl = "registry://things"\n'
OTHERS = """
[[routes]]
path = "/things/{id}"
to = "things"
auth = "none"

[[routes]]
path = "/off"
to = "things"
auth = "none"
security_headers = false

[[routes]]
path = "/picture"
to = "things"
auth = "none"
security_headers = { cross_origin_resource_policy = "cross-origin", x_frame_options = false }

[[routes]]
path = "/shared"
to = "things"
auth = "bearer"
cors = { origins = ["https://app.example"] }
"""
ROUTES = SERVICES + "[security_headers]\n" + OTHERS

USUAL = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-resource-policy": "same-origin",
}


def told(answer: httpx.Response) -> dict[str, str]:
    names = [field.replace("_", "-") for field in SecurityHeaders.model_fields]
    return {name: answer.headers[name] for name in names if name in answer.headers}


async def test_every_answer_has_them_whoever_gives_it(serve: Serve, open_gateway: OpenGateway) -> None:
    http = await open_gateway(ROUTES, things=await serve(Stub()))

    assert told(await http.get("/things/7")) == USUAL
    for path, status in (("/nothing", 404), ("/things/%00", 400), ("/shared", 401), ("/health/live", 200)):
        answer = await http.get(path)
        assert (answer.status_code, told(answer)) == (status, USUAL)
    assert told(await http.delete("/things/7")) == USUAL
    asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    assert told(await http.options("/shared", headers=asking)) == USUAL


async def test_a_table_without_the_section_adds_none(serve: Serve, open_gateway: OpenGateway) -> None:
    http = await open_gateway(SERVICES + OTHERS, things=await serve(Stub()))

    for path in ("/things/7", "/nothing", "/off", "/health/live"):
        assert told(await http.get(path)) == {}


async def test_a_route_may_have_others_or_none(serve: Serve, open_gateway: OpenGateway) -> None:
    http = await open_gateway(ROUTES, things=await serve(Stub()))

    assert told(await http.get("/off")) == {}
    picture = USUAL | {"cross-origin-resource-policy": "cross-origin"}
    del picture["x-frame-options"]
    assert told(await http.get("/picture")) == picture


async def test_what_a_service_says_itself_counts(serve: Serve, open_gateway: OpenGateway) -> None:
    own = answering(200, b"", (b"x-frame-options", b"SAMEORIGIN"), (b"referrer-policy", b"no-referrer"))
    http = await open_gateway(ROUTES, things=await serve(Stub(own)))

    answer = await http.get("/things/7")

    assert told(answer) == USUAL | {"x-frame-options": "SAMEORIGIN", "referrer-policy": "no-referrer"}
    assert answer.headers.get_list("x-frame-options") == ["SAMEORIGIN"]


def call(scheme: str) -> Call:
    return Call(
        params={}, method="GET", query=b"", headers=[], body=b"", request_id=b"7", scheme=scheme, peer="a"
    )


async def fine(_call: Call) -> Reply:
    return Reply.whole(200, b"", [])


async def refusing(_call: Call) -> Reply:
    raise Problem(429, "rate-limited")


async def test_to_come_by_https_is_said_over_https_only() -> None:
    handler = added(SecurityHeaders())(fine)

    secure, plain = await handler(call("https")), await handler(call("http"))

    assert secure.header(b"strict-transport-security") == b"max-age=31536000"
    assert plain.header(b"strict-transport-security") is None


async def test_a_problem_is_told_with_them() -> None:
    refused = call("https")

    with pytest.raises(Problem, match="rate-limited"):
        await added(SecurityHeaders())(refusing)(refused)

    assert dict(refused.told) == {
        b"strict-transport-security": b"max-age=31536000",
        **{name.encode(): value.encode() for name, value in USUAL.items()},
    }


@pytest.mark.parametrize(
    "written",
    ['x_frame_options = "ALLOW"', 'referrer_policy = "none"', "hsts = 1", 'permissions_policy = "a\\nb"'],
)
def test_what_browsers_would_not_understand_is_refused(written: str) -> None:
    with pytest.raises(Faulty, match="security_headers"):
        table.parse(f"{SERVICES}[security_headers]\n{written}\n{OTHERS}")


@pytest.mark.parametrize("path", ["/things/7", "/nowhere", "/health/live"])
async def test_whoever_came_by_tls_to_a_trusted_proxy_is_told_to_stay_with_it(
    serve: Serve, open_gateway: OpenGateway, path: str
) -> None:
    edge = '[edge]\ntrusted_proxies = ["127.0.0.1"]\n'
    http = await open_gateway(edge + ROUTES, things=await serve(Stub()))

    by_tls = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    assert "strict-transport-security" in (await http.get(path, headers=by_tls)).headers
    assert "strict-transport-security" not in (await http.get(path)).headers
