"""What operators see of upstreams, of the loop and of the process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Self

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway.lag import LoopLag
from gateway.layers.metrics import Metrics
from gateway.upstream import Failed, Reply, Request, TimedOut, Unreachable, Upstream, UpstreamError
from gateway.upstream.balance import EJECTED_AFTER, Balanced
from gateway.upstream.breaker import Breaker
from gateway.upstream.limit import Limited
from gateway.upstream.policy import BreakerPolicy, ConcurrencyPolicy
from kit.problems import Problem
from tests.gateway.layers.test_metrics import call, failing
from tests.support.waiting import until


class Fake:
    """A transport that answers as the test says; `streams` gives bodies that come in chunks."""

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
        if self._streams:
            return Reply(status=outcome, headers=[], body=_endless())
        return Reply.whole(outcome, b"", [])


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b"-"


REQUEST = Request(method="GET", target="/")


def shown(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


async def send(upstream: Upstream, times: int) -> None:
    for _ in range(times):
        with suppress(UpstreamError):
            await upstream.send(REQUEST)


async def test_answers_and_failures_of_an_upstream_have_durations() -> None:
    metrics = Metrics()
    await send(metrics.watched(Upstream("things", Fake(200, 404, TimedOut("-")))), 3)

    assert 'gateway_upstream_duration_seconds_count{upstream="things"} 3.0' in shown(metrics)


async def test_a_streamed_answer_is_in_flight_until_it_is_released() -> None:
    metrics = Metrics()
    upstream = metrics.watched(Upstream("things", Fake(200, Failed("-"), streams=True)))
    async with await upstream.send(REQUEST):
        assert 'gateway_upstream_in_flight{upstream="things"} 1.0' in shown(metrics)
    await send(upstream, 1)
    assert 'gateway_upstream_in_flight{upstream="things"} 0.0' in shown(metrics)


async def test_an_open_breaker_is_told_and_how_often_it_opened() -> None:
    metrics = Metrics()
    policy = BreakerPolicy.model_validate({"calls": 1, "pause": "60s"})
    upstream = metrics.watched(Upstream("things", Breaker("things", Fake(200, 503, 503), policy)))
    await send(upstream, 1)
    assert 'gateway_breaker_open{upstream="things"} 0.0' in shown(metrics)
    await send(upstream, 1)

    lines = shown(metrics)
    assert 'gateway_breaker_open{upstream="things"} 1.0' in lines
    assert 'gateway_breaker_opened_total{upstream="things"} 1.0' in lines


async def test_the_limit_within_which_an_upstream_is_called_is_told_with_the_breaker_inside() -> None:
    metrics = Metrics()
    inner = Breaker("things", Fake(200, streams=True), BreakerPolicy())
    upstream = metrics.watched(Upstream("things", Limited(inner, ConcurrencyPolicy(calls=7))))
    async with await upstream.send(REQUEST):
        lines = shown(metrics)

    assert 'gateway_concurrency_limit{upstream="things"} 7.0' in lines
    assert 'gateway_concurrency_used{upstream="things"} 1.0' in lines
    assert 'gateway_concurrency_waiting{upstream="things"} 0.0' in lines
    assert 'gateway_breaker_open{upstream="things"} 0.0' in lines


async def test_of_upstreams_of_one_name_the_one_that_was_opened_last_is_told() -> None:
    def limited(calls: int) -> Upstream:
        return metrics.watched(Upstream("things", Limited(Fake(), ConcurrencyPolicy(calls=calls))))

    def told() -> list[str]:
        return [line for line in shown(metrics) if line.startswith("gateway_concurrency_limit{")]

    metrics = Metrics()
    async with AsyncExitStack() as other:
        async with limited(7):
            following = limited(9)  # of a table that may still turn out not to serve
            assert told() == ['gateway_concurrency_limit{upstream="things"} 7.0']
            await other.enter_async_context(following)
        assert told() == ['gateway_concurrency_limit{upstream="things"} 9.0']
    assert told() == []


async def test_addresses_that_are_left_out_are_told_by_name() -> None:
    metrics = Metrics()
    bad = Fake(*[503] * (2 * EJECTED_AFTER))
    good = Fake(*[200] * 10)
    balanced = Balanced({"http://a": bad, "http://b": good}, health=None, random=lambda: 0.0)
    upstream = metrics.watched(Upstream("things", balanced))
    await send(upstream, EJECTED_AFTER)

    lines = shown(metrics)
    told = {line for line in lines if line.startswith("gateway_address_eject") and line.endswith(" 1.0")}
    assert len({line.partition("address=")[2] for line in told}) == 1
    assert len(told) == 2


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Problem(429, "rate-limited"), "rate-limited"),
        (Unreachable("-"), "upstream-unavailable"),
        (Problem(409, "urn:somebody:problem:else"), "passed-on"),
    ],
)
async def test_refusals_are_counted_by_route_and_kind(failure: Exception, kind: str) -> None:
    metrics = Metrics()
    with pytest.raises(type(failure)):
        await metrics.counted("/things")(failing(failure))(call())

    assert f'gateway_problems_total{{kind="{kind}",route="/things"}} 1.0' in shown(metrics)


async def test_the_process_tells_of_itself() -> None:
    names = {line.partition(" ")[0].partition("{")[0] for line in shown(Metrics())}

    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "python_info"} <= names
    assert "python_gc_collections_total" in names


async def test_the_loops_lateness_is_looked_at_again_and_again() -> None:
    registry = CollectorRegistry()
    lag = LoopLag(every=0.0)
    registry.register(lag)

    def looks() -> float:
        return registry.get_sample_value("gateway_event_loop_lag_seconds_count") or 0.0

    async with lag:
        await until(lambda: looks() >= 3)
    ended = looks()
    await asyncio.sleep(0)
    assert looks() == ended
