"""Load balancing over the endpoints of one service: power of two choices, outlier ejection, health checks."""

import logging
from asyncio import sleep
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from random import random as any_number
from typing import Self

from frontispiece.clocks import monotonic
from frontispiece.http.messages import Reply, Request, Transport
from frontispiece.upstream.config import HealthPolicy
from frontispiece.upstream.errors import Unreachable
from frontispiece.upstream.health_check import HealthChecks
from frontispiece.upstream.outcome import FAILED, is_upstream_failure, when_released
from frontispiece.upstream.stats import Gauge, State

log = logging.getLogger(__name__)

CONSECUTIVE_FAILURES = 5
"""So many failures in a row eject an endpoint (the default of Envoy's outlier detection)."""

BASE_EJECTION = 1.0
"""Seconds that an endpoint is ejected the first time; each failed probe doubles them."""

MAX_EJECTION = 60.0
"""Seconds that an endpoint is ejected at most until its next probe."""

JITTER = 0.25
"""By up to this share an ejection is shorter, so that gateways do not probe at the same moment."""


class Endpoint:
    """One address of the service and its health; times are those of the balancer's clock."""

    def __init__(self, name: str, transport: Transport) -> None:
        self.name = name
        self.transport = transport
        self.outstanding = 0
        """Requests whose replies have not been released."""
        self.failures = 0
        """Failed requests in a row."""
        self.ejected = False
        self.ejections = 0
        """How often it was ejected while it was in use."""
        self.healthy = True
        """The result of its last health check."""
        self.last_failure = 0.0
        """The time of the last failed request or health check."""
        self._ejection = 0.0
        self._probe_from = 0.0
        self.probing = False
        """Whether a probe is in flight."""

    def eject(self, now: float, jitter: float) -> None:
        """Eject it for twice as long as the last time, less `jitter` (from 0 to 1) of that."""
        self.ejections += not self.ejected
        self.ejected = True
        self._ejection = min(MAX_EJECTION, max(BASE_EJECTION, 2 * self._ejection))
        self._probe_from = now + self._ejection * (1 - jitter)

    def readmit(self) -> None:
        """End its ejection and clear its failures."""
        self.failures = 0
        self.ejected = False
        self._ejection = 0.0

    def ejection_is_over(self, now: float) -> bool:
        """Whether its ejection has lasted long enough."""
        return now >= self._probe_from

    def may_be_probed(self, now: float) -> bool:
        """Whether a request may be sent as a probe; there is one at a time."""
        return self.ejected and self.healthy and not self.probing and self.ejection_is_over(now)

    def state(self) -> State:
        """Diagnostics of this endpoint."""
        return {
            "url": self.name,
            "healthy": self.healthy,
            "ejected": self.ejected,
            "failures": self.failures,
            "in_flight": self.outstanding,
        }

    def release(self) -> None:
        """Count a reply that was released."""
        self.outstanding -= 1


