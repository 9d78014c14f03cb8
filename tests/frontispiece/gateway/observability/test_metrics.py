"""The metrics of routes, of upstreams, of the event loop and of the process."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

import pytest
from prometheus_client import generate_latest

from frontispiece.gateway.call import Call
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.observability.metrics import Metrics
from frontispiece.http.problems import Problem
from frontispiece.upstream import (
    ClientDisconnected,
    Reply,
    Request,
    TimedOut,
    Unreachable,
    Upstream,
    UpstreamError,
)
from frontispiece.upstream.circuit_breaker import CircuitBreaker
from frontispiece.upstream.concurrency_limit import ConcurrencyLimiter
from frontispiece.upstream.config import BreakerPolicy, ConcurrencyPolicy
from frontispiece.upstream.load_balancer import CONSECUTIVE_FAILURES, LoadBalancer
from tests.support.calls import answering, call, raising

ROUTE = Route.model_validate({"path": "/things/{id}", "to": "things", "auth": "none"})
REQUEST = Request(method="GET", target="/")


class Transport:
    """Responds or fails with these outcomes; `streams` gives bodies that come in chunks."""

    def __init__(self, *outcomes: int | BaseException, streams: bool = False) -> None:
        self._outcomes = iter(outcomes)
        self._streams = streams

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        pass

    async def send(self, _request: Request) -> Reply:
        outcome = next(self._outcomes)
        if isinstance(outcome, BaseException):
            raise outcome
        return Reply(status=outcome, headers=[], body=_chunks() if self._streams else b"")


async def _chunks() -> AsyncIterator[bytes]:
    yield b"-"


def lines(metrics: Metrics, prefix: str = "") -> set[str]:
    shown = generate_latest(metrics.registry).decode().splitlines()
    assert len(shown) == len(set(shown))
    return {line for line in shown if line.startswith(prefix)}


async def send(upstream: Upstream, times: int) -> None:
    for _ in range(times):
        with suppress(UpstreamError, ClientDisconnected):
            await upstream.send(REQUEST)


# Routes.


@pytest.mark.parametrize(
    ("failure", "status", "kind"),
    [
        (Problem(429, "rate-limited"), "4xx", "rate-limited"),
        (Problem(304, "odd"), "3xx", "odd"),
        (Problem(409, "urn:somebody:problem:else"), "4xx", "passed-on"),
        (TimedOut("-"), "5xx", "upstream-timeout"),
        (Unreachable("-"), "5xx", "upstream-unavailable"),
        (ZeroDivisionError(), "5xx", None),
        (ClientDisconnected(), "disconnected", None),
        (asyncio.CancelledError(), "disconnected", None),
    ],
    ids=str,
)
async def test_a_failure_is_counted_by_status_and_kind_of_problem(
    failure: BaseException, status: str, kind: str | None
) -> None:
    metrics = Metrics()
    with pytest.raises(type(failure)):
        await metrics.route_layer(ROUTE.name, defaultdict(int))(raising(failure))(call())

    route = 'route="/things/{id}"'
    requests = {f'gateway_requests_total{{method="GET",{route},status="{status}"}} 1.0'}
    problems = {f'gateway_problems_total{{kind="{kind}",{route}}} 1.0'} if kind else set()
    assert lines(metrics, "gateway_requests_total") == requests
    assert lines(metrics, "gateway_problems_total") == problems
    assert lines(metrics, "gateway_requests_in_flight") == {f"gateway_requests_in_flight{{{route}}} 0.0"}


async def test_a_call_is_in_flight_until_its_streamed_response_has_ended() -> None:
    metrics = Metrics()
    in_flight = []
    released = []

    async def release() -> None:
        released.append(True)

    async def handle(_call: Call) -> Reply:
        look()
        return Reply(status=200, headers=[], body=_chunks(), release=release)

    def look() -> None:
        (line,) = lines(metrics, "gateway_requests_in_flight")
        in_flight.append(line.rpartition(" ")[2])

    async with await metrics.route_layer(ROUTE.name, defaultdict(int))(handle)(call()):
        look()
    look()

    assert in_flight == ["1.0", "1.0", "0.0"]
    assert released == [True]


async def test_calls_are_counted_by_path_method_and_host() -> None:
    metrics = Metrics()
    for host in (None, "shop.test"):
        for method in ("GET", "PUT"):
            route = ROUTE.model_copy(update={"host": host})
            await metrics.route_layer(route.name, defaultdict(int))(answering(200))(call(method))

    assert lines(metrics, "gateway_requests_total") == {
        f'gateway_requests_total{{method="{method}",route="{host}/things/{{id}}",status="2xx"}} 1.0'
        for host in ("", "shop.test")
        for method in ("GET", "PUT")
    }


# Upstreams.


async def test_requests_failures_and_durations_of_an_upstream() -> None:
    metrics = Metrics()
    outcomes = (200, 404, 503, TimedOut("-"), ClientDisconnected())
    await send(metrics.upstreams.observe(Upstream("things", Transport(*outcomes))), len(outcomes))

    assert lines(metrics, "gateway_upstream_calls_total") == {
        'gateway_upstream_calls_total{upstream="things"} 5.0'
    }
    assert lines(metrics, "gateway_upstream_failures_total") == {
        'gateway_upstream_failures_total{reason="failed",upstream="things"} 1.0',
        'gateway_upstream_failures_total{reason="timeout",upstream="things"} 1.0',
    }
    assert 'gateway_upstream_duration_seconds_count{upstream="things"} 4.0' in lines(metrics)


@pytest.mark.parametrize(("seconds", "failures"), [(1e-9, 1), (1000.0, 0)])
async def test_a_request_cancelled_at_its_timeout_has_timed_out_and_earlier_has_not(
    seconds: float, failures: int
) -> None:
    metrics = Metrics()
    upstream = metrics.upstreams.observe(Upstream("things", Transport(asyncio.CancelledError())))
    with pytest.raises(asyncio.CancelledError):
        await upstream.send(Request(method="GET", target="/", timeout=seconds))

    timeouts = [*lines(metrics, "gateway_upstream_failures_total")]
    assert timeouts == ['gateway_upstream_failures_total{reason="timeout",upstream="things"} 1.0'] * failures


async def test_a_limit_and_the_breaker_inside_it_are_gauges() -> None:
    metrics = Metrics()
    policy = BreakerPolicy.model_validate({"min_requests": 1, "open_duration": "60s"})
    inner = CircuitBreaker("things", Transport(200, 503, 503), policy)
    limiter = ConcurrencyLimiter(inner, ConcurrencyPolicy(max_concurrent=7))
    upstream = metrics.upstreams.observe(Upstream("things", limiter))
    await send(upstream, 1)
    assert 'gateway_breaker_open{upstream="things"} 0.0' in lines(metrics)
    await send(upstream, 1)

    assert {
        'gateway_concurrency_limit{upstream="things"} 7.0',
        'gateway_breaker_open{upstream="things"} 1.0',
        'gateway_breaker_opened_total{upstream="things"} 1.0',
    } <= lines(metrics)


async def test_ejected_endpoints_are_named() -> None:
    metrics = Metrics()
    bad = Transport(*[503] * (2 * CONSECUTIVE_FAILURES))
    good = Transport(*[200] * 10)
    balanced = LoadBalancer({"http://a": bad, "http://b": good}, health=None, random=lambda: 0.0)
    upstream = metrics.upstreams.observe(Upstream("things", balanced))
    await send(upstream, CONSECUTIVE_FAILURES)

    ejected = {line for line in lines(metrics, "gateway_endpoint_eject") if line.endswith(" 1.0")}
    assert len({line.partition("address=")[2] for line in ejected}) == 1
    assert len(ejected) == 2


# The process.
