"""Limits that all gateways of one Valkey count together, and what becomes of them without it."""

import asyncio
from pathlib import Path

import httpx
import pytest
import valkey

from front.sockets import address, bound
from front.valkey import running_valkey
from gateway import table
from gateway.policies import Limit
from gateway.settings import GatewaySettings, faults_between
from gateway.shared import Away, Shared, SharedBuckets, server
from gateway.shared.buckets import key_of
from kit.faults import Faulty
from tests.gateway.conftest import OpenGateway
from tests.support.gateways import any_key, gateway_of
from tests.support.serving import Serve, client_of, nobody_there
from tests.support.stub import Stub

ROUTES = """
[services.things]
url = "registry://things"

[[routes]]
path = "/few"
to = "things"
auth = "none"
limit = { rate = "3/day", by = "address", shared = true }

[[routes]]
path = "/both"
to = "things"
auth = "none"
limit = [
    { rate = "4/day", by = "route", shared = true },
    { rate = "2/day", by = "key", header = "x-api-key" },
]
"""
PATIENT = 30.0
"""Seconds for Valkey in tests of what it counts: the machine may be busy."""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.commons.COUNTS_WITHIN", PATIENT)


@pytest.fixture
async def url(serve: Serve) -> str:
    """Where `things` is."""
    return await serve(Stub())


async def statuses(*clients: httpx.AsyncClient, path: str = "/few", **headers: str) -> list[int]:
    return [(await client.get(path, headers=headers)).status_code for client in clients]


@pytest.mark.usefixtures("patient")
async def test_two_gateways_share_one_count(open_gateway: OpenGateway, url: str, valkey_url: str) -> None:
    a, b = [await open_gateway(ROUTES, valkey_url=valkey_url, things=url) for _ in range(2)]

    assert await statuses(a, b, b, a, b) == [200, 200, 200, 429, 429]
    refused = await a.get("/few")
    assert refused.headers["ratelimit-policy"] == '"address";q=3;w=86400'
    assert refused.headers["ratelimit"] == f'"address";r=0;t={refused.headers["retry-after"]}'
    assert 28_000 < int(refused.headers["retry-after"]) <= 28_800


@pytest.mark.usefixtures("patient")
async def test_calls_at_the_same_moment_get_no_more_than_the_limit_between_them(
    open_gateway: OpenGateway, url: str, valkey_url: str
) -> None:
    gateways = [await open_gateway(ROUTES, valkey_url=valkey_url, things=url) for _ in range(2)]

    answers = await asyncio.gather(*(gateway.get("/few") for gateway in gateways * 10))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 17


@pytest.mark.usefixtures("patient")
async def test_what_a_shared_limit_refuses_takes_nothing_from_one_of_the_process_and_the_other_way_round(
    open_gateway: OpenGateway, url: str, valkey_url: str
) -> None:
    a, b = [await open_gateway(ROUTES, valkey_url=valkey_url, things=url) for _ in range(2)]

    assert await statuses(a, a, a, b, path="/both", **{"x-api-key": "one"}) == [200, 200, 429, 200]
    fourth = await b.get("/both", headers={"x-api-key": "one"})
    assert fourth.headers["ratelimit-policy"] == '"route";q=4;w=86400, "key";q=2;w=86400'
    assert [part.split(";")[1] for part in fourth.headers["ratelimit"].split(", ")] == ["r=0", "r=0"]
    refused = await b.get("/both", headers={"x-api-key": "two"})
    assert refused.status_code == 429
    assert [part.split(";")[1] for part in refused.headers["ratelimit"].split(", ")] == ["r=0", "r=2"]


