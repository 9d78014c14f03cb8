"""Rate limits at a running gateway, in the process and shared by a Valkey."""

import asyncio
from functools import partial
from pathlib import Path

import httpx
import pytest
import valkey

from frontispiece.cli.run.valkey import running_valkey
from frontispiece.errors import ConfigError
from frontispiece.gateway.config import table
from frontispiece.gateway.policies.rate_limit.buckets import SharedBuckets, shared_key
from frontispiece.gateway.policies.rate_limit.config import Limit
from frontispiece.gateway.settings import GatewaySettings, errors_between
from frontispiece.stores.valkey import GuardedValkey
from tests.conftest import MakeToken
from tests.support.serving import Serve, nobody_there
from tests.support.stub import Exchange, Stub, answering
from tests.support.tables import route, route_table
from tests.support.world import OpenWorld, World, any_key

ROUTES = route_table(
    route("/few", rate_limit={"rate": "3/day", "by": "address"}),
    route("/mine", auth="bearer", rate_limit={"rate": "100/day", "burst": 2, "by": "user"}),
    route("/gone", to="gone", rate_limit={"rate": "60/hour", "by": "route"}),
    route("/hasty", timeout="50ms", rate_limit={"rate": "60/hour", "by": "route"}),
    route("/free"),
)


@pytest.fixture
async def edge(open_world: OpenWorld) -> World:
    return await open_world(ROUTES)


async def test_calls_above_the_limit_get_retry_after_and_do_not_reach_the_service(edge: World) -> None:
    answers = [await edge.http.get("/few") for _ in range(5)]

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
    assert len(edge.things.requests) == 3


async def test_unauthenticated_calls_are_not_counted_for_a_user(edge: World, bearer: MakeToken) -> None:
    for _ in range(5):
        refused = await edge.http.get("/mine", headers={"Authorization": "Bearer forged"})
        assert refused.status_code == 401
        assert "ratelimit" not in refused.headers

    assert (
        (await edge.http.get("/mine", headers=bearer("reader")))
        .headers["ratelimit"]
        .startswith('"user";r=1;')
    )


async def test_failures_behind_the_limit_have_its_headers_too(edge: World) -> None:
    edge.things.answer = answering(503, b"", (b"ratelimit-policy", b'"inner";q=9'))
    assert (await edge.http.get("/gone")).status_code == 503
    answer = await edge.http.get("/gone")
    assert answer.headers["ratelimit"].startswith('"route";r=58;')

    passed_on = await edge.http.get("/few")
    assert passed_on.status_code == 503
    assert passed_on.headers.get_list("ratelimit-policy") == ['"inner";q=9', '"address";q=3;w=86400']

    edge.things.answer = Exchange.until_left
    late = await edge.http.get("/hasty")
    assert (late.status_code, late.headers["ratelimit-policy"]) == (504, '"route";q=60;w=3600')


async def test_an_address_that_the_client_claims_is_ignored(edge: World) -> None:
    claims = [{"X-Forwarded-For": f"192.0.2.{n}", "Forwarded": f"for=192.0.2.{n}"} for n in range(4)]

    assert [(await edge.http.get("/few", headers=claim)).status_code for claim in claims] == [
        200,
        200,
        200,
        429,
    ]


SHARED = route_table(
    route("/few", rate_limit={"rate": "3/day", "by": "address", "shared": True}),
    route(
        "/both",
        rate_limit=[
            {"rate": "4/day", "by": "route", "shared": True},
            {"rate": "2/day", "by": "key", "header": "x-api-key"},
        ],
    ),
)
PATIENT = 30.0
"""Seconds for Valkey in tests of what it counts: the machine may be busy."""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontispiece.gateway.runtime.RATE_LIMIT_TIMEOUT", PATIENT)


@pytest.fixture
async def url(serve: Serve) -> str:
    """Where `things` is."""
    return await serve(Stub())


async def statuses(*clients: httpx.AsyncClient, path: str = "/few", **headers: str) -> list[int]:
    return [(await client.get(path, headers=headers)).status_code for client in clients]


@pytest.mark.usefixtures("patient")
async def test_calls_at_the_same_moment_get_no_more_than_the_limit_between_them(
    open_world: OpenWorld, url: str, valkey_url: str
) -> None:
    gateways = [(await open_world(SHARED, valkey_url=valkey_url, things=url)).http for _ in range(2)]

    answers = await asyncio.gather(*(gateway.get("/few") for gateway in gateways * 10))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 17


