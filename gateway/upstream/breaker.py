"""A circuit breaker: a service that fails too often is left alone for a while."""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Self

from gateway.upstream.errors import Unreachable
from gateway.upstream.gauge import Gauge, gauges_of
from gateway.upstream.message import Reply, Request, Transport
from gateway.upstream.outcome import FAILED, speaks_against
from gateway.upstream.policy import BreakerPolicy
from gateway.upstream.state import State, state_of

log = logging.getLogger(__name__)

TENTHS = 10
"""In so many steps the window moves on."""


class Breaker:
    """Lets calls through until too large a share of them fails, and then one at a time to see.

    The rule and its default figures are those of Netflix's Hystrix (the pages "How it Works" and
    "Configuration" of its wiki): the circuit opens when a rolling window of 10 s has seen at least 20 calls,
    of which half have failed. After a pause of 5 s one call is let through: its success closes the circuit,
    and all is counted anew; its failure begins another pause.

    A failure is a connection that could not be made or broke off, a time-out, or a status from 500 on.
    """

    def __init__(
        self, name: str, inner: Transport, policy: BreakerPolicy, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._name = name
        self._inner = inner
        self._policy = policy
        self._clock = clock
        self._window = Window(policy.window.total_seconds(), clock())
        self._closed = True
        self._pause_ends = 0.0
        self._trying = False
        self._opened = 0

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._inner.__aexit__(*exc)

    def gauges(self) -> Iterator[Gauge]:
        """Whether it is open, and how often it opened; and what is within."""
        yield Gauge(
            name="gateway_breaker_open", meaning="1 while the circuit is open.", value=not self._closed
        )
        yield Gauge(
            name="gateway_breaker_opened_total", meaning="How often the circuit opened.", value=self._opened
        )
        yield from gauges_of(self._inner)

    async def send(self, request: Request) -> Reply:
        """Send while the circuit is closed.

        Raises:
            Unreachable: it is open; nothing was sent.
        """
        began = self._clock()
        if not self._closed:
            return await self._try(request, began)
        window = self._window
        try:
            reply = await self._inner.send(request)
        except BaseException as ended:
            now = self._clock()
            if speaks_against(ended, request, now - began):
                self._count(window, now, failed=True)
            raise
        self._count(window, self._clock(), failed=reply.status >= FAILED)
        return reply

    def state(self) -> State:
        """Whether the circuit is open, and what the window has seen."""
        now = self._clock()
        told: State = {"state": "closed"}
        if not self._closed:
            told = {"state": "open", "tries_in": round(max(0.0, self._pause_ends - now), 3)}
            if now >= self._pause_ends:
                told["state"] = "half-open"
        if self._closed:
            self._window.look(now)
            told |= {"calls": self._window.calls, "failures": self._window.failures}
        return {**state_of(self._inner), "breaker": told}

    def _count(self, window: "Window", now: float, *, failed: bool) -> None:
        window.add(now, failed=failed)
        if not failed or window is not self._window or window.calls < self._policy.calls:
            return  # of a window of before, it tells nothing of the service as it is now
        if window.failures >= self._policy.share * window.calls:
            self._open(now)

    async def _try(self, request: Request, began: float) -> Reply:
        """Let one call through once the pause is over; one that its caller gives up tells nothing."""
        if began < self._pause_ends:
            raise Unreachable("its circuit breaker is open", retry_after=self._pause_ends - began)
        if self._trying:
            raise Unreachable("its circuit breaker is open")
        self._trying = True
        try:
            reply = await self._inner.send(request)
        except BaseException as ended:
            now = self._clock()
            if speaks_against(ended, request, now - began):
                self._open(now)
            raise
        finally:
            self._trying = False
        if reply.status >= FAILED:
            self._open(self._clock())
        else:
            self._closed = True
            log.info("%s: the circuit is closed again", self._name)
        return reply

    def _open(self, now: float) -> None:
        self._closed = False
        self._opened += 1
        self._pause_ends = now + self._policy.pause.total_seconds()
        self._window = Window(self._policy.window.total_seconds(), self._pause_ends)
        log.warning("%s: the circuit is open for %g s", self._name, self._policy.pause.total_seconds())


class Window:
    """The calls of the last `seconds`, and how many of them failed; it moves on by tenths."""

    def __init__(self, seconds: float, now: float) -> None:
        self.calls = 0
        self.failures = 0
        self._width = seconds / TENTHS
        self._ends = now + self._width
        self._tenths = deque([[0, 0] for _ in range(TENTHS)])

    def add(self, now: float, *, failed: bool) -> None:
        """Count a call that has ended now."""
        self.look(now)
        tenth = self._tenths[-1]
        tenth[0] += 1
        self.calls += 1
        if failed:
            tenth[1] += 1
            self.failures += 1

    def look(self, now: float) -> None:
        """Forget what is too long ago."""
        if now >= self._ends:
            self._move_on(now)

    def _move_on(self, now: float) -> None:
        steps = int((now - self._ends) / self._width) + 1
        for _ in range(min(steps, TENTHS)):
            calls, failures = self._tenths.popleft()
            self.calls -= calls
            self.failures -= failures
            self._tenths.append([0, 0])
        self._ends += steps * self._width
