"""Keeps the live tables of the read model up to date with the log, woken by its commits."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy.ext.asyncio import AsyncConnection

from frontispiece.http import Problem
from frontispiece.stores import Database
from services.ordering.event_store import EventStore, LogReplaced, Seen
from services.ordering.projection import project, store_seen
from services.ordering.read_store import ReadStore, live

log = logging.getLogger(__name__)

BATCH: Final = 500
"""Events that are applied in one transaction: those who read wait for none of it, writers wait for all."""

MIN_INTERVAL: Final = 0.05
"""Seconds from one batch to the next while nobody waits for a position: what comes meanwhile is one batch."""

POLL_INTERVAL: Final = 5.0
"""Seconds between two reads that no commit triggers: they find the commits of processes that died."""

MAX_BACKOFF: Final = 5.0
"""Seconds until the next attempt while a database is away, at most."""


NEVER: Final = datetime.fromtimestamp(0, UTC)
"""The time of an event that the log does not have any more: no event has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """The events of the log that the read model has not seen, and the seconds since the first of them."""

    events: int
    seconds: float


class Projector:
    """The projection of the log into the live tables.

    Every copy of ordering has one. One at a time works: a batch locks the tables' row in `generations`, and
    the position in it says where to go on, so that whoever comes second finds nothing left to do. It is a
    collector for a Prometheus registry, too: of how far the read model is behind, measured with each poll.

    Args:
        database: of the log.
        events: the log.
        store: the read model.
        shard: the name of both.
        poll_interval: seconds between two looks that no commit asks for.
    """

    def __init__(
        self,
        database: Database,
        events: EventStore,
        store: ReadStore,
        *,
        shard: str = "",
        poll_interval: float = POLL_INTERVAL,
    ) -> None:
        self._database = database
        self._events = events
        self._store = store
        self._shard = shard
        self._poll_interval = poll_interval
        self._woken = asyncio.Event()
        self._wanted = asyncio.Event()
        """Set when somebody waits for a position that was not reached."""
        self.fault: str | None = None
        """Why the live tables follow the log no more, and what is to be done."""
        self._position = 0
        self._advanced = asyncio.Condition()
        self._lag: Lag | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The lag, for the registry."""
        if self._lag is not None:
            for name, meaning, value in (
                ("events", "Events that the read model has not seen.", self._lag.events),
                ("seconds", "Age of the first of them.", self._lag.seconds),
            ):
                family = GaugeMetricFamily(f"ordering_read_model_lag_{name}", meaning, labels=("shard",))
                family.add_metric((self._shard,), value)
                yield family

    async def run(self) -> None:
        """Apply events as they come until cancelled."""
        async with asyncio.TaskGroup() as tasks, self._events.appended.wakes(self._database, self._woken.set):
            tasks.create_task(self._measure())
            await self._run()

    async def _measure(self) -> None:
        """Measure the lag with each poll."""
        while True:
            with suppress(Problem):  # a database is away, and its log says so
                self._lag = await self.lag()
            await asyncio.sleep(self._poll_interval)

    async def _run(self) -> None:
        failures = 0
        while True:
            self._woken.clear()
            self._wanted.clear()
            try:
                is_behind = await self.advance()
            except Problem as problem:  # a database is away
                failures += 1
                log.warning("The read model waits: %s", problem)
                await asyncio.sleep(min(MAX_BACKOFF, 0.05 * 2.0 ** min(failures, 16)))
                continue
            except LogReplaced as error:
                self._stop(error)
                is_behind = False
            except Exception:  # what the next version of the code may be able to read; the lag tells of it
                log.exception("The read model stays behind")
                is_behind = False
            failures = 0
            if not is_behind:
                await _wait(self._wanted, MIN_INTERVAL)
                await _wait(self._woken, self._poll_interval)

    def _stop(self, error: LogReplaced) -> None:
        """Report that the live tables are of another log: they would lack new orders."""
        if self.fault is None:
            self.fault = f"the read model of shard {self._shard} waits for `front orders rebuild`: {error}"
            log.error(self.fault)
        self._position = 0

    async def advance(self, limit: int = BATCH) -> bool:
        """Apply the next events; returns whether there may be more.

        Raises:
            LogReplaced: the tables are of another log.
            Problem: a database is away.
        """
        async with self._store.database.write() as tx:
            generation, seen = await live(tx, lock=True)
            async with self._database.read() as log_tx:
                if dated := await _dated(log_tx, self._events, seen):
                    await store_seen(tx, generation, dated)
                    return True
                events = await self._events.read(log_tx, seen, limit)
            seen = await project(tx, generation, seen, events)
        async with self._advanced:
            self._position, self.fault = seen.position, None
            self._advanced.notify_all()
        return len(events) == limit

    async def wait_for(self, position: int, timeout: float) -> bool:  # noqa: ASYNC109 (an expected outcome)
        """Whether the live tables have seen the log up to a position, now or within this many seconds."""
        if self._position < position:
            self._wanted.set()
            self._woken.set()
        try:
            async with asyncio.timeout(timeout), self._advanced:
                await self._advanced.wait_for(lambda: self._position >= position)
        except TimeoutError:
            return False
        return True

    async def lag(self) -> Lag:
        """How far the live tables are behind: they have seen nothing of a log that has replaced theirs."""
        position = 0 if self.fault else await self._store.position()
        async with self._database.read() as tx:
            last = await self._events.last_position(tx)
            first = await self._events.first_after(tx, position)
        if first is None or first.recorded_at is None:
            return Lag(events=0, seconds=0.0)
        age = datetime.now(UTC) - first.recorded_at
        return Lag(events=last - position, seconds=max(age.total_seconds(), 0.0))


async def _dated(tx: AsyncConnection, events: EventStore, seen: Seen) -> Seen | None:
    """With its time, the last event seen where an older version stored it without one; else None."""
    if not seen.position or seen.recorded_at is not None:
        return None
    following = await events.first_after(tx, seen.position - 1)
    if following is None:
        return Seen(position=seen.position, recorded_at=NEVER)
    return following if following.position == seen.position else None  # else its bucket has left since


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Return when the event is set, or after so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
