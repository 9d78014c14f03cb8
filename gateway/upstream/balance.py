"""Several addresses of one service: each call goes to one that works and has little to do."""

import logging
from asyncio import sleep
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from random import random as any_number
from time import monotonic
from typing import Self

from gateway.upstream.errors import Unreachable
from gateway.upstream.gauge import Gauge
from gateway.upstream.message import Reply, Request, Transport
from gateway.upstream.outcome import FAILED, speaks_against, when_released
from gateway.upstream.policy import HealthPolicy
from gateway.upstream.probe import Watch
from gateway.upstream.state import State

log = logging.getLogger(__name__)

EJECTED_AFTER = 5
"""So many failures in a row eject an address (as Envoy's outlier detection has it by default)."""

FIRST_PAUSE = 1.0
"""Seconds that a newly ejected address gets no calls; each trial that fails doubles them."""

LONGEST_PAUSE = 60.0
"""Seconds that an ejected address waits at most for its next trial."""

JITTER = 0.25
"""Up to this share a pause is shorter, so that many gateways do not try an address in the same moment."""


class Address:
    """One address and what is known of it; times are those of the balancer's clock."""

    def __init__(self, name: str, transport: Transport) -> None:
        self.name = name
        self.transport = transport
        self.outstanding = 0
        """Calls whose replies have not been released."""
        self.failures = 0
        """How many calls in a row have failed."""
        self.ejected = False
        self.ejections = 0
        """How often it was ejected while it was used."""
        self.well = True
        """What its last health check said."""
        self.seen_failing = 0.0
        """When a call or a health check has last found it failing."""
        self._pause = 0.0
        self._tried_from = 0.0
        self.trying = False
        """Whether a trial is on its way."""

    def eject(self, now: float, jitter: float) -> None:
        """Leave it out for twice as long as the last time, less `jitter` (from 0 to 1) of the pause."""
        self.ejections += not self.ejected
        self.ejected = True
        self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * self._pause))
        self._tried_from = now + self._pause * (1 - jitter)

    def readmit(self) -> None:
        """Forget its failures."""
        self.failures = 0
        self.ejected = False
        self._pause = 0.0

    def pause_is_over(self, now: float) -> bool:
        """Whether the pause of its ejection is."""
        return now >= self._tried_from

    def may_be_tried(self, now: float) -> bool:
        """Whether it is time for a trial; there is one at a time."""
        return self.ejected and self.well and not self.trying and self.pause_is_over(now)

    def state(self) -> State:
        """How it does."""
        return {
            "url": self.name,
            "well": self.well,
            "ejected": self.ejected,
            "failures": self.failures,
            "in_flight": self.outstanding,
        }

    def release(self) -> None:
        """One call less."""
        self.outstanding -= 1