class LoadBalancer:
    """Chooses an endpoint for every request: of two random ones, the one with fewer requests outstanding.

    That spreads requests almost as evenly as looking at all endpoints would, and never sends a crowd to the
    one that looked best a moment ago (M. Mitzenmacher, "The Power of Two Choices in Randomized Load
    Balancing").

    An endpoint that fails several times in a row is ejected for a time that grows; then a probe decides.
    A failure is a connection that could not be made or broke off, a time-out, or a status from 500 on.

    Args:
        transports: by address.
        health: the active health checks; None for none.
        random: numbers from 0 to below 1.
        clock: the time in seconds.
        wait: sleeps between two rounds of health checks.
    """

    def __init__(
        self,
        transports: Mapping[str, Transport],
        *,
        health: HealthPolicy | None,
        random: Callable[[], float] = any_number,
        clock: Callable[[], float] = monotonic,
        wait: Callable[[float], Awaitable[None]] = sleep,
    ) -> None:
        self._endpoints = {name: Endpoint(name, transport) for name, transport in transports.items()}
        self._random = random
        self._clock = clock
        self._watch = HealthChecks(health, transports, self._on_health, wait) if health else None
        self._stack = AsyncExitStack()
        self._available: list[Endpoint] = []
        self._unavailable: list[Endpoint] = []
        self._sort()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for endpoint in self._endpoints.values():
                await stack.enter_async_context(endpoint.transport)
            if self._watch:
                await stack.enter_async_context(self._watch)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    @property
    def outstanding(self) -> dict[str, int]:
        """Calls whose replies have not been released, by address."""
        return {name: endpoint.outstanding for name, endpoint in self._endpoints.items()}

    def state(self) -> State:
        """Diagnostics of every endpoint."""
        return {"addresses": [endpoint.state() for endpoint in self._endpoints.values()]}

    def gauges(self) -> Iterator[Gauge]:
        """Numbers of every endpoint."""
        for each in self._endpoints.values():
            for name, meaning, value in (
                (
                    "gateway_endpoint_ejected",
                    "1 while it is left out for its failures.",
                    each.ejected,
                ),
                ("gateway_endpoint_ejections_total", "How often it was ejected.", each.ejections),
                ("gateway_endpoint_healthy", "1 unless its health check fails.", each.healthy),
                ("gateway_endpoint_in_flight", "Requests not yet ended.", each.outstanding),
            ):
                yield Gauge(name=name, meaning=meaning, value=value, labels={"address": each.name})

    async def send(self, request: Request) -> Reply:
        """Send to one endpoint, and at once to another when no connection to the first could be made."""
        began = self._clock()
        endpoint = self._pick(began)
        try:
            return await self._send(endpoint, request, began)
        except Unreachable:
            now = self._clock()
            left = request.timeout - (now - began)
            if len(self._endpoints) == 1 or left <= 0 or not isinstance(request.body, bytes):
                raise  # a body that comes in chunks may have been begun
        return await self._send(self._pick(now, besides=endpoint), replace(request, timeout=left), now)

    async def _send(self, endpoint: Endpoint, request: Request, began: float) -> Reply:
        endpoint.outstanding += 1
        probe = endpoint.ejected and endpoint.may_be_probed(began)
        if probe:
            endpoint.probing = True
        try:
            reply = await endpoint.transport.send(request)
        except BaseException as ended:
            endpoint.outstanding -= 1
            now = self._clock()
            if is_upstream_failure(ended, request, now - began):
                self._failed(endpoint, now)
            raise
        finally:
            if probe:
                endpoint.probing = False
        if reply.status >= FAILED:
            self._failed(endpoint, self._clock())
        elif endpoint.failures:
            self._succeeded(endpoint)
        when_released(reply, endpoint.release)
        return reply

    def _pick(self, now: float, besides: Endpoint | None = None) -> Endpoint:
        available = self._available
        if besides is not None:  # a second choice: no probe now
            available = [endpoint for endpoint in available if endpoint is not besides]
        elif self._unavailable:
            for endpoint in self._unavailable:
                if endpoint.may_be_probed(now):
                    return endpoint
        count = len(available)
        if count > 1:
            first = int(self._random() * count)
            second = int(self._random() * (count - 1))
            one, other = available[first], available[second if second < first else second + 1]
            return other if other.outstanding < one.outstanding else one
        if count:
            return available[0]
        # When all are unavailable, what they have in common (our own network, a database behind them) has
        # likelier failed than each of them, and refusing all requests would make the outage longer. So they
        # go on, to the one that has had the most time to recover; a failure moves it to the end of the line.
        others = (endpoint for endpoint in self._unavailable if endpoint is not besides)
        return min(others, key=lambda endpoint: endpoint.last_failure)

    def _failed(self, endpoint: Endpoint, now: float) -> None:
        endpoint.failures += 1
        endpoint.last_failure = now
        if endpoint.ejected:
            if endpoint.ejection_is_over(now):
                endpoint.eject(now, JITTER * self._random())
        elif endpoint.failures >= CONSECUTIVE_FAILURES:
            endpoint.eject(now, JITTER * self._random())
            log.warning("%s is ejected: it failed %d times in a row", endpoint.name, endpoint.failures)
            self._sort()

    def _succeeded(self, endpoint: Endpoint) -> None:
        ejected = endpoint.ejected
        endpoint.readmit()
        if ejected:
            log.info("%s is back", endpoint.name)
            self._sort()

    def _on_health(self, name: str, healthy: bool) -> None:  # noqa: FBT001 (a callback of two arguments)
        endpoint = self._endpoints[name]
        if healthy is not endpoint.healthy:
            endpoint.healthy = healthy
            endpoint.last_failure = self._clock()
            level = logging.INFO if healthy else logging.WARNING
            log.log(level, "%s is %s", name, "healthy" if healthy else "unhealthy")
            self._sort()

    def _sort(self) -> None:
        every = self._endpoints.values()
        self._available = [endpoint for endpoint in every if endpoint.healthy and not endpoint.ejected]
        self._unavailable = [endpoint for endpoint in every if endpoint.ejected or not endpoint.healthy]
