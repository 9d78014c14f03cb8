"""Metrics of one gateway: of its routes, its pages and its policies, in a Prometheus registry of its own."""

import asyncio
import collections
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from frontispiece.aio.retry_budget import RetryBudget
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.observability.client_usage import Counts as ClientCounts
from frontispiece.gateway.observability.upstream_metrics import UpstreamMetrics
from frontispiece.http.messages import ClientDisconnected, Reply
from frontispiece.http.problems import Problem
from frontispiece.pages.compiled import CompiledPage
from frontispiece.pages.usage import Usage, collect
from frontispiece.telemetry.metrics import Counter, Durations
from frontispiece.upstream import UpstreamError
from frontispiece.upstream.outcome import when_released

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources

DISCONNECTED = "disconnected"
"""The label `status` of a call whose client has gone away."""

PASSED_ON = "passed-on"
"""The label `kind` of problems that services have reported: there may be any number of kinds."""

Counts = collections.Counter[str]


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer that every route has."""
    runtime = resources.runtime
    yield runtime.metrics.route_layer(route.name, runtime.client_usage.counts(route.name))


class Metrics:
    """Collects the metrics of one gateway in this process.

    Each policy counts with a counter of its own here: `partial(metrics.retries.add, route.name)`. Other
    collectors are registered beside: `metrics.registry.register(collector)`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.upstreams = UpstreamMetrics()
        self.apis: dict[str, Usage] = {}
        for collector in (self, self.upstreams):
            self.registry.register(collector)
        self.auth = self._counter("gateway_auth", "Authentications, by their outcome.", "scheme", "outcome")
        self.problems = self._counter(
            "gateway_problems", "Calls that were refused or failed, by the kind of problem.", "route", "kind"
        )
        self.rate_limit_fallbacks = self._counter(
            "gateway_rate_limit_local",
            "Calls counted in this process alone: Valkey was unavailable.",
            "route",
        )
        self.idempotency = self._counter(
            "gateway_idempotency", "Calls with an Idempotency-Key, by their outcome.", "route", "outcome"
        )
        self.validations = self._counter(
            "gateway_validation",
            "Calls validated against their service's OpenAPI description.",
            "upstream",
            "outcome",
        )
        self.retries = self._counter(
            "gateway_retries",
            "Failures on routes that retry, by what was done about them.",
            "route",
            "outcome",
        )
        self.mirrored = self._counter(
            "gateway_mirrored", "Copies of calls, by their outcome.", "route", "outcome"
        )
        self.splits = self._counter(
            "gateway_split", "Calls, by the variant they were sent to.", "route", "variant"
        )
        self.open_websockets: dict[str, int] = {}
        """By route."""
        self.websocket_messages = self._counter(
            "gateway_websocket_messages", "Messages relayed.", "route", "direction"
        )
        self.websockets_closed = self._counter(
            "gateway_websocket_closed", "WebSockets that ended, by code.", "route", "code"
        )
        self.shed = self._counter("gateway_shed", "Calls refused because of the load.", "priority")
        self.routes: dict[str, RouteStats] = {}
        """The calls on each route, by its name."""
        self.retry_budgets: dict[str, Mapping[str | None, RetryBudget]] = {}
        """By the id of a route that retries, and the variant of its traffic split."""
        self.degraded: dict[tuple[str, str], Counts] = {}
        """Degraded responses by page and source, over all compiled pages of that name."""
        self.source_cache: dict[tuple[str, str], Counts] = {}
        for process in (ProcessCollector, PlatformCollector, GCCollector):
            process(registry=self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        counter = Counter(name, meaning, *labels)
        self.registry.register(counter)
        return counter

    def route_layer(self, name: str, clients: ClientCounts) -> Layer:
        """Counts the calls on a route, and how long each takes until its response begins."""
        stats = self.routes.setdefault(name, RouteStats())  # others have the same path for other methods

        def layer(inner: Handler) -> Handler:
            async def handle(call: Call) -> Reply:
                began = time.perf_counter()
                stats.in_flight += 1
                if call.client is not None:
                    clients[call.client.label] += 1
                try:
                    reply = await inner(call)
                except BaseException as failure:
                    stats.end()
                    status, kind = _outcome(failure)
                    stats.add(call.method, status, time.perf_counter() - began)
                    if kind is not None:
                        self.problems.add(name, kind)
                    raise
                stats.add(call.method, reply.status // 100, time.perf_counter() - began)
                when_released(reply, stats.end)
                return reply

            return handle

        return layer

    def track_page(self, page: str, compiled: CompiledPage) -> None:
        """Count what a page's sources do under this name; pages of one name are counted together.

        The counts go on where those of an earlier compiled page stopped; none is kept alive by this.
        """
        for source in compiled.sources:
            place = page, source.name
            source.degraded_counts = self.degraded.setdefault(place, source.degraded_counts)
            source.cache_counts = self.source_cache.setdefault(place, source.cache_counts)

    def track_api(self, usage: Usage) -> None:
        """Count the operations of an API; the counts go on where those of an earlier one stopped."""
        if (earlier := self.apis.get(usage.api)) is not None:
            usage.continue_from(earlier)
        self.apis[usage.api] = usage

    def collect(self) -> Iterator[Metric]:
        """The metrics of routes, pages and APIs."""
        yield from self._of_routes()
        yield from self._of_pages()
        if self.apis:
            yield from collect(self.apis.values())

    def _of_routes(self) -> Iterator[Metric]:
        labels = ["route", "method", "status"]
        requests = CounterMetricFamily("gateway_requests", "Calls, by class of status.", labels=labels)
        durations = HistogramMetricFamily(
            "gateway_request_duration_seconds", "Until the response headers.", labels=labels
        )
        in_flight = GaugeMetricFamily(
            "gateway_requests_in_flight", "Calls without a complete response.", labels=["route"]
        )
        for route, stats in self.routes.items():
            in_flight.add_metric([route], stats.in_flight)
            for (method, status), spent in stats.durations.items():
                values = route, method, f"{status}xx" if isinstance(status, int) else status
                requests.add_metric(values, spent.count)
                spent.put_into(durations, values)
        websockets = GaugeMetricFamily(
            "gateway_websocket_open", "WebSockets at the moment.", labels=["route"]
        )
        for route, number in self.open_websockets.items():
            websockets.add_metric([route], number)
        yield from (requests, durations, in_flight, websockets)

    def _of_pages(self) -> Iterator[Metric]:
        degraded = Counter(
            "gateway_page_degraded", "Sources that degraded, by reason.", "page", "source", "reason"
        )
        cached = Counter(
            "gateway_source_cache", "Results of cached sources, by cache state.", "page", "source", "state"
        )
        for counter, counted in (degraded, self.degraded), (cached, self.source_cache):
            for place, counts in counted.items():
                for kind, count in counts.items():
                    counter.add(*place, kind, count=count)
        yield from degraded.collect()
        yield from cached.collect()


class RouteStats:
    """The calls on one path."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.durations: dict[tuple[str, int | str], Durations] = {}
        """Durations by method and the first digit of the status, so that there are few series."""

    def add(self, method: str, status: int | str, seconds: float) -> None:
        """Count a call whose response has begun."""
        key = method, status
        if (durations := self.durations.get(key)) is None:
            durations = self.durations[key] = Durations()
        durations.add(seconds)

    def end(self) -> None:
        """One call is no longer in flight."""
        self.in_flight -= 1


def _outcome(failure: BaseException) -> tuple[int | str, str | None]:
    """The class of the status that a failure is answered with, and its kind of problem, if it is one."""
    if isinstance(failure, UpstreamError):
        failure = failure.problem("")
    if isinstance(failure, Problem):
        return failure.status // 100, PASSED_ON if ":" in failure.kind else failure.kind
    return DISCONNECTED if isinstance(failure, ClientDisconnected | asyncio.CancelledError) else 5, None
