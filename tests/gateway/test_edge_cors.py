"""Pages of other origins at a running gateway: what their browsers are told, whatever becomes of the call."""

import asyncio

import httpx
import pytest

from gateway import table
from kit.faults import Faulty
from tests.conftest import MakeToken
from tests.gateway.conftest import Edge, OpenGateway
from tests.support.serving import Serve
from tests.support.stub import Exchange, Stub, answering

APP = "https://app.example"
OTHER = "https://other.example"

SERVICES = '[services.things]\nurl = "registry://things"\n'

ROUTES = f"""
{SERVICES}
[[routes]]
path = "/open"
to = "things"
auth = "none"
cors = {{ origins = ["*"] }}

[[routes]]
path = "/things/{{id}}"
to = "things"
auth = "none"
cors = {{ origins = ["{APP}", "capacitor://localhost"], expose = ["ETag", "X-Request-Id"], max_age = "1h" }}

[[routes]]
path = "/things/{{id}}"
methods = ["PUT", "DELETE"]
to = "things"
auth = "bearer"
limit = {{ rate = "1/day", burst = 2, by = "route" }}
timeout = "100ms"

[routes.cors]
origins = ["{APP}"]
methods = ["PUT"]
headers = ["Authorization", "Content-Type"]
credentials = true

[[routes]]
path = "/private"
methods = ["GET", "POST"]
to = "things"
auth = "none"
"""


@pytest.fixture
async def edge(serve: Serve, open_gateway: OpenGateway) -> Edge:
    things = Stub()
    return Edge(http=await open_gateway(ROUTES, things=await serve(things)), things=things)


