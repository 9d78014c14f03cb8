"""The relay: publishes what waits in an outbox, and deletes what the broker has acknowledged."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import uniform
from typing import Final

from prometheus_client.core import GaugeMetricFamily

from frontispiece.events.broker import backoff
from frontispiece.events.outbox import Outbox, OutboxLag, OutboxMessage
from frontispiece.extras import extra
from frontispiece.http import Problem
from frontispiece.stores import Database

with extra("sql"):
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

Publish = Callable[[OutboxMessage], Awaitable[None]]
"""Publishes a message; returns when the broker has acknowledged it, raises when it may not have it."""

BATCH: Final = 256
"""Messages that are read at once."""

POLL_INTERVAL = 5.0
"""Seconds between two polls, which find what a process left that has died: commits wake the relay."""

ACK_TIMEOUT = 5.0
"""Seconds until a publication without an acknowledgement has failed."""

MIN_BACKOFF: Final = 0.05
MAX_BACKOFF = 2.0
"""Seconds until the next attempt while the broker acknowledges nothing."""

LOCK: Final = 727171
"""The advisory lock of the relay that publishes, on PostgreSQL."""

MAX_SUSPENSION_S: Final = 30
"""How long PostgreSQL leaves the lock to a relay that does nothing, such as one whose process is stopped."""


class Relay:
    """Publishes an outbox, in order per aggregate.

    A message is published at least once. Several relays of one outbox may run at once: on PostgreSQL one at a
    time publishes; on SQLite both may publish a message, of which the broker drops the second by its id, and
    the consumer's inbox what the broker does not.

    A commit wakes the relay. While the broker is away, messages wait. It is a collector for a Prometheus
    registry, too: of how far the broker is behind, measured with each poll.

    Args:
        database: of the service.
        outbox: of the service.
        publish: to the broker.
        shard: the database's name, where the service has several.
    """

    def __init__(self, database: Database, outbox: Outbox, publish: Publish, *, shard: str = "") -> None:
        self._database = database
        self._outbox = outbox
        self._publish = publish
        self._labels = {"service": outbox.source, **({"shard": shard} if shard else {})}
        self._added = asyncio.Event()
        self._failing: set[str] = set()
        """Aggregates that the broker refuses while it takes others: they wait for `MAX_BACKOFF`."""
        self._failures = 0
        """Attempts in a row of which nothing was acknowledged."""
        self._error: Exception | None = None
        """The failure that was logged last; None once events are published again."""
        self._lag: OutboxLag | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The lag, for the registry."""
        if self._lag is None:
            return
        for name, meaning, value in (
            ("events_outbox_waiting", "Events that wait to be published.", self._lag.waiting),
            ("events_outbox_oldest_seconds", "Age of the first of them.", self._lag.oldest.total_seconds()),
        ):
            family = GaugeMetricFamily(name, meaning, labels=tuple(self._labels))
            family.add_metric(tuple(self._labels.values()), value)
            yield family

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as tasks, self._outbox.added.wakes(self._database, self._added.set):
            tasks.create_task(self._measure())
            while True:
                await self._run_once()

    async def _measure(self) -> None:
        """Measure the lag with each poll."""
        while True:
            with suppress(Problem):  # the database is away, and its log says so
                async with self._database.read() as tx:
                    self._lag = await self._outbox.lag(tx)
            await asyncio.sleep(POLL_INTERVAL)

    async def _run_once(self) -> None:
        """Publish a batch, then wait until there may be another."""
        self._added.clear()
        try:
            batch = await self._publish_batch()
        except Problem as problem:  # the database is away
            batch = _Batch(error=problem)
        self._report(batch)
        if batch.error and not batch.acknowledged:
            self._failures += 1
            await asyncio.sleep(backoff(self._failures, MIN_BACKOFF, MAX_BACKOFF))
            return
        self._failures = 0
        if batch.failing:
            self._failing |= batch.failing
            asyncio.get_running_loop().call_later(MAX_BACKOFF, self._retry)
        if len(batch.acknowledged) < BATCH:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_INTERVAL * uniform(0.8, 1.2)):  # noqa: S311 (spreads load)
                    await self._added.wait()

    def _retry(self) -> None:
        self._failing.clear()
        self._added.set()

    def _report(self, batch: "_Batch") -> None:
        """Log when publishing begins to fail, and when it works again."""
        source = self._outbox.source
        if batch.error and self._error is None:
            log.warning("%s: events wait to be published: %r", source, batch.error)
            self._error = batch.error
        elif batch.acknowledged and not batch.error and self._error is not None:
            log.warning("%s: events are published again", source)
            self._error = None

    async def _publish_batch(self) -> "_Batch":
        """Publish the first messages that wait, and delete those that are acknowledged."""
        if self._database.dialect == "postgresql":
            async with self._database.write() as tx:
                if not await _lock(tx):
                    return _Batch()
                batch = await self._publish_all(await self._messages(tx))
                await self._outbox.delete(tx, batch.acknowledged)
                return batch
        async with self._database.read() as tx:
            messages = await self._messages(tx)
        batch = await self._publish_all(messages)  # outside of transactions: SQLite has one writer
        if batch.acknowledged:
            async with self._database.write() as tx:
                await self._outbox.delete(tx, batch.acknowledged)
        return batch

    async def _messages(self, tx: AsyncConnection) -> list[OutboxMessage]:
        return await self._outbox.messages(tx, BATCH, without=self._failing)

    async def _publish_all(self, messages: Sequence[OutboxMessage]) -> "_Batch":
        """Publish the messages of all aggregates at once, those of one aggregate one after the other."""
        aggregates: defaultdict[str, list[OutboxMessage]] = defaultdict(list)
        for message in messages:
            aggregates[message.subject].append(message)
        batch = _Batch()
        async with asyncio.TaskGroup() as tasks:
            for same_subject in aggregates.values():
                tasks.create_task(self._publish_in_order(same_subject, batch))
        return batch

    async def _publish_in_order(self, messages: Sequence[OutboxMessage], batch: "_Batch") -> None:
        """Publish the messages of one aggregate up to the first that fails, within twice `ACK_TIMEOUT`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ACK_TIMEOUT
        for message in messages:
            try:
                async with asyncio.timeout(ACK_TIMEOUT):
                    await self._publish(message)
            except Exception as error:  # noqa: BLE001 (whatever the client of the broker raises)
                batch.error = error
                batch.failing.add(message.subject)
                return
            batch.acknowledged.append(message.id)
            if loop.time() > deadline:
                return  # the transaction is not kept open for longer


@dataclass(kw_only=True, slots=True)
class _Batch:
    """The outcomes of the messages that were read at once."""

    acknowledged: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    error: Exception | None = None


async def _lock(tx: AsyncConnection) -> bool:
    """Whether this transaction is the one that publishes, on PostgreSQL."""
    timeout = sa.func.set_config("idle_in_transaction_session_timeout", f"{MAX_SUSPENSION_S}s", True)
    query = sa.select(sa.func.pg_try_advisory_xact_lock(LOCK), timeout)
    return bool((await tx.execute(query)).one()[0])
