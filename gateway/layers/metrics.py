"""What operators watch: how many calls, how long, how many at a time, and how upstreams do."""

import asyncio
import collections
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Self

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from gateway.call import Call, Handler, Layer
from gateway.page.program import Program
from gateway.upstream import ClientLeft, Failed, Reply, Request, TimedOut, Upstream, UpstreamError
from gateway.upstream.outcome import FAILED, speaks_against, when_released
from gateway.upstream.state import State
from gateway.websocket.counts import SocketCounts
from kit.metrics import Counter, Durations
from kit.problems import Problem

LEFT = "left"
"""Stands for the status of an answer that nobody waited for."""


PASSED_ON = "passed-on"
"""Stands for the kinds of problems that services tell."""

Counts = collections.Counter[str]


class Metrics:
    """The numbers of one gateway in this process, as a collector in a registry of their own.

    Whoever counts something else registers it there too: `metrics.registry.register(counter)`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._routes: dict[str, _Numbers] = {}
        self._degraded: dict[tuple[str, str], Counts] = {}
        self._cached: dict[tuple[str, str], Counts] = {}
        """What sources count, by page and source, for whichever program runs them."""
        self._calls = Counter("gateway_upstream_calls", "Calls made to an upstream.", "upstream")
        self._failures = Counter(
            "gateway_upstream_failures", "Calls that it gave no usable answer to.", "upstream", "reason"
        )
        self._verdicts = Counter(
            "gateway_auth", "Callers, by what was found out of their credentials.", "scheme", "outcome"
        )
        self._problems = Counter(
            "gateway_problems", "Calls that were refused or failed, by the kind of problem.", "route", "kind"
        )
        self._watched: dict[str, _UpstreamNumbers] = {}
        self.sockets = SocketCounts()
        self.registry.register(self.sockets)
        self._fell_back = Counter(
            "gateway_limit_local", "Calls counted in this process alone, for Valkey was away.", "route"
        )
        self._intents = Counter(
            "gateway_idempotency",
            "Calls with an Idempotency-Key, by what became of each.",
            "route",
            "outcome",
        )
        self._validations = Counter(
            "gateway_validation", "Calls held against their service's description.", "upstream", "outcome"
        )
        of_the_edge = self._fell_back, self._intents, self._validations
        for collector in (self, self._calls, self._failures, self._verdicts, self._problems, *of_the_edge):
            self.registry.register(collector)
        for process in (ProcessCollector, PlatformCollector, GCCollector):
            process(registry=self.registry)

    def counted(self, name: str, clock: Callable[[], float] = time.perf_counter) -> Layer:
        """Count the calls on a route and how long each takes until its answer begins, whatever that is.

        Args:
            name: of the route.
            clock: seconds since some moment.
        """
        numbers = self._routes.setdefault(name, _Numbers())  # others have the same path for other methods

        def layer(inner: Handler) -> Handler:
            async def handle(call: Call) -> Reply:
                begun = clock()
                numbers.running += 1
                try:
                    reply = await inner(call)
                except BaseException as failure:
                    numbers.running -= 1
                    numbers.add(call.method, _status(failure), clock() - begun)
                    if (kind := _kind(failure)) is not None:
                        self._problems.add(name, kind)
                    raise
                numbers.add(call.method, reply.status // 100, clock() - begun)
                if isinstance(reply.body, bytes):
                    numbers.running -= 1
                else:
                    reply.release = numbers.ending_with(reply.release)
                return reply

            return handle

        return layer

    def limits_fell_back(self, route: str) -> None:
        """Count a call of which the other gateways do not know, though the route's limit is shared."""
        self._fell_back.add(route)

    def intents_of(self, route: str) -> Callable[[str], None]:
        """Counts what becomes of calls with an `Idempotency-Key`."""
        return partial(self._intents.add, route)

    def validations_of(self, upstream: str) -> Callable[[str], None]:
        """Counts what becomes of calls that are held against what this service says of itself."""
        return partial(self._validations.add, upstream)

    def verdicts_of(self, scheme: str) -> Callable[[str], None]:
        """Counts what is found out of those who call by this kind of credentials."""
        return partial(self._verdicts.add, scheme)

    def watched(self, upstream: Upstream) -> Upstream:
        """The same upstream, with its calls and failures counted, and how long it takes to answer."""
        numbers = self._watched.setdefault(upstream.name, _UpstreamNumbers(upstream))
        watched = _Watched(upstream, self._calls, self._failures, numbers)
        return Upstream(upstream.name, watched, addresses=upstream.addresses)

    def look_at(self, page: str, program: Program) -> None:
        """Tell what a page's sources count, under this name; pages of one name are counted together.

        They count on where those of a program before stopped; nothing here keeps a program.
        """
        for worker in program.workers:
            place = page, worker.name
            worker.degraded = self._degraded.setdefault(place, worker.degraded)
            worker.cached = self._cached.setdefault(place, worker.cached)

    def collect(self) -> Iterator[Metric]:
        """The numbers of routes and pages, as they are now."""
        yield from self._of_routes()
        yield from self._of_upstreams()
        yield from self._of_pages()

    def _of_routes(self) -> Iterator[Metric]:
        labels = ["route", "method", "status"]
        requests = CounterMetricFamily("gateway_requests", "Calls, by class of status.", labels=labels)
        durations = HistogramMetricFamily(
            "gateway_request_duration_seconds", "Until the answer's headers.", labels=labels
        )
        running = GaugeMetricFamily("gateway_requests_in_flight", "Calls not yet answered.", labels=["route"])
        for route, numbers in self._routes.items():
            running.add_metric([route], numbers.running)
            for (method, status), spent in numbers.spent.items():
                values = route, method, f"{status}xx" if isinstance(status, int) else status
                requests.add_metric(values, spent.count)
                spent.put_into(durations, values)
        yield from (requests, durations, running)

    def _of_upstreams(self) -> Iterator[Metric]:
        labels = ["upstream"]
        durations = HistogramMetricFamily(
            "gateway_upstream_duration_seconds", "Until an upstream's headers.", labels=labels
        )
        running = GaugeMetricFamily("gateway_upstream_in_flight", "Calls not yet ended.", labels=labels)
        others: dict[str, Metric] = {}
        for name, numbers in self._watched.items():
            numbers.spent.put_into(durations, (name,))
            running.add_metric((name,), numbers.running)
            for told in numbers.upstream.gauges() if numbers.upstream else ():
                values = {"upstream": name, **told.labels}
                kind = "counter" if told.name.endswith("_total") else "gauge"
                family = Metric(told.name.removesuffix("_total"), told.meaning, kind)
                others.setdefault(told.name, family).add_sample(told.name, values, float(told.value))
        yield from (durations, running, *others.values())

    def _of_pages(self) -> Iterator[Metric]:
        degraded = Counter(
            "gateway_page_degraded", "Parts without all they should have.", "page", "source", "reason"
        )
        cached = Counter(
            "gateway_source_cache", "Results of cached sources, by how each came.", "page", "source", "state"
        )
        for counter, counted in (degraded, self._degraded), (cached, self._cached):
            for place, counts in counted.items():
                for kind, count in counts.items():
                    counter.add(*place, kind, count=count)
        yield from degraded.collect()
        yield from cached.collect()


