"""Load balancing over the endpoints of one service: power of two choices, outlier ejection, health checks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from random import random as any_number
from typing import Self

from msgspec.structs import replace

from frontispiece.aio import BackgroundTasks, periodic
from frontispiece.clocks import monotonic
from frontispiece.http.messages import Reply, Request, Transport
from frontispiece.registry import Instance
from frontispiece.upstream.config import HealthPolicy
from frontispiece.upstream.discovery import Discovery
from frontispiece.upstream.endpoint import Endpoint
from frontispiece.upstream.errors import Unreachable, UpstreamClientError
from frontispiece.upstream.health_check import is_healthy
from frontispiece.upstream.levels import levels_of, of_two
from frontispiece.upstream.outcome import FAILED, is_upstream_failure, when_released
from frontispiece.upstream.stats import State
from frontispiece.upstream.transports.http1 import Http1Transport

log = logging.getLogger(__name__)

CONSECUTIVE_FAILURES = 5
"""So many failures in a row eject an endpoint (the default of Envoy's outlier detection)."""

JITTER = 0.25
"""By up to this share an ejection is shorter, so that gateways do not probe at the same moment."""

FIRST_TIMEOUT = 1.0
"""Seconds that a start waits for the first addresses."""

RETRY_INTERVAL = 1.0
"""Seconds after which a discovery that has failed begins anew."""


class LoadBalancer:
    """Chooses an endpoint for every request: of two random ones, the one with fewer requests outstanding.

    That spreads requests almost as evenly as looking at all endpoints would, and never sends a crowd to the
    one that looked best a moment ago (M. Mitzenmacher, "The Power of Two Choices in Randomized Load
    Balancing").

    An endpoint that fails several times in a row is ejected for a time that grows; then a probe decides.
    A failure is a connection that could not be made or broke off, a time-out, or a status from 500 on.

    Calls go to the endpoints of the first priority, the caller's own zone, while enough of these are
    available: see `Level`.

    Args:
        discovery: where the service is from now on; None when the addresses stay.
        service: its name in the log.
    """

    def __init__(
        self,
        transports: Mapping[str, Transport],
        *,
        health: HealthPolicy | None,
        discovery: Discovery | None = None,
        connect: Callable[[str], Transport] = Http1Transport,
        random: Callable[[], float] = any_number,
        clock: Callable[[], float] = monotonic,
        service: str = "a service",
    ) -> None:
        self._service = service
        self._endpoints = {
            address: Endpoint(service, Instance(address=address), transport)
            for address, transport in transports.items()
        }
        self.addresses = {name: each.instance for name, each in self._endpoints.items()}
        """The present instances, by address."""
        self._discovery = discovery
        self._connect = connect
        self._random = random
        self._clock = clock
        self._health = health
        self._opened: set[Endpoint] = set()
        self._retiring = BackgroundTasks(shutdown_timeout=0)
        self._stack = AsyncExitStack()
        self._sort()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            for endpoint in self._endpoints.values():
                await self._open(endpoint)
            if self._health:
                interval = self._health.interval.total_seconds()
                await stack.enter_async_context(periodic(self.check_all, interval, name="health checks"))
            if self._discovery:
                await stack.enter_async_context(self._following(self._discovery))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    async def update(self, instances: Sequence[Instance]) -> None:
        """Send to these instances from now on; those that are gone finish what they have.

        One whose address is none is left out.
        """
        found = {each.address: each for each in instances}
        for name in found.keys() - self._endpoints.keys():
            try:
                endpoint = Endpoint(self._service, found[name], self._connect(name))
            except ValueError as error:
                log.warning("an instance of %s is left out: %s", found.pop(name).service, error)
                continue
            await self._open(endpoint)
            self._endpoints[name] = endpoint
        for name in self._endpoints.keys() - found.keys():
            self._retiring.start(self._retire(self._endpoints.pop(name)))
        for name, endpoint in self._endpoints.items():
            endpoint.instance = found[name]
        self._sort()
        self.addresses.clear()
        self.addresses.update(found)

    @property
    def outstanding(self) -> dict[str, int]:
        """Calls whose replies have not been released, by address."""
        return {name: endpoint.outstanding for name, endpoint in self._endpoints.items()}

    def state(self) -> State:
        """Diagnostics of every endpoint."""
        return {"addresses": [endpoint.state() for endpoint in self._endpoints.values()]}

    async def send(self, request: Request) -> Reply:
        """Send to one endpoint, and at once to another when no connection to the first could be made."""
        began = self._clock()
        if not self._endpoints:
            raise Unreachable("no instance of it is known")
        endpoint = self._pick(began)
        try:
            return await self._send(endpoint, request, began)
        except Unreachable:
            now = self._clock()
            left = request.timeout - (now - began)
            if left <= 0 or not isinstance(request.body, bytes):
                raise  # a body that comes in chunks may have been begun
            other = self._second_choice(endpoint)
            if other is None:
                raise
        return await self._send(other, replace(request, timeout=left), now)

    async def _send(self, endpoint: Endpoint, request: Request, began: float) -> Reply:
        endpoint.outstanding += 1
        probe = endpoint.ejected and endpoint.may_be_probed(began)
        if probe:
            endpoint.probing = True
        try:
            reply = await endpoint.transport.send(request)
        except BaseException as ended:
            endpoint.release()
            now = self._clock()
            if is_upstream_failure(ended, request, now - began):
                self._failed(endpoint, now)
            elif isinstance(ended, UpstreamClientError) and endpoint.failures:
                self._succeeded(endpoint)
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

    def _pick(self, now: float) -> Endpoint:
        for endpoint in self._unavailable:
            if endpoint.may_be_probed(now):
                return endpoint
        if not self._levels:
            return self._longest_recovered(self._unavailable)
        for level in self._levels[:-1]:
            if level.share >= 1 or self._random() < level.share:
                return level.choose(self._random)
        return self._levels[-1].choose(self._random)

    def _second_choice(self, first: Endpoint) -> Endpoint | None:
        """Another endpoint, and no probe now; None when there is no other."""
        for level in self._levels:
            if others := [endpoint for endpoint in level.endpoints if endpoint is not first]:
                return of_two(others, self._random)
        others = [endpoint for endpoint in self._unavailable if endpoint is not first]
        return self._longest_recovered(others) if others else None

    def _longest_recovered(self, endpoints: Sequence[Endpoint]) -> Endpoint:
        """The endpoint that gets a request when all are unavailable.

        Then what they have in common (our own network, a database behind them) has likelier failed than each
        of them, and refusing all requests would make the outage longer. So they go on, to the one that has
        had the most time to recover; a failure moves it to the end of the line.
        """
        return min(endpoints, key=lambda endpoint: endpoint.last_failure)

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

    async def check_all(self) -> None:
        """Check the health of every endpoint, if it has a health check."""
        if self._health:
            await asyncio.gather(*(self._check(self._health, each) for each in self._endpoints.values()))

    async def _check(self, policy: HealthPolicy, endpoint: Endpoint) -> None:
        healthy = await is_healthy(endpoint, policy)
        if healthy is not endpoint.healthy and endpoint in self._endpoints.values():  # it may have left
            endpoint.healthy = healthy
            endpoint.last_failure = self._clock()
            level = logging.INFO if healthy else logging.WARNING
            log.log(level, "%s is %s", endpoint.name, "healthy" if healthy else "unhealthy")
            self._sort()

    def _sort(self) -> None:
        every = self._endpoints.values()
        self._levels = levels_of(every)
        self._unavailable = [endpoint for endpoint in every if not endpoint.is_available]

    @asynccontextmanager
    async def _following(self, discovery: Discovery) -> AsyncIterator[None]:
        """Follow a discovery for the duration of the block, which begins once some address is known."""
        known = asyncio.Event()

        async def follow() -> None:
            async with aclosing(discovery()) as changes:
                async for instances in changes:
                    await self.update(instances)
                    known.set()

        async with periodic(follow, RETRY_INTERVAL, name="the discovery of a service"):
            if not self._endpoints:
                with suppress(TimeoutError):
                    await asyncio.wait_for(known.wait(), FIRST_TIMEOUT)
            yield

    async def _open(self, endpoint: Endpoint) -> None:
        await endpoint.transport.__aenter__()
        self._opened.add(endpoint)

    async def _retire(self, endpoint: Endpoint) -> None:
        """Close an endpoint once it has no request left, or when this is cancelled."""
        try:
            await endpoint.drained()
        finally:
            self._opened.discard(endpoint)
            await endpoint.transport.__aexit__(None, None, None)

    async def _close(self) -> None:
        await self._retiring.close()
        for endpoint in self._opened:
            await endpoint.transport.__aexit__(None, None, None)
