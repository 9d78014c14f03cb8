"""How a limit looks from outside: on every answer of its route, and nowhere else."""

import asyncio

import httpx
import pytest

from tests.conftest import MakeToken
from tests.gateway.conftest import OpenGateway
from tests.support.serving import Serve, nobody_there
from tests.support.stub import Stub, answering

ROUTES = """
[services.things]
url = "registry://things"

[services.gone]
url = "registry://gone"

[[routes]]
path = "/few"
to = "things"
auth = "none"
limit = { rate = "3/day", by = "address" }

[[routes]]
path = "/mine"
to = "things"
auth = "bearer"
limit = { rate = "100/day", burst = 2, by = "user" }

[[routes]]
path = "/gone"
to = "gone"
auth = "none"
limit = { rate = "60/hour", by = "route" }

[[routes]]
path = "/hasty"
to = "things"
auth = "none"
timeout = "50ms"
limit = { rate = "60/hour", by = "route" }

[[routes]]
path = "/free"
to = "things"
auth = "none"
"""


@pytest.fixture
def things() -> Stub:
    return Stub()


@pytest.fixture
async def http(serve: Serve, open_gateway: OpenGateway, things: Stub) -> httpx.AsyncClient:
    return await open_gateway(ROUTES, things=await serve(things), gone=nobody_there())


async def test_calls_above_the_limit_are_refused_with_when_to_come_again_and_do_not_reach_the_service(
    http: httpx.AsyncClient, things: Stub
) -> None:
    answers = [await http.get("/few") for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["ratelimit-policy"] for answer in answers] == ['"address";q=3;w=86400'] * 5
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == [
        "r=2",
        "r=1",
        "r=0",
        "r=0",
        "r=0",
    ]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:frontispiece:problem:rate-limited"
    assert refused.headers["ratelimit"] == f'"address";r=0;t={refused.headers["retry-after"]}'
    assert 28_000 < int(refused.headers["retry-after"]) <= 28_800
    assert refused.headers["x-request-id"] == refused.json()["request_id"]
    assert len(things.asked) == 3


async def test_each_user_has_a_share_of_its_own(http: httpx.AsyncClient, bearer: MakeToken) -> None:
    for user in ("reader", "clerk"):
        answers = [await http.get("/mine", headers=bearer(user)) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_who_is_not_known_takes_from_nobodys_share(http: httpx.AsyncClient, bearer: MakeToken) -> None:
    for _ in range(5):
        refused = await http.get("/mine", headers={"Authorization": "Bearer forged"})
        assert refused.status_code == 401
        assert "ratelimit" not in refused.headers

    assert (await http.get("/mine", headers=bearer("reader"))).headers["ratelimit"].startswith('"user";r=1;')


async def test_failures_behind_the_limit_tell_what_is_left_too(http: httpx.AsyncClient, things: Stub) -> None:
    things.answer = answering(503, b"", (b"ratelimit-policy", b'"inner";q=9'))
    assert (await http.get("/gone")).status_code == 503
    answer = await http.get("/gone")
    assert answer.headers["ratelimit"].startswith('"route";r=58;')

    passed_on = await http.get("/few")
    assert passed_on.status_code == 503
    assert passed_on.headers.get_list("ratelimit-policy") == ['"inner";q=9', '"address";q=3;w=86400']

    async def never(_exchange: object) -> None:
        await asyncio.Event().wait()

    things.answer = never
    late = await http.get("/hasty")
    assert (late.status_code, late.headers["ratelimit-policy"]) == (504, '"route";q=60;w=3600')


async def test_a_route_without_a_limit_is_not_counted(http: httpx.AsyncClient) -> None:
    for path in ("/free", "/nowhere", "/health/live"):
        answer = await http.get(path)
        assert "ratelimit" not in answer.headers
        assert "ratelimit-policy" not in answer.headers


async def test_an_address_that_the_client_claims_to_have_counts_for_nothing(http: httpx.AsyncClient) -> None:
    claims = [{"X-Forwarded-For": f"192.0.2.{n}", "Forwarded": f"for=192.0.2.{n}"} for n in range(4)]

    assert [(await http.get("/few", headers=claim)).status_code for claim in claims] == [200, 200, 200, 429]
