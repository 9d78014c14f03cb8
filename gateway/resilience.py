"""What a gateway's routes share against overload and failure, and what operators see of it."""

from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Self

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from gateway.layers.mirror import Shadows
from gateway.load import Load
from kit.metrics import Counter


class Resilience:
    """One for a gateway, open as long as it is.

    Args:
        load: where calls are refused when there is too much to do; None where none ever are.
    """

    def __init__(self, load: Load | None = None) -> None:
        self.load = load
        self.shadows = Shadows()
        self._retries = Counter("gateway_retries", "Failures, by what became of them.", "route", "outcome")
        self._mirrored = Counter("gateway_mirrored", "Copies, by what became of them.", "route", "outcome")
        self._split = Counter("gateway_split", "Calls, by the side they were led to.", "route", "side")
        self._shed = Counter("gateway_shed", "Calls refused because of the load.", "priority")
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            if self.load:
                await stack.enter_async_context(self.load)
            await stack.enter_async_context(self.shadows)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stack.aclose()

    def register(self, registry: CollectorRegistry) -> None:
        """Show the numbers there."""
        for collector in (self, self._retries, self._mirrored, self._split, self._shed):
            registry.register(collector)

    def retries_of(self, route: str) -> Callable[[str], None]:
        """Counts what becomes of a route's failures."""
        return partial(self._retries.add, route)

    def mirrored_of(self, route: str) -> Callable[[str], None]:
        """Counts what becomes of the copies of a route's calls."""
        return partial(self._mirrored.add, route)

    def split_of(self, route: str) -> Callable[[str], None]:
        """Counts the sides to which a route's calls are led."""
        return partial(self._split.add, route)

    def shed(self, priority: str) -> None:
        """Count a call that was refused."""
        self._shed.add(priority)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The load, as it is now."""
        if self.load:
            yield _gauge("gateway_load_calls", "Calls that wait for their answer.", self.load.running)
            yield _gauge("gateway_load_lag_seconds", "How late the event loop is.", self.load.lag)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)
