"""Load shedding: under too much load, the calls of less important routes are refused first."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from math import inf
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from prometheus_client.core import GaugeMetricFamily

from frontispiece.clocks import monotonic
from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.http.problems import Problem
from frontispiece.telemetry.loop_lag import LoopLag
from frontispiece.upstream import Reply, TimedOut, UpstreamError
from frontispiece.upstream.adaptive_limit import AdaptiveLimit
from frontispiece.upstream.outcome import FAILED

if TYPE_CHECKING:
    from frontispiece.gateway.config.route import Route
    from frontispiece.gateway.resources import TableResources


class Priority(StrEnum):
    """The order in which an overloaded gateway refuses the calls of routes: low first, critical never."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


THRESHOLDS: Final = {Priority.LOW: 0.5, Priority.NORMAL: 0.75, Priority.HIGH: 1.0}
"""The share of the maximum load from which on calls of a priority are refused."""

RETRY_AFTER: Final = {Priority.LOW: 10, Priority.NORMAL: 5, Priority.HIGH: 2}
"""Seconds after which a refused client may try again: longer for what matters less."""


TIMED_OUT: Final = 504

MIN_LIMIT: Final = 16
"""Calls of a route at a time that are carried however long they take."""

MAX_LIMIT: Final = 10_000
"""The limit of a route whose latency has never risen."""

ACCEPTABLE_LATENCY: Final = 0.2
"""Seconds; a route that responds within these is not overloaded, whatever its minimum is."""

TOLERANCE: Final = 2.0
"""The factor by which a latency may exceed the minimum before a route is overloaded."""

DEGRADED_FROM: Final = 0.5
"""The share of the maximum load from which on pages do without optional sources: no threshold is lower."""

DEGRADED_FOR: Final = 0.5
"""Seconds for which they do, after each call that found the load so high."""


REFUSALS_PER_SECOND: Final = 1000
"""Calls that are refused at once; refusing more would use up the time that calls in flight need."""

REFUSAL_BURST: Final = 200
"""Refusals that may come in one moment."""

MAX_REFUSAL_DELAY: Final = 1.0
"""Seconds that a refusal waits at most."""

MAX_WAITING_REFUSALS: Final = 5000
"""Refusals that wait at a time; more come from many clients, whom waiting does not slow down."""


