"""How often each version of each client calls each route: as a metric, and by day.

With a Valkey, all gateways count days together, and the counts outlive them; without one, each process has
its own. No call waits for Valkey: counts go there in the background, and wait here while it is unavailable.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple, cast

from prometheus_client.core import CounterMetricFamily

from frontispiece.aio.periodic import periodic
from frontispiece.gateway.observability.clients import ClientLabel
from frontispiece.stores.valkey import GuardedValkey, ValkeyUnavailable

RETENTION_DAYS: Final = 90
FLUSH_INTERVAL: Final = 10.0
"""Seconds between two times that counts go to Valkey."""

PREFIX: Final = "client-usage:"
"""The beginning of the keys in Valkey, which end with a day."""

Counts = defaultdict[ClientLabel, int]
"""Calls on one route, by client and version."""


class Usage(NamedTuple):
    """What is counted of a day."""

    route: str
    client: str
    version: str


def utc_today() -> date:
    """The day that a call is counted for."""
    return datetime.now(UTC).date()


class ClientUsage:
    """Counts the calls of one gateway."""

    def __init__(self, valkey: GuardedValkey | None = None, today: Callable[[], date] = utc_today) -> None:
        self._valkey = valkey
        self._today = today
        self._routes: dict[str, Counts] = {}
        self._taken: Counter[Usage] = Counter()
        """What of the counts of routes is in those of days."""
        self._days: dict[date, Counter[Usage]] = {}
        """Counts that are not in Valkey."""
        self._lock = asyncio.Lock()

    def counts(self, route: str) -> Counts:
        """The counts of a route, to add to."""
        return self._routes.setdefault(route, defaultdict(int))  # others have its path for other methods

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The calls of each client's versions, for the registry."""
        requests = CounterMetricFamily(
            "gateway_client_requests",
            "Calls with an X-Client, by its name and version.",
            labels=["route", "client", "version"],
        )
        for usage, calls in self._total().items():
            requests.add_metric(usage, calls)
        yield requests

    @asynccontextmanager
    async def flushing(self) -> AsyncIterator[None]:
        """Within, counts go to Valkey again and again, and once more at the end."""
        async with periodic(self._try_to_flush, FLUSH_INTERVAL, name="the count of clients"):
            yield
        await self._try_to_flush()

    def by_client(self) -> dict[str, int]:
        """The calls of each client since the start."""
        calls: Counter[str] = Counter()
        for counts in self._routes.values():
            for label, number in counts.items():
                calls[label.client] += number
        return dict(calls)

    async def by_day(self, days: int) -> list[dict[str, Any]]:
        """The calls of so many days, today's included, as objects for JSON.

        Raises:
            ValkeyUnavailable: the counts are there.
        """
        await self.flush()
        last = [self._today() - timedelta(days=back) for back in reversed(range(days))]
        if self._valkey is None:
            found: list[Mapping[Usage, int]] = [self._days.get(day, {}) for day in last]
        else:
            found = await self._valkey.run(partial(self._read, last))
        return [
            {**usage._asdict(), "day": day.isoformat(), "calls": calls}
            for day, counts in zip(last, found, strict=True)
            for usage, calls in sorted(counts.items())
        ]

    async def flush(self) -> None:
        """Add all that was counted since the last time to Valkey's counts.

        Raises:
            ValkeyUnavailable: the counts wait for the next time.
        """
        async with self._lock:
            today = self._today()
            total = self._total()
            if new := total - self._taken:
                self._days.setdefault(today, Counter()).update(new)
            self._taken = total
            for day in [day for day in self._days if day <= today - timedelta(days=RETENTION_DAYS)]:
                del self._days[day]
            if self._valkey is not None:
                for day, counts in list(self._days.items()):
                    await self._valkey.run(partial(self._add, day, counts))
                    del self._days[day]

    async def _try_to_flush(self) -> None:
        with suppress(ValkeyUnavailable):  # which is logged
            await self.flush()

    def _total(self) -> Counter[Usage]:
        """The calls since the start."""
        return Counter(
            {
                Usage(route, *label): calls
                for route, counts in self._routes.items()
                for label, calls in counts.items()
            }
        )

    async def _add(self, day: date, counts: Mapping[Usage, int]) -> None:
        assert self._valkey is not None
        commands = self._valkey.client.pipeline(transaction=True)
        key = f"{PREFIX}{day}"
        for usage, calls in counts.items():
            commands.hincrby(key, json.dumps(usage), calls)
        commands.expire(key, timedelta(days=RETENTION_DAYS))
        await commands.execute()

    async def _read(self, days: list[date]) -> list[Mapping[Usage, int]]:
        assert self._valkey is not None
        commands = self._valkey.client.pipeline(transaction=False)
        for day in days:
            commands.hgetall(f"{PREFIX}{day}")
        stored = cast(list[dict[bytes, bytes]], await commands.execute())
        return [{Usage(*json.loads(name)): int(calls) for name, calls in of_day.items()} for of_day in stored]