class Balanced:
    """Chooses an address for every call: of two that chance names, the one with fewer calls outstanding.

    That spreads calls almost as evenly as looking at all addresses would, and never sends a crowd to the one
    that looked best a moment ago (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing").

    An address that fails several times in a row is ejected for a pause that grows; a trial after it decides.
    A failure is a connection that could not be made or broke off, a time-out, or a status from 500 on.

    Args:
        transports: by address.
        health: how addresses are asked whether they are well, None to ask them nothing.
        random: numbers from 0 to below 1.
        clock: the time in seconds.
        wait: waits so many seconds between two rounds of health checks.
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
        self._addresses = {name: Address(name, transport) for name, transport in transports.items()}
        self._random = random
        self._clock = clock
        self._watch = Watch(health, transports, self._heard, wait) if health else None
        self._stack = AsyncExitStack()
        self._used: list[Address] = []
        self._left_out: list[Address] = []
        self._sort()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for address in self._addresses.values():
                await stack.enter_async_context(address.transport)
            if self._watch:
                await stack.enter_async_context(self._watch)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    @property
    def outstanding(self) -> dict[str, int]:
        """Calls whose replies have not been released, by address."""
        return {name: address.outstanding for name, address in self._addresses.items()}

    def state(self) -> State:
        """How each address does."""
        return {"addresses": [address.state() for address in self._addresses.values()]}

    def gauges(self) -> Iterator[Gauge]:
        """What is known of each address."""
        for each in self._addresses.values():
            for name, meaning, value in (
                ("gateway_address_ejected", "1 while it is left out because its calls fail.", each.ejected),
                ("gateway_address_ejections_total", "How often it was left out.", each.ejections),
                ("gateway_address_well", "1 unless its health check fails.", each.well),
                ("gateway_address_in_flight", "Calls not yet ended.", each.outstanding),
            ):
                yield Gauge(name=name, meaning=meaning, value=value, labels={"address": each.name})

    async def send(self, request: Request) -> Reply:
        """Send to one address, and to one other at once when no connection to the first could be made."""
        began = self._clock()
        address = self._pick(began)
        try:
            return await self._ask(address, request, began)
        except Unreachable:
            now = self._clock()
            left = request.timeout - (now - began)
            if len(self._addresses) == 1 or left <= 0 or not isinstance(request.body, bytes):
                raise  # a body that comes in chunks may have been begun
        return await self._ask(self._pick(now, besides=address), replace(request, timeout=left), now)

    async def _ask(self, address: Address, request: Request, began: float) -> Reply:
        address.outstanding += 1
        trial = address.ejected and address.may_be_tried(began)
        if trial:
            address.trying = True
        try:
            reply = await address.transport.send(request)
        except BaseException as ended:
            address.outstanding -= 1
            now = self._clock()
            if speaks_against(ended, request, now - began):
                self._failed(address, now)
            raise
        finally:
            if trial:
                address.trying = False
        if reply.status >= FAILED:
            self._failed(address, self._clock())
        elif address.failures:
            self._succeeded(address)
        when_released(reply, address.release)
        return reply

    def _pick(self, now: float, besides: Address | None = None) -> Address:
        used = self._used
        if besides is not None:  # a second choice: no trials now
            used = [address for address in used if address is not besides]
        elif self._left_out:
            for address in self._left_out:
                if address.may_be_tried(now):
                    return address
        count = len(used)
        if count > 1:
            first = int(self._random() * count)
            second = int(self._random() * (count - 1))
            one, other = used[first], used[second if second < first else second + 1]
            return other if other.outstanding < one.outstanding else one
        if count:
            return used[0]
        # When all are left out, what they have in common (our own network, a database behind them) has
        # likelier failed than each of them, and refusing all calls would make the outage longer. So calls go
        # on, to the one that has had the most time to recover; a failure moves it to the end of the line.
        others = (address for address in self._left_out if address is not besides)
        return min(others, key=lambda address: address.seen_failing)

    def _failed(self, address: Address, now: float) -> None:
        address.failures += 1
        address.seen_failing = now
        if address.ejected:
            if address.pause_is_over(now):
                address.eject(now, JITTER * self._random())
        elif address.failures >= EJECTED_AFTER:
            address.eject(now, JITTER * self._random())
            log.warning("%s is left out: it failed %d times in a row", address.name, address.failures)
            self._sort()

    def _succeeded(self, address: Address) -> None:
        ejected = address.ejected
        address.readmit()
        if ejected:
            log.info("%s is back", address.name)
            self._sort()

    def _heard(self, name: str, well: bool) -> None:  # noqa: FBT001 (told by position, as it was found)
        address = self._addresses[name]
        if well is not address.well:
            address.well = well
            address.seen_failing = self._clock()
            log.log(logging.INFO if well else logging.WARNING, "%s is %swell", name, "" if well else "not ")
            self._sort()

    def _sort(self) -> None:
        every = self._addresses.values()
        self._used = [address for address in every if address.well and not address.ejected]
        self._left_out = [address for address in every if address.ejected or not address.well]