def told(answer: httpx.Response) -> dict[str, str]:
    """What a browser is told of sharing."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def vary(answer: httpx.Response) -> set[str]:
    return {name.strip().lower() for name in answer.headers.get("vary", "").split(",") if name.strip()}


async def preflight(edge: Edge, path: str, method: str, origin: str = APP) -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return await edge.http.options(path, headers=headers)


# Preflights.


async def test_a_preflight_is_answered_at_the_edge_without_credentials(edge: Edge) -> None:
    answer = await preflight(edge, "/things/7", "PUT")

    assert (answer.status_code, answer.content) == (204, b"")
    assert told(answer) == {
        "access-control-allow-origin": APP,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "600",
    }
    assert vary(answer) == {"origin", "access-control-request-method", "access-control-request-headers"}
    assert not edge.things.asked


async def test_the_route_of_the_method_that_is_asked_for_answers(edge: Edge) -> None:
    for method in ("GET", "HEAD"):
        answer = await preflight(edge, "/things/7", method)
        assert told(answer) == {
            "access-control-allow-origin": APP,
            "access-control-allow-methods": "GET",
            "access-control-allow-headers": "content-type",
            "access-control-max-age": "3600",
        }


async def test_any_page_may_call_what_is_open_to_all_but_with_no_credentials(edge: Edge) -> None:
    answer = await preflight(edge, "/open", "GET", "https://whoever.example")

    assert told(answer)["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in told(answer)


@pytest.mark.parametrize(
    "origin",
    [
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
    ],
)
async def test_another_origin_is_refused_however_near_it_is(edge: Edge, origin: str) -> None:
    answer = await preflight(edge, "/things/7", "PUT", origin)

    assert (answer.status_code, told(answer)) == (403, {})
    assert answer.json()["type"] == "urn:frontispiece:problem:origin-refused"
    assert "origin" in vary(answer)


async def test_an_origin_of_an_app_is_one_too(edge: Edge) -> None:
    answer = await preflight(edge, "/things/7", "GET", "capacitor://localhost")

    assert told(answer)["access-control-allow-origin"] == "capacitor://localhost"


async def test_two_origins_are_none(edge: Edge) -> None:
    headers = [("Origin", APP), ("Origin", OTHER), ("Access-Control-Request-Method", "PUT")]

    assert told(await edge.http.options("/things/7", headers=headers)) == {}


async def test_private_networks_are_not_opened(edge: Edge) -> None:
    headers = {
        "Origin": APP,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = await edge.http.options("/things/7", headers=headers)

    assert answer.status_code == 204
    assert "access-control-allow-private-network" not in answer.headers


async def test_a_method_or_a_route_that_is_not_shared_has_no_preflight(edge: Edge) -> None:
    for path, method in (("/things/7", "POST"), ("/private", "POST"), ("/things/7", "NONSENSE")):
        answer = await preflight(edge, path, method)
        assert (answer.status_code, told(answer)) == (405, {}), (path, method)
    assert (await preflight(edge, "/nothing", "GET")).status_code == 404
    assert (await edge.http.options("/things/7")).status_code == 405
    assert (await edge.http.options("/things/7", headers={"Origin": APP})).status_code == 405
    assert not edge.things.asked


# Calls.


async def test_a_page_of_the_origin_may_see_the_answer_and_what_is_exposed(edge: Edge) -> None:
    answer = await edge.http.get("/things/7", headers={"Origin": APP})

    assert told(answer) == {
        "access-control-allow-origin": APP,
        "access-control-expose-headers": "etag, x-request-id",
    }
    assert vary(answer) == {"origin"}


@pytest.mark.parametrize("headers", [{}, {"Origin": OTHER}, {"Origin": "null"}])
async def test_others_get_the_answer_without_a_word_of_sharing_and_caches_keep_it_apart(
    edge: Edge, headers: dict[str, str]
) -> None:
    answer = await edge.http.get("/things/7", headers=headers)

    assert (answer.status_code, told(answer), vary(answer)) == (200, {}, {"origin"})


async def test_what_a_service_says_of_sharing_does_not_count(edge: Edge) -> None:
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


async def test_a_page_may_see_why_it_was_refused(edge: Edge, bearer: MakeToken) -> None:
    async def slow(exchange: Exchange) -> None:
        await exchange.until_left()

    edge.things.answer = slow
    page = {"Origin": APP}
    somebody = page | bearer("reader", "shop")

    unproven = await edge.http.put("/things/7", headers=page)
    async with asyncio.timeout(5):
        late = [await edge.http.put("/things/7", headers=somebody) for _ in range(2)]
    limited = await edge.http.put("/things/7", headers=somebody)

    assert [answer.status_code for answer in (unproven, *late, limited)] == [401, 504, 504, 429]
    for answer in (unproven, *late, limited):
        assert answer.headers.get_list("access-control-allow-origin") == [APP]
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "origin" in vary(answer)


# The table.


@pytest.mark.parametrize(
    ("cors", "fault"),
    [
        ('origins = ["*"]\ncredentials = true', "credentials are not for any page that likes"),
        ('origins = ["null"]', '"null" is the origin of any sandboxed page'),
        ('origins = ["*", "https://a.example"]', '"*" is all of them'),
        ('origins = ["https://a.example/"]', "is no origin as browsers send it"),
        ('origins = ["https://*.example"]', "is no origin as browsers send it"),
        ('origins = ["https://A.example"]', "is no origin as browsers send it"),
        ('origins = ["https://a.example:443"]', "has the port of its scheme"),
        ('origins = ["a.example"]', "is no origin as browsers send it"),
        ("origins = []", "at least 1 item"),
        ('origins = ["https://a.example"]\nmethods = ["PUT"]', "methods has PUT, which the route does not"),
        ('origins = ["https://a.example"]\nheaders = ["*"]\ncredentials = true', "headers: with credentials"),
        ('origins = ["https://a.example"]\nexpose = ["*"]\ncredentials = true', "expose: with credentials"),
        ('origins = ["https://a.example"]\nheaders = ["x y"]', "should match pattern"),
    ],
)
def test_a_policy_that_would_not_do_as_it_says_is_refused(cors: str, fault: str) -> None:
    route = f'[[routes]]\npath = "/a"\nto = "things"\nauth = "none"\n[routes.cors]\n{cors}\n'

    with pytest.raises(Faulty, match="route 1") as refused:
        table.parse(SERVICES + route)
    assert any(fault in sentence for sentence in refused.value.faults), refused.value.faults