class _Watched:
    """Counts what goes through an upstream. A 5xx is a failure of it, and so is the end of a call's time."""

    def __init__(
        self, upstream: Upstream, calls: Counter, failures: Counter, numbers: "_UpstreamNumbers"
    ) -> None:
        self._upstream = upstream
        self._numbers = numbers
        self._calls = calls
        self._failures = failures

    async def __aenter__(self) -> Self:
        await self._upstream.__aenter__()
        self._numbers.upstream = self._upstream
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._numbers.upstream is self._upstream:
            self._numbers.upstream = None
        await self._upstream.__aexit__(*exc)

    async def send(self, request: Request) -> Reply:
        self._calls.add(self._upstream.name)
        numbers = self._numbers
        numbers.running += 1
        begun = time.perf_counter()
        try:
            reply = await self._upstream.send(request)
        except BaseException as ended:
            numbers.running -= 1
            seconds = time.perf_counter() - begun
            if speaks_against(ended, request, seconds):
                numbers.spent.add(seconds)
                reason = ended.reason if isinstance(ended, UpstreamError) else TimedOut.reason
                self._failures.add(self._upstream.name, reason)
            raise
        numbers.spent.add(time.perf_counter() - begun)
        if isinstance(reply.body, bytes):
            numbers.running -= 1
        else:
            when_released(reply, numbers.ended)
        if reply.status >= FAILED:
            self._failures.add(self._upstream.name, Failed.reason)
        return reply

    def state(self) -> State:
        """How the upstream does, and how many calls of it are under way."""
        return {**self._upstream.state(), "in_flight": self._numbers.running}


class _UpstreamNumbers:
    """What is known of the calls of one upstream, and of that of its name which was opened last.

    Args:
        upstream: the first of them; None once it serves no more.
    """

    __slots__ = ("running", "spent", "upstream")

    def __init__(self, upstream: Upstream | None) -> None:
        self.upstream = upstream
        self.running = 0
        self.spent = Durations()

    def ended(self) -> None:
        """One call runs no more."""
        self.running -= 1


class _Numbers:
    """What is known of one path."""

    def __init__(self) -> None:
        self.running = 0
        self.spent: dict[tuple[str, int | str], Durations] = {}
        """By method and the first digit of the status: of both there are few."""

    def add(self, method: str, status: int | str, seconds: float) -> None:
        key = method, status
        if (spent := self.spent.get(key)) is None:
            spent = self.spent[key] = Durations()
        spent.add(seconds)

    def ending_with(self, release: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """The same release of a reply, after which its call runs no more."""

        async def released() -> None:
            try:
                await release()
            finally:
                self.running -= 1

        return released


def _status(failure: BaseException) -> int | str:
    """The class of status that a failure will be told as."""
    if isinstance(failure, UpstreamError):
        failure = failure.problem("")
    if isinstance(failure, Problem):
        return failure.status // 100
    return LEFT if isinstance(failure, ClientLeft | asyncio.CancelledError) else 5


def _kind(failure: BaseException) -> str | None:
    """What a failure is told as; services' own kinds are one, for there may be any number of them."""
    if isinstance(failure, UpstreamError):
        failure = failure.problem("")
    if not isinstance(failure, Problem):
        return None
    return PASSED_ON if ":" in failure.kind else failure.kind
