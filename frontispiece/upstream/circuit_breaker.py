"""A circuit breaker: a service that fails too often gets no requests for a while."""

import logging
from collections import deque
from collections.abc import Callable

from frontispiece.clocks import monotonic
from frontispiece.http.messages import Reply, Request, Transport
from frontispiece.upstream.config import BreakerPolicy
from frontispiece.upstream.errors import Unreachable
from frontispiece.upstream.outcome import FAILED, is_upstream_failure, is_waiting_for_client
from frontispiece.upstream.stats import State, TransportWrapper

log = logging.getLogger(__name__)

BUCKETS = 10
"""Parts of the window, the oldest of which is dropped when its time has passed."""


class CircuitBreaker(TransportWrapper):
    """Sends requests until too large a share of them fails, then a single one at a time as a probe.

    The rule and its default figures are those of Netflix's Hystrix (the pages "How it Works" and
    "Configuration" of its wiki): the circuit opens when a rolling window of 10 s has at least 20 requests, of
    which half have failed. After 5 s one request is sent as a probe: its success closes the circuit and
    clears the window, its failure opens the circuit anew.

    A failure is a connection that could not be made or broke off, a time-out, or a status from 500 on.
    """

    def __init__(
        self, name: str, inner: Transport, policy: BreakerPolicy, *, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(inner)
        self._name = name
        self._policy = policy
        self._clock = clock
        self._window = Window(policy.window.total_seconds(), clock())
        self._closed = True
        self._open_until = 0.0
        self._probe: Request | None = None
        """The request that is the probe at present."""
        self._times_opened = 0

    def state(self) -> State:
        """The state of the circuit, how often it opened, and what the window has counted."""
        now = self._clock()
        breaker: State
        if self._closed:
            self._window.advance(now)
            breaker = {
                "state": "closed",
                "requests": self._window.requests,
                "failures": self._window.failures,
            }
        else:
            breaker = {
                "state": "half-open" if now >= self._open_until else "open",
                "probe_in": round(max(0.0, self._open_until - now), 3),
            }
        return {**super().state(), "breaker": {**breaker, "opened": self._times_opened}}

    async def send(self, request: Request) -> Reply:
        """Send while the circuit is closed.

        Raises:
            Unreachable: it is open; nothing was sent.
        """
        began = self._clock()
        if not self._closed:
            return await self._send_probe(request, began)
        window = self._window
        try:
            reply = await self.inner.send(request)
        except BaseException as ended:
            now = self._clock()
            if is_upstream_failure(ended, request, now - began):
                self._count(window, now, failed=True)
            raise
        self._count(window, self._clock(), failed=reply.status >= FAILED)
        return reply

    def _count(self, window: "Window", now: float, *, failed: bool) -> None:
        window.add(now, failed=failed)
        if not failed or window is not self._window or window.requests < self._policy.min_requests:
            return  # an earlier window says nothing about the service as it is now
        if window.failures >= self._policy.failure_ratio * window.requests:
            self._open(now)

    async def _send_probe(self, request: Request, began: float) -> Reply:
        """Send one request once the circuit has been open for long enough; cancelling it decides nothing.

        One whose client is slow to send the body gives way to the next, and decides nothing then.
        """
        if began < self._open_until:
            raise Unreachable("its circuit breaker is open", retry_after=self._open_until - began)
        if self._probe is not None and not is_waiting_for_client(self._probe):
            raise Unreachable("its circuit breaker is open")
        self._probe = request
        try:
            reply = await self.inner.send(request)
        except BaseException as ended:
            now = self._clock()
            if self._probe is request and is_upstream_failure(ended, request, now - began):
                self._open(now)
            raise
        else:
            if self._probe is request:
                self._decide(reply)
            return reply
        finally:
            if self._probe is request:
                self._probe = None

    def _decide(self, reply: Reply) -> None:
        """Close the circuit, or open it anew, by the reply to the probe."""
        if reply.status >= FAILED:
            self._open(self._clock())
        else:
            self._closed = True
            log.info("%s: the circuit is closed again", self._name)

    def _open(self, now: float) -> None:
        seconds = self._policy.open_duration.total_seconds()
        self._closed = False
        self._times_opened += 1
        self._open_until = now + seconds
        self._window = Window(self._policy.window.total_seconds(), self._open_until)
        log.warning("%s: the circuit is open for %g s", self._name, seconds)


class Window:
    """The requests of the last `seconds`, and how many of them failed, in `BUCKETS` parts."""

    def __init__(self, seconds: float, now: float) -> None:
        self.requests = 0
        self.failures = 0
        self._width = seconds / BUCKETS
        self._ends = now + self._width
        self._buckets = deque([[0, 0] for _ in range(BUCKETS)])

    def add(self, now: float, *, failed: bool) -> None:
        """Count a request that has ended now."""
        self.advance(now)
        bucket = self._buckets[-1]
        bucket[0] += 1
        self.requests += 1
        if failed:
            bucket[1] += 1
            self.failures += 1

    def advance(self, now: float) -> None:
        """Drop the buckets that are too old."""
        if now < self._ends:
            return
        steps = int((now - self._ends) / self._width) + 1
        for _ in range(min(steps, BUCKETS)):
            requests, failures = self._buckets.popleft()
            self.requests -= requests
            self.failures -= failures
            self._buckets.append([0, 0])
        self._ends += steps * self._width
