"""Metrics of upstreams: requests, failures, durations, requests in flight, and what transports report."""

from collections.abc import Iterator
from time import perf_counter
from typing import Self

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from frontispiece.http.messages import Reply, Request
from frontispiece.telemetry.metrics import Counter, Durations
from frontispiece.upstream import TimedOut, Upstream, UpstreamError, UpstreamServerError
from frontispiece.upstream.outcome import FAILED, is_upstream_failure, when_released
from frontispiece.upstream.stats import State, TransportWrapper


class UpstreamMetrics:
    """Counts the requests to each upstream by its name, whichever table has opened it."""

    def __init__(self) -> None:
        self.by_name: dict[str, UpstreamStats] = {}
        self.failures = Counter(
            "gateway_upstream_failures", "Requests without a usable response.", "upstream", "reason"
        )

    def observe(self, upstream: Upstream) -> Upstream:
        """The same upstream, with its requests counted."""
        stats = self.by_name.setdefault(upstream.name, UpstreamStats(upstream))
        transport = _CountingTransport(upstream, self.failures, stats)
        return Upstream(upstream.name, transport, upstream.app, addresses=upstream.addresses)

    def collect(self) -> Iterator[Metric]:
        """The metrics of all upstreams, and what the transports of open ones report."""
        labels = ["upstream"]
        requests = CounterMetricFamily("gateway_upstream_calls", "Requests to an upstream.", labels=labels)
        durations = HistogramMetricFamily(
            "gateway_upstream_duration_seconds", "Until an upstream's headers.", labels=labels
        )
        in_flight = GaugeMetricFamily(
            "gateway_upstream_in_flight", "Requests without a complete response.", labels=labels
        )
        reported: dict[str, Metric] = {}
        for name, stats in self.by_name.items():
            if stats.requests:
                requests.add_metric((name,), stats.requests)
            stats.durations.put_into(durations, (name,))
            in_flight.add_metric((name,), stats.in_flight)
            for metric, meaning, value, labels_of in _reported(stats.open.state() if stats.open else {}):
                kind = "counter" if metric.endswith("_total") else "gauge"
                family = Metric(metric.removesuffix("_total"), meaning, kind)
                values = {"upstream": name, **labels_of}
                reported.setdefault(metric, family).add_sample(metric, values, float(value))
        yield requests
        yield from self.failures.collect()
        yield from (durations, in_flight, *reported.values())


class UpstreamStats:
    """The requests to one upstream.

    `open` is the one of this name that was opened last; None when none is open.
    """

    __slots__ = ("durations", "in_flight", "open", "requests")

    def __init__(self, upstream: Upstream | None) -> None:
        self.open = upstream
        self.requests = 0
        self.in_flight = 0
        self.durations = Durations()

    def end(self) -> None:
        """One request is no longer in flight."""
        self.in_flight -= 1


def _reported(state: State) -> Iterator[tuple[str, str, float, dict[str, str]]]:
    """What an upstream reports: names, meanings and values, with labels beside the upstream's name."""
    if breaker := state.get("breaker"):
        yield "gateway_breaker_open", "1 while the circuit is open.", breaker["state"] != "closed", {}
        yield "gateway_breaker_opened_total", "How often the circuit opened.", breaker["opened"], {}
    if limit := state.get("concurrency"):
        yield "gateway_concurrency_limit", "Calls it may have at a time.", limit["max_concurrent"], {}
        yield "gateway_concurrency_used", "Calls it has.", limit["in_flight"], {}
        yield "gateway_concurrency_waiting", "Calls that wait for it.", limit["waiting"], {}
    for endpoint in state.get("addresses", ()):
        if "ejected" in endpoint:
            labels = {"address": endpoint["url"]}
            meaning = "1 while it is left out for its failures."
            yield "gateway_endpoint_ejected", meaning, endpoint["ejected"], labels
            meaning = "How often it was ejected."
            yield "gateway_endpoint_ejections_total", meaning, endpoint["ejections"], labels
            meaning = "1 unless its health check fails."
            yield "gateway_endpoint_healthy", meaning, endpoint["healthy"], labels
            yield "gateway_endpoint_in_flight", "Requests not yet ended.", endpoint["in_flight"], labels


class _CountingTransport(TransportWrapper):
    """Counts the requests to an upstream. A 5xx is a failure, and so is the end of a request's time."""

    def __init__(self, upstream: Upstream, failures: Counter, stats: UpstreamStats) -> None:
        super().__init__(upstream)
        self._upstream = upstream
        self._stats = stats
        self._failures = failures

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._stats.open = self._upstream
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._stats.open is self._upstream:
            self._stats.open = None
        await super().__aexit__(*exc)

    def state(self) -> State:
        """Diagnostics of the upstream, and its requests in flight."""
        return {**super().state(), "in_flight": self._stats.in_flight}

    async def send(self, request: Request) -> Reply:
        """Send, counted."""
        stats = self._stats
        stats.requests += 1
        stats.in_flight += 1
        began = perf_counter()
        try:
            reply = await self._upstream.send(request)
        except BaseException as ended:
            stats.end()
            self._count_failure(ended, request, perf_counter() - began)
            raise
        stats.durations.add(perf_counter() - began)
        if reply.status >= FAILED:
            self._failures.add(self._upstream.name, UpstreamServerError.reason)
        when_released(reply, stats.end)
        return reply

    def _count_failure(self, ended: BaseException, request: Request, seconds: float) -> None:
        if is_upstream_failure(ended, request, seconds):
            self._stats.durations.add(seconds)
            reason = ended.reason if isinstance(ended, UpstreamError) else TimedOut.reason
            self._failures.add(self._upstream.name, reason)
