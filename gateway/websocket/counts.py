"""What operators see of WebSockets."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric

from kit.metrics import Counter

PRIVATE: Final = 3000
"""From this on, codes are of any meaning, and of any number: they are counted together."""


class SocketCounts:
    """The numbers of every route's WebSockets, as a collector."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._messages = Counter("gateway_websocket_messages", "Messages passed on.", "route", "direction")
        self._closed = Counter("gateway_websocket_closed", "WebSockets that ended, by code.", "route", "code")

    def of(self, route: str) -> "RouteCounts":
        """Those of one route."""
        self._open.setdefault(route, 0)
        return RouteCounts(route, self._open, self._messages, self._closed)

    def collect(self) -> Iterator[Metric]:
        """The numbers, as they are now."""
        running = GaugeMetricFamily("gateway_websocket_open", "WebSockets at the moment.", labels=["route"])
        for route, number in self._open.items():
            running.add_metric([route], number)
        yield running
        yield from self._messages.collect()
        yield from self._closed.collect()


class RouteCounts:
    """Counts the WebSockets of one route."""

    def __init__(self, route: str, running: dict[str, int], messages: Counter, closed: Counter) -> None:
        self._route = route
        self._open = running
        self._closed = closed
        self.message = partial(messages.add, route)
        """Count a message in this direction."""

    def opened(self) -> None:
        """One has begun."""
        self._open[self._route] += 1

    def closed(self, code: int) -> None:
        """One has ended with this code."""
        self._open[self._route] -= 1
        self._closed.add(self._route, str(code) if code < PRIVATE else "private")