async def test_no_valkey_is_no_outage_and_each_gateway_counts_for_itself_and_says_so(
    serve: Serve, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    gone = nobody_there().replace("http", "valkey")
    gateways = [gateway_of(ROUTES, {"things": url}, valkey_url=gone) for _ in range(2)]
    async with client_of(await serve(gateways[0])) as a, client_of(await serve(gateways[1])) as b:
        assert await statuses(a, a, b, a, a, b) == [200, 200, 200, 200, 429, 200]

    assert "Valkey does not answer" in caplog.text
    counted = [
        gateway.metrics.registry.get_sample_value("gateway_limit_local_total", {"route": "/few"})
        for gateway in gateways
    ]
    assert counted == [4, 2]


@pytest.mark.usefixtures("patient")
async def test_a_valkey_that_comes_back_counts_again_for_all(
    open_gateway: OpenGateway, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PAUSE", 0.0)
    link = tmp_path / "valkey.sock"
    a, b = [await open_gateway(ROUTES, valkey_url=f"unix://{link}", things=url) for _ in range(2)]

    assert await statuses(a, a, a, a, b) == [200, 200, 200, 429, 200]
    with running_valkey(tmp_path) as valkey_url:
        link.symlink_to(valkey_url.removeprefix("unix://"))
        assert await statuses(a, b, a, b, a) == [200, 200, 200, 429, 429]


def bucket(rate: str, **more: object) -> tuple[str, Limit]:
    return key_of("here", "somebody"), Limit.model_validate({"rate": rate, "by": "route", **more})


async def test_buckets_empty_at_the_rate_of_valkey_s_own_clock(valkey_url: str) -> None:
    async with Shared(valkey_url, answers_within=PATIENT) as shared:
        buckets = SharedBuckets(shared)
        taken = [await buckets.take([bucket("1000/hour", burst=2)]) for _ in range(3)]
        assert [fits for fits, _ in taken] == [True, True, False]
        with valkey.Valkey.from_url(valkey_url) as client:
            (key,) = client.scan_iter("edge-limit:*")
            assert 3_600 < client.pttl(key) <= 7_200, "what is empty again is forgotten"
            # As if an interval had passed: what is kept is a moment of Valkey's clock, whoever asks.
            client.set(key, float(client.get(key)) - 3_600_000)
            assert (await buckets.take([bucket("1000/hour", burst=2)]))[0]
            assert not (await buckets.take([bucket("1000/hour", burst=2)]))[0]


@pytest.mark.parametrize("kept", [b"9e300", b"1e20", b"nonsense"])
async def test_a_moment_too_far_away_counts_as_a_full_bucket_and_nonsense_as_an_empty_one(
    valkey_url: str, kept: bytes
) -> None:
    async with Shared(valkey_url, answers_within=PATIENT) as shared:
        key, limit = bucket("10/second", burst=1)
        with valkey.Valkey.from_url(valkey_url) as client:
            client.set(key, kept)
        fits, (room,) = await SharedBuckets(shared).take([(key, limit)])
        assert (fits, room) == ((True, 0) if kept == b"nonsense" else (False, -100_000_000))


def test_a_bucket_s_key_says_neither_who_its_caller_is_nor_is_it_another_limit_s() -> None:
    assert "reader" not in key_of("here", "reader")
    assert len({key_of(place, who) for place in ("here", "there") for who in ("reader", "clerk", b"x")}) == 6


class Clock:
    """Shows the seconds that a test says."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


async def test_an_absent_valkey_is_let_alone_for_a_while_until_one_call_finds_that_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock, asked = Clock(), 0
    link = tmp_path / "valkey.sock"

    async def ping() -> object:
        nonlocal asked
        asked += 1
        return await shared.client.ping()

    async with Shared(f"unix://{link}", answers_within=PATIENT, clock=clock) as shared:
        for _ in range(3):
            with pytest.raises(Away):
                await shared.ask(ping)
        assert asked == 1, "after a failure nobody asks"
        clock.now += server.PAUSE
        results = await asyncio.gather(*(shared.ask(ping) for _ in range(5)), return_exceptions=True)
        assert asked == 2, "then one finds out"
        assert all(isinstance(result, Away) for result in results)
        assert caplog.text.count("does not answer") == 1

        with running_valkey(tmp_path) as url:
            link.symlink_to(url.removeprefix("unix://"))
            with pytest.raises(Away):
                await shared.ask(ping)
            clock.now += server.PAUSE
            assert [await shared.ask(ping) for _ in range(3)] == [True] * 3
            link.unlink()
        with pytest.raises(Away):
            await shared.ask(ping)


async def test_a_valkey_that_takes_its_time_is_as_good_as_none() -> None:
    with bound() as sock:
        sock.listen()
        async with Shared(f"valkey://{address(sock)}", answers_within=0.01) as shared:
            with pytest.raises(Away):
                await shared.ask(shared.client.ping)


def test_a_table_with_shared_limits_needs_a_valkey() -> None:
    routes = table.parse(ROUTES)

    (fault,) = faults_between(routes, GatewaySettings(signing_key=any_key()))
    assert fault == "GATEWAY_VALKEY_URL: the table's shared limits need a Valkey"
    settings = GatewaySettings(signing_key=any_key(), valkey_url="valkey://cache:6379/3")
    assert not list(faults_between(routes, settings))


@pytest.mark.parametrize("url", ["", "http://cache", "unix://", "valkey://", "valkey://a/b", "OFF"])
def test_what_is_no_valkey_is_refused(url: str) -> None:
    with pytest.raises(Faulty, match="GATEWAY_VALKEY_URL"):
        GatewaySettings(signing_key=any_key(), valkey_url=url)