@pytest.mark.usefixtures("patient")
async def test_a_call_that_one_of_a_shared_and_a_local_limit_refuses_counts_for_neither(
    open_world: OpenWorld, url: str, valkey_url: str
) -> None:
    a, b = [(await open_world(SHARED, valkey_url=valkey_url, things=url)).http for _ in range(2)]

    assert await statuses(a, a, a, b, path="/both", **{"x-api-key": "one"}) == [200, 200, 429, 200]
    fourth = await b.get("/both", headers={"x-api-key": "one"})
    assert fourth.headers["ratelimit-policy"] == '"route";q=4;w=86400, "key";q=2;w=86400'
    assert [part.split(";")[1] for part in fourth.headers["ratelimit"].split(", ")] == ["r=0", "r=0"]
    refused = await b.get("/both", headers={"x-api-key": "two"})
    assert refused.status_code == 429
    assert [part.split(";")[1] for part in refused.headers["ratelimit"].split(", ")] == ["r=0", "r=2"]


async def test_without_valkey_each_gateway_counts_for_itself_and_the_metric_says_so(
    open_world: OpenWorld, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    gone = nobody_there().replace("http", "valkey")
    a, b = [await open_world(SHARED, valkey_url=gone, things=url) for _ in range(2)]

    assert await statuses(*(each.http for each in (a, a, b, a, a, b))) == [200, 200, 200, 200, 429, 200]
    assert "Valkey does not answer" in caplog.text
    assert [each.metric("gateway_rate_limit_local_total", route="/few") for each in (a, b)] == [4, 2]


@pytest.mark.usefixtures("patient")
async def test_a_valkey_that_comes_back_counts_again_for_all(
    open_world: OpenWorld, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_pause = partial(GuardedValkey, failure_pause=0)
    monkeypatch.setattr("frontispiece.gateway.runtime.GuardedValkey", without_pause)
    link = tmp_path / "valkey.sock"
    a, b = [(await open_world(SHARED, valkey_url=f"unix://{link}", things=url)).http for _ in range(2)]

    assert await statuses(a, a, a, a, b) == [200, 200, 200, 429, 200]
    with running_valkey(tmp_path) as valkey_url:
        link.symlink_to(valkey_url.removeprefix("unix://"))
        assert await statuses(a, b, a, b, a) == [200, 200, 200, 429, 429]


def bucket(rate: str, **more: object) -> tuple[str, Limit]:
    return shared_key("here", "caller"), Limit.model_validate({"rate": rate, "by": "route", **more})


async def test_buckets_empty_at_the_rate_of_valkey_s_own_clock(valkey_url: str) -> None:
    async with GuardedValkey(valkey_url, timeout=PATIENT) as shared:
        buckets = SharedBuckets(shared)
        taken = [await buckets.acquire([bucket("1000/hour", burst=2)]) for _ in range(3)]
        assert [fits for fits, _ in taken] == [True, True, False]
        with valkey.Valkey.from_url(valkey_url) as client:
            (key,) = client.scan_iter("edge-limit:*")
            assert 3_600 < client.pttl(key) <= 7_200, "what is empty again is forgotten"
            # As if an interval had passed: the stored value is a moment of Valkey's clock, whoever asks.
            client.set(key, float(client.get(key)) - 3_600_000)
            assert (await buckets.acquire([bucket("1000/hour", burst=2)]))[0]
            assert not (await buckets.acquire([bucket("1000/hour", burst=2)]))[0]


@pytest.mark.parametrize("value", [b"9e300", b"1e20", b"nonsense"])
async def test_a_time_too_far_away_is_a_full_bucket_and_garbage_an_empty_one(
    valkey_url: str, value: bytes
) -> None:
    async with GuardedValkey(valkey_url, timeout=PATIENT) as shared:
        key, limit = bucket("10/second", burst=1)
        with valkey.Valkey.from_url(valkey_url) as client:
            client.set(key, value)
        fits, (room,) = await SharedBuckets(shared).acquire([(key, limit)])
        assert (fits, room) == ((True, 0) if value == b"nonsense" else (False, -100_000_000))


def test_a_bucket_s_key_hides_its_caller_and_is_unique() -> None:
    assert "reader" not in shared_key("here", "reader")
    assert (
        len({shared_key(place, who) for place in ("here", "there") for who in ("reader", "clerk", b"x")}) == 6
    )


def test_a_table_with_shared_limits_needs_a_valkey() -> None:
    routes = table.parse(SHARED)

    (fault,) = errors_between(routes, GatewaySettings(signing_key=any_key()))
    assert (
        fault == "GATEWAY_VALKEY_URL: the table's shared limits need a Valkey: set it, or leave `shared` out"
    )
    settings = GatewaySettings(signing_key=any_key(), valkey_url="valkey://cache:6379/3")
    assert not errors_between(routes, settings)


@pytest.mark.parametrize("url", ["", "http://cache", "unix://", "valkey://", "valkey://a/b", "OFF"])
def test_an_invalid_valkey_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="GATEWAY_VALKEY_URL"):
        GatewaySettings(signing_key=any_key(), valkey_url=url)
