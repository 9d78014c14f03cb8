"""A concurrency limit: a number of requests at a time, some more in a queue, the others refused at once."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from msgspec.structs import replace

from frontispiece.aio import Deadline
from frontispiece.clocks import monotonic
from frontispiece.http.messages import Reply, Request, Transport
from frontispiece.upstream.adaptive_limit import AdaptiveLimit
from frontispiece.upstream.config import ConcurrencyPolicy
from frontispiece.upstream.errors import Overloaded, TimedOut
from frontispiece.upstream.outcome import FAILED, is_upstream_failure, service_latency, when_released
from frontispiece.upstream.stats import State, TransportWrapper


class ConcurrencyLimiter(TransportWrapper):
    """Limits the requests at a time, by a fixed number or an adaptive one.

    A request holds its slot until its reply is released. Further ones wait in a queue, first come, first
    served; the wait is part of their timeout.
    """

    def __init__(
        self, inner: Transport, policy: ConcurrencyPolicy, *, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(inner)
        self._policy = policy
        self._clock = clock
        self._fixed = policy.max_concurrent or 0
        self._adaptive = (
            AdaptiveLimit(policy.min_limit, policy.max_limit, clock()) if policy.adaptive else None
        )
        self.in_flight = 0
        """Requests that hold a slot."""
        self._queue: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        """Empty while a slot is free: one that is given back goes to the first in the queue."""

    def state(self) -> State:
        """The limits, the slots taken, and the length of the queue."""
        concurrency = {
            "max_concurrent": self.limit,
            "max_queue": self._policy.max_queue,
            "in_flight": self.in_flight,
            "waiting": self.waiting,
        }
        return {**super().state(), "concurrency": concurrency}

    @property
    def limit(self) -> int:
        """Slots at present."""
        return self._adaptive.limit if self._adaptive else self._fixed

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    async def send(self, request: Request) -> Reply:
        """Send once there is a slot.

        Raises:
            Overloaded: the queue is full, or no slot came free in time; nothing was sent.
        """
        if self.in_flight < self.limit:
            self.in_flight += 1
        else:
            request = await self._queued(request)
        if self._adaptive:
            return await self._measured(self._adaptive, request)
        try:
            reply = await self.inner.send(request)
        except BaseException:
            self._release_slot()
            raise
        when_released(reply, self._release_slot)
        return reply

    async def _measured(self, adaptive: AdaptiveLimit, request: Request) -> Reply:
        """Send, and sample the latency; a failure at once says nothing about what the service can bear."""
        began = self._clock()
        try:
            reply = await self.inner.send(request)
        except BaseException as ended:
            now = self._clock()
            timed_out = isinstance(ended, TimedOut | asyncio.CancelledError)
            if timed_out and is_upstream_failure(ended, request, now - began):
                adaptive.sample(began, now, self.in_flight, timed_out=True)
            self._release_slot()
            raise
        latency = service_latency(request, self._clock() - began)
        if reply.status < FAILED and latency is not None:
            adaptive.sample(began, began + latency, self.in_flight)
        when_released(reply, self._release_slot)
        return reply

    async def _queued(self, request: Request) -> Request:
        """Wait for a slot; the same request comes back, with the time that is left."""
        max_queue = self._policy.max_queue
        if len(self._queue) >= max_queue:
            raise Overloaded(f"it has {self.limit} calls already, and {max_queue} waiting")
        began = self._clock()
        turn = asyncio.get_running_loop().create_future()
        self._queue[turn] = None
        deadline = Deadline(request.timeout)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # it got a slot in the moment in which it gave up
                self._release_slot()
            self._queue.pop(turn, None)
            if deadline.expired():
                raise Overloaded(f"none of its calls ended in {request.timeout:.3g} s") from None
            raise
        finally:
            deadline.cancel()
        return replace(request, timeout=max(0.0, request.timeout - (self._clock() - began)))

    def _release_slot(self) -> None:
        self.in_flight -= 1
        while self._queue and self.in_flight < self.limit:
            turn, _ = self._queue.popitem(last=False)
            if not turn.done():  # as it is when its caller was cancelled just now
                self.in_flight += 1
                turn.set_result(None)