class OverloadMonitor:
    """The load of this process, as a share of what it can carry.

    A call is in flight until its response begins. A limit that is None does not matter; with `adaptive`
    each route has one of its own, which follows its latency.
    """

    def __init__(
        self,
        max_in_flight: int | None = None,
        max_loop_lag: timedelta | None = None,
        loop_lag: LoopLag | None = None,
        *,
        adaptive: bool = False,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.max_in_flight = max_in_flight
        self.max_loop_lag = max_loop_lag.total_seconds() if max_loop_lag else None
        self.loop_lag = loop_lag or LoopLag()
        self.in_flight = 0
        self.routes: WeakSet[RouteLoad] = WeakSet()
        """Routes that are served."""
        self.adaptive = adaptive
        self.clock = clock
        self._sleep = sleep
        self._degraded_until = clock()
        self._refused_until = clock()
        """When the refusals until now would have ended at the rate that is allowed (GCRA)."""
        self._waiting_refusals = 0

    async def pace_refusal(self) -> None:
        """Return when a call may be refused: at once, but for clients that come again without a pause.

        A client that waits for its refusal sends nothing meanwhile.
        """
        now, burst = self.clock(), REFUSAL_BURST / REFUSALS_PER_SECOND
        ends = max(self._refused_until, now) + 1 / REFUSALS_PER_SECOND
        self._refused_until = min(ends, now + burst + MAX_REFUSAL_DELAY)
        delay = self._refused_until - now - burst
        if delay <= 0 or self._waiting_refusals >= MAX_WAITING_REFUSALS:
            return
        self._waiting_refusals += 1
        try:
            await self._sleep(delay)
        finally:
            self._waiting_refusals -= 1

    def exceeds(self, share: float) -> bool:
        """Whether the load is above this share of its maximum."""
        if self.max_in_flight is not None and self.in_flight >= share * self.max_in_flight:
            return True
        return self.max_loop_lag is not None and self.loop_lag.sustained > share * self.max_loop_lag

    def degrade(self) -> None:
        """Have pages do without optional sources for a moment, so that fewer calls are refused."""
        self._degraded_until = self.clock() + DEGRADED_FOR

    def degrades(self) -> bool:
        """Whether pages do without optional sources at the moment."""
        return self.clock() < self._degraded_until or self.exceeds(DEGRADED_FROM)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The load at the moment, as metrics; of routes those whose latency has risen."""
        limits = GaugeMetricFamily("gateway_route_concurrency_limit", "Calls it may have.", labels=["route"])
        for route in self.routes:
            if route.limit < MAX_LIMIT:
                limits.add_metric([route.name], route.limit)
        yield limits
        yield GaugeMetricFamily("gateway_load_calls", "Calls in flight.", value=self.in_flight)
        yield GaugeMetricFamily(
            "gateway_load_lag_seconds", "How late the event loop is.", value=self.loop_lag.sustained
        )


class RouteLoad:
    """The calls of one route in flight, and how many of them the process can carry.

    The limit follows the latency, by the rule of `AdaptiveLimit`: whatever a route lacks, processor time or
    connections to a database, its calls then wait for each other. Only calls whose body was complete on
    arrival are measured: the rest are as slow as their clients.
    """

    def __init__(self, overload: OverloadMonitor, name: str = "") -> None:
        self.name = name
        self._overload = overload
        overload.routes.add(self)
        self._adaptive = (
            AdaptiveLimit(
                MIN_LIMIT,
                MAX_LIMIT,
                overload.clock(),
                tolerance=TOLERANCE,
                unlimited=True,
                acceptable=ACCEPTABLE_LATENCY,
            )
            if overload.adaptive
            else None
        )
        self.in_flight = 0

    @property
    def limit(self) -> float:
        """Calls at a time, at present."""
        return self._adaptive.limit if self._adaptive else inf

    def exceeds(self, share: float) -> bool:
        """Whether the load of the route, or of the process, is above this share of its maximum."""
        adaptive = self._adaptive
        if adaptive is not None and self.in_flight >= DEGRADED_FROM * adaptive.limit:
            self._overload.degrade()
            if self.in_flight >= share * adaptive.limit:
                return True
        return self._overload.exceeds(share)

    def begin(self) -> float:
        """A call is in flight; when it began."""
        self._overload.in_flight += 1
        self.in_flight += 1
        return self._overload.clock()

    def end(self) -> None:
        """It is no longer."""
        self._overload.in_flight -= 1
        self.in_flight -= 1

    def measure(self, call: Call, began: float, *, is_late: bool) -> None:
        """Sample the latency; of one that ended too early to know it, only that it is above the tolerable."""
        if self._adaptive is None or not isinstance(call.body, bytes):
            return
        now = self._overload.clock()
        if not is_late or now - began > self._adaptive.tolerable_latency:
            self._adaptive.sample(began, now, self.in_flight, timed_out=is_late)


def _is_late(ended: BaseException) -> bool:
    """Whether a call ended for lack of time: by its own timeout, or because its client waited no longer."""
    if isinstance(ended, Problem):
        return ended.status == TIMED_OUT
    return isinstance(ended, TimedOut | asyncio.CancelledError)


def for_route(route: "Route", resources: "TableResources") -> Iterator[Layer]:
    """The layer of every route of a gateway with a maximum load."""
    runtime = resources.runtime
    if runtime.overload:
        yield load_shedding_layer(route.priority, runtime.overload, runtime.metrics.shed.add, route.id)


def load_shedding_layer(
    priority: Priority, overload: OverloadMonitor, count: Callable[[str], None], route: str = ""
) -> Layer:
    """Refuse calls while the load exceeds the threshold of their priority; all others are in flight."""
    threshold = THRESHOLDS.get(priority)
    seconds = RETRY_AFTER.get(priority, 0)
    detail = f"The gateway is overloaded: try again in {seconds} s."
    load = RouteLoad(overload, route)

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            if threshold is not None and load.exceeds(threshold):
                count(priority.value)
                await overload.pace_refusal()
                raise Problem(503, "overloaded", detail, headers={"Retry-After": str(seconds)})
            began = load.begin()
            try:
                reply = await inner(call)
            except (Problem, UpstreamError, asyncio.CancelledError) as ended:
                if _is_late(ended):
                    load.measure(call, began, is_late=True)
                raise
            else:
                if reply.status < FAILED or reply.status == TIMED_OUT:  # a failure at once says nothing
                    load.measure(call, began, is_late=reply.status == TIMED_OUT)
                return reply
            finally:
                load.end()

        return handle

    return layer
