"""One endpoint of a service: its requests, its failures, its ejection."""

import asyncio

from frontispiece.http.messages import Transport
from frontispiece.registry import Instance
from frontispiece.upstream.stats import State

BASE_EJECTION = 1.0
"""Seconds that an endpoint is ejected the first time; each failed probe doubles them."""

MAX_EJECTION = 60.0
"""Seconds that an endpoint is ejected at most until its next probe."""


class Endpoint:
    """One address of the service and its health; times are those of the balancer's clock."""

    def __init__(self, service: str, instance: Instance, transport: Transport) -> None:
        self.instance = instance
        self.name = f"{service} at {instance.address}"
        """Its name in the log."""
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
        self._idle: asyncio.Event | None = None
        """Set once it has no request, if that is waited for."""

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

    @property
    def is_available(self) -> bool:
        """Whether it is healthy and not ejected."""
        return self.healthy and not self.ejected

    @property
    def load(self) -> float:
        """Requests outstanding in proportion to its weight."""
        return self.outstanding / self.instance.weight

    def state(self) -> State:
        """Diagnostics of this endpoint."""
        instance = self.instance
        return {
            "url": instance.address,
            "healthy": self.healthy,
            "ejected": self.ejected,
            "ejections": self.ejections,
            "failures": self.failures,
            "in_flight": self.outstanding,
            **{key: value for key in ("zone", "version") if (value := getattr(instance, key))},
        }

    def release(self) -> None:
        """Count a reply that was released."""
        self.outstanding -= 1
        if self._idle is not None and not self.outstanding:
            self._idle.set()

    async def drained(self) -> None:
        """Return once it has no request left."""
        self._idle = asyncio.Event()
        if self.outstanding:
            await self._idle.wait()
