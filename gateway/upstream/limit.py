"""A concurrency limit: so many calls at a time, some more in a queue, the others refused at once."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Self

from gateway.upstream.errors import Overloaded, TimedOut
from gateway.upstream.gauge import Gauge, gauges_of
from gateway.upstream.gradient import Gradient
from gateway.upstream.message import Reply, Request, Transport
from gateway.upstream.outcome import FAILED, speaks_against, when_released
from gateway.upstream.policy import ConcurrencyPolicy
from gateway.upstream.state import State, state_of


class Limited:
    """Lets so many calls through at a time: each holds its slot until its reply is released.

    Further calls wait in a queue, first come, first served; the wait is part of their timeout. How many are
    so many is fixed, or follows from how long they take.
    """

    def __init__(
        self, inner: Transport, policy: ConcurrencyPolicy, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._clock = clock
        self._fixed = policy.calls or 0
        self._gradient = Gradient(policy.min, policy.max, clock()) if policy.adaptive else None
        self.running = 0
        """Calls that hold a slot."""
        self._waiting: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        """Nobody waits while a slot is free: one that comes back goes to the first in the queue."""

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._inner.__aexit__(*exc)

    def gauges(self) -> Iterator[Gauge]:
        """How many calls there may be, are and wait; and what is within."""
        most, waiting = self.calls, self.waiting
        yield Gauge(name="gateway_concurrency_limit", meaning="Calls it may have at a time.", value=most)
        yield Gauge(name="gateway_concurrency_used", meaning="Calls it has.", value=self.running)
        yield Gauge(name="gateway_concurrency_waiting", meaning="Calls that wait for it.", value=waiting)
        yield from gauges_of(self._inner)

    @property
    def calls(self) -> int:
        """How many may hold a slot at present."""
        return self._gradient.calls if self._gradient else self._fixed

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return len(self._waiting)

    async def send(self, request: Request) -> Reply:
        """Send once there is a slot.

        Raises:
            Overloaded: the queue is full, or no slot came free in time; nothing was sent.
        """
        if self.running < self.calls:
            self.running += 1
        else:
            request = await self._queued(request)
        if self._gradient:
            return await self._measured(self._gradient, request)
        try:
            reply = await self._inner.send(request)
        except BaseException:
            self._leave()
            raise
        when_released(reply, self._leave)
        return reply

    def state(self) -> State:
        """How many slots are taken, and how many calls wait for one."""
        taken = {"in_flight": self.running, "waiting": self.waiting}
        most = {"calls": self.calls, "queue": self._policy.queue}
        return {**state_of(self._inner), "concurrency": most | taken}

    async def _measured(self, gradient: Gradient, request: Request) -> Reply:
        """Send, and tell how long that took; what fails at once says nothing of how much a service bears."""
        began = self._clock()
        try:
            reply = await self._inner.send(request)
        except BaseException as ended:
            now = self._clock()
            timed_out = isinstance(ended, TimedOut | asyncio.CancelledError)
            if timed_out and speaks_against(ended, request, now - began):
                gradient.took(began, now, self.running, timed_out=True)
            self._leave()
            raise
        if reply.status < FAILED:
            gradient.took(began, self._clock(), self.running)
        when_released(reply, self._leave)
        return reply

    async def _queued(self, request: Request) -> Request:
        """Wait for a slot; the same request comes back, with the time that is left."""
        if len(self._waiting) >= self._policy.queue:
            raise Overloaded(f"it has {self.calls} calls already, and {self._policy.queue} waiting")
        began = self._clock()
        turn = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        try:
            async with asyncio.timeout(request.timeout):
                await turn
        except BaseException as ended:
            if turn.done() and not turn.cancelled():  # its turn came in the moment in which it gave up
                self._leave()
            self._waiting.pop(turn, None)
            if isinstance(ended, TimeoutError):
                raise Overloaded(f"none of its calls ended in {request.timeout:.3g} s") from None
            raise
        return replace(request, timeout=max(0.0, request.timeout - (self._clock() - began)))

    def _leave(self) -> None:
        self.running -= 1
        while self._waiting and self.running < self.calls:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():  # as it is when its caller was cancelled just now
                self.running += 1
                turn.set_result(None)
