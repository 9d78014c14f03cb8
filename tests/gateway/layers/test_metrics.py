import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

import pytest
from prometheus_client import generate_latest

from gateway.call import Call, Handler
from gateway.layers.metrics import Metrics
from gateway.table import Route
from gateway.upstream import ClientLeft, Reply, Request, TimedOut, Unreachable, Upstream, UpstreamError
from kit.problems import Problem

ROUTE = Route.model_validate({"path": "/things/{id}", "to": "things", "auth": "none"})


def call(method: str = "GET") -> Call:
    return Call(
        params={},
        method=method,
        query=b"",
        headers=[],
        body=b"",
        request_id=b"7",
        scheme="http",
        peer="192.0.2.7",
    )


def answering(status: int) -> Handler:
    async def handle(_call: Call) -> Reply:
        return Reply.whole(status, b"", [])

    return handle


def failing(failure: BaseException) -> Handler:
    async def handle(_call: Call) -> Reply:
        raise failure

    return handle


def shown(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def requests(metrics: Metrics) -> set[str]:
    return {line for line in shown(metrics) if line.startswith("gateway_requests_total")}


async def test_calls_are_counted_by_route_method_and_class_of_status() -> None:
    metrics = Metrics()
    for method, status in [("GET", 200), ("GET", 204), ("HEAD", 200), ("GET", 404), ("PUT", 503)]:
        await metrics.counted(ROUTE.name)(answering(status))(call(method))

    assert requests(metrics) == {
        'gateway_requests_total{method="GET",route="/things/{id}",status="2xx"} 2.0',
        'gateway_requests_total{method="HEAD",route="/things/{id}",status="2xx"} 1.0',
        'gateway_requests_total{method="GET",route="/things/{id}",status="4xx"} 1.0',
        'gateway_requests_total{method="PUT",route="/things/{id}",status="5xx"} 1.0',
    }


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (Problem(429, "rate-limited"), "4xx"),
        (Problem(304, "odd"), "3xx"),
        (TimedOut("-"), "5xx"),
        (Unreachable("-"), "5xx"),
        (ZeroDivisionError(), "5xx"),
        (ClientLeft(), "left"),
        (asyncio.CancelledError(), "left"),
    ],
    ids=str,
)
async def test_a_failure_is_counted_as_what_its_client_is_told_and_passed_on(
    failure: BaseException, status: str
) -> None:
    metrics = Metrics()
    with pytest.raises(type(failure)):
        await metrics.counted(ROUTE.name)(failing(failure))(call())

    assert requests(metrics) == {
        f'gateway_requests_total{{method="GET",route="/things/{{id}}",status="{status}"}} 1.0'
    }
    assert 'gateway_requests_in_flight{route="/things/{id}"} 0.0' in shown(metrics)


async def test_a_call_takes_until_its_answer_begins() -> None:
    now = iter([100.0, 100.2])
    metrics = Metrics()
    await metrics.counted(ROUTE.name, lambda: next(now))(answering(200))(call())

    labels = 'method="GET",route="/things/{id}",status="2xx"'
    buckets = [line for line in shown(metrics) if line.startswith("gateway_request_duration_seconds_bucket")]
    assert f'gateway_request_duration_seconds_bucket{{le="0.1",{labels}}} 0.0' in buckets
    assert f'gateway_request_duration_seconds_bucket{{le="0.25",{labels}}} 1.0' in buckets
    assert f"gateway_request_duration_seconds_count{{{labels}}} 1.0" in shown(metrics)


async def test_a_call_is_in_flight_until_its_answer_is_there_and_a_streamed_one_until_it_has_ended() -> None:
    metrics = Metrics()
    seen = []
    released = []

    async def chunks() -> AsyncIterator[bytes]:
        yield b"-"

    async def release() -> None:
        released.append(True)

    async def handle(_call: Call) -> Reply:
        seen.append(in_flight())
        return Reply(status=200, headers=[], body=chunks(), release=release)

    def in_flight() -> str:
        (line,) = [line for line in shown(metrics) if line.startswith("gateway_requests_in_flight")]
        return line.rpartition(" ")[2]

    async with await metrics.counted(ROUTE.name)(handle)(call()):
        seen.append(in_flight())
    seen.append(in_flight())

    assert seen == ["1.0", "1.0", "0.0"]
    assert released == [True]


async def test_routes_of_one_path_for_several_methods_are_told_together() -> None:
    metrics = Metrics()
    for method in ("GET", "PUT"):
        await metrics.counted(ROUTE.name)(answering(200))(call(method))

    lines = shown(metrics)
    assert len(lines) == len(set(lines))
    assert len(requests(metrics)) == 2


async def test_a_route_of_a_host_is_told_apart_from_the_same_path_on_all_others() -> None:
    metrics = Metrics()
    for route in (ROUTE, ROUTE.model_copy(update={"host": "shop.test"})):
        await metrics.counted(route.name)(answering(200))(call())

    assert any('route="shop.test/things/{id}"' in line for line in requests(metrics))
    assert len(requests(metrics)) == 2


class Answering:
    """A transport that answers or fails as the test says."""

    def __init__(self, *outcomes: int | BaseException) -> None:
        self._outcomes = iter(outcomes)
        self.open = False

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.open = False

    async def send(self, _request: Request) -> Reply:
        outcome = next(self._outcomes)
        if isinstance(outcome, BaseException):
            raise outcome
        return Reply.whole(outcome, b"", [])


async def test_calls_of_an_upstream_are_counted_and_failed_ones_by_their_reason() -> None:
    metrics = Metrics()
    outcomes: list[int | BaseException] = [
        200,
        404,
        503,
        TimedOut("-"),
        Unreachable("-"),
        Unreachable("-"),
        ClientLeft(),
    ]
    upstream = metrics.watched(Upstream("things", Answering(*outcomes)))
    for outcome in outcomes:
        with suppress(UpstreamError, ClientLeft):
            assert (await upstream.send(Request(method="GET", target="/"))).status == outcome

    told = {
        line
        for line in shown(metrics)
        if line.startswith(("gateway_upstream_calls", "gateway_upstream_fail"))
    }
    assert told == {
        'gateway_upstream_calls_total{upstream="things"} 7.0',
        'gateway_upstream_failures_total{reason="failed",upstream="things"} 1.0',
        'gateway_upstream_failures_total{reason="timeout",upstream="things"} 1.0',
        'gateway_upstream_failures_total{reason="unavailable",upstream="things"} 2.0',
    }


@pytest.mark.parametrize(("seconds", "failures"), [(1e-9, 1), (1000.0, 0)])
async def test_a_call_that_is_cancelled_at_the_end_of_its_time_has_timed_out_and_earlier_has_not(
    seconds: float, failures: int
) -> None:
    metrics = Metrics()
    upstream = metrics.watched(Upstream("things", Answering(asyncio.CancelledError())))
    with pytest.raises(asyncio.CancelledError):
        await upstream.send(Request(method="GET", target="/", timeout=seconds))

    told = [line for line in shown(metrics) if line.startswith("gateway_upstream_failures_total")]
    assert told == ['gateway_upstream_failures_total{reason="timeout",upstream="things"} 1.0'] * failures


async def test_a_watched_upstream_is_open_as_long_as_the_one_within() -> None:
    transport = Answering()
    async with Metrics().watched(Upstream("things", transport)) as upstream:
        assert upstream.name == "things"
        assert transport.open
    assert not transport.open


async def test_two_gateways_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    await one.counted(ROUTE.name)(answering(200))(call())

    assert requests(one)
    assert not requests(other)
