"""A durable pull consumer: no more is requested than there is room for."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from prometheus_client.core import GaugeMetricFamily

from frontispiece.aio import BackgroundTasks
from frontispiece.events.broker import BROKER_ERRORS, BrokerUnavailable, Connection
from frontispiece.events.delivery import Pause
from frontispiece.events.settings import EventSettings
from frontispiece.events.streams import Durable
from frontispiece.extras import extra

with extra("events"):
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

EXPIRES: Final = 30.0
"""Seconds that a request for messages is open."""

IDLE_HEARTBEAT: Final = 2.0
"""Seconds without a message after which the broker shows that it still has the request."""

LOST: Final = 2.5 * IDLE_HEARTBEAT
"""Seconds without any sign after which a request is lost."""

MEASURE_INTERVAL: Final = 10.0
"""Seconds between two measurements of how far the service is behind."""

SECOND: Final = 1_000_000_000
"""A second in nanoseconds."""

HEARTBEAT: Final = "100"
EXPIRED: Final = "408"
STATUS: Final = "Status"

Take = Callable[[Msg, JetStreamContext, Pause], Coroutine[Any, Any, None]]
"""Handles a message to its end: acknowledged, redelivered or parked; see `Deliveries.take`."""


class Consumer:
    """The messages of one durable consumer that this copy of the service handles."""

    def __init__(self, durable: Durable, take: Take, settings: EventSettings) -> None:
        self.durable = durable
        self._take = take
        self._settings = settings
        self._tasks = BackgroundTasks()
        self._taken: dict[asyncio.Task[None], Msg] = {}
        self._pausing = 0
        """Those of them that wait for the service's store."""
        self._freed = asyncio.Event()
        self._stopping = False
        self._pulling: asyncio.Task[None] | None = None
        self._reporting: asyncio.Task[None] | None = None
        self.pending: int | None = None
        """Messages that no copy of the service has yet, as last measured."""
        self.unacknowledged: int | None = None
        """Messages that a copy has, or that wait for their redelivery."""

    async def consume(self, connection: Connection) -> None:
        """Handle messages until stopped.

        Raises:
            BrokerUnavailable: the broker does not have the consumer.
        """
        if self._stopping:
            return
        if self._reporting is None:
            self._reporting = asyncio.create_task(self._report_progress())
        self._pulling = asyncio.ensure_future(self._consume(connection))
        try:
            await self._pulling
        except asyncio.CancelledError:
            if not self._stopping:
                raise

    async def stop(self) -> None:
        """Request no more; wait for the messages that are being handled, and return those that are late."""
        self._stopping = True
        if self._pulling is not None:
            self._pulling.cancel()
            with suppress(asyncio.CancelledError, *BROKER_ERRORS):
                await self._pulling
        await self._tasks.close()
        if self._reporting is not None:
            self._reporting.cancel()

    async def _consume(self, connection: Connection) -> None:
        delivered: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = connection.client.new_inbox()
        subscription = await connection.client.subscribe(f"{inbox}.*", cb=delivered.put)
        measuring = asyncio.create_task(self._measure(connection))
        try:
            for number in itertools.count():
                await self._until_free()
                await self._pull(connection, f"{inbox}.{number}", delivered)
        finally:
            measuring.cancel()
            with suppress(*BROKER_ERRORS):  # without a connection the broker finds out itself
                await subscription.unsubscribe()
                while not delivered.empty():
                    if not _is_status(message := delivered.get_nowait()):
                        await message.nak()

    async def _pull(self, connection: Connection, inbox: str, delivered: asyncio.Queue[Msg]) -> None:
        """Request as many messages as there is room for, and start to handle those that come."""
        batch = self._settings.concurrency - self._busy
        request = {
            "batch": batch,
            "expires": int(EXPIRES * SECOND),
            "idle_heartbeat": int(IDLE_HEARTBEAT * SECOND),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.durable.stream}.{self.durable.name}"
        await connection.client.publish(subject, msgspec.json.encode(request), reply=inbox)
        while batch:
            try:
                async with asyncio.timeout(LOST):
                    message = await delivered.get()
            except TimeoutError:
                return
            if not _is_status(message):
                await self._until_free()  # of a request that was taken for lost there may be more
                self._start(message, connection.streams)
                batch -= 1
            elif message.subject == inbox and not self._continues(message):
                return

    def _continues(self, status: Msg) -> bool:
        """Whether the request is still open.

        Raises:
            BrokerUnavailable: the broker does not have the consumer.
        """
        headers = status.headers or {}
        if headers[STATUS] not in {HEARTBEAT, EXPIRED}:
            about = headers.get("Description", "no such consumer")
            raise BrokerUnavailable(f"{self.durable.stream}: {headers[STATUS]} {about}")
        return headers[STATUS] == HEARTBEAT

    def _start(self, message: Msg, streams: JetStreamContext) -> None:
        task = self._tasks.start(
            self._take(message, streams, self._pause), f"a message of {self.durable.stream}"
        )
        self._taken[task] = message
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._taken[task]
        self._freed.set()

    @property
    def _busy(self) -> int:
        """The messages that are being handled; after a pause there may be more than the settings allow."""
        return len(self._taken) - self._pausing

    async def _pause(self, seconds: float) -> None:
        self._pausing += 1
        self._freed.set()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._pausing -= 1

    async def _until_free(self) -> None:
        while self._busy >= self._settings.concurrency:
            self._freed.clear()
            await self._freed.wait()

    async def _report_progress(self) -> None:
        """Tell the broker what is still being handled: it would deliver it again."""
        while True:
            await asyncio.sleep(self._settings.ack_wait / 3)
            for message in list(self._taken.values()):
                with suppress(*BROKER_ERRORS):  # then it is redelivered, and the inbox knows it
                    await message.in_progress()

    async def _measure(self, connection: Connection) -> None:
        """Measure how far the service is behind, now and then."""
        while True:
            with suppress(*BROKER_ERRORS):
                info = await connection.streams.consumer_info(self.durable.stream, self.durable.name)
                self.pending, self.unacknowledged = info.num_pending, info.num_ack_pending
            await asyncio.sleep(MEASURE_INTERVAL)


class ConsumerMetrics:
    """How far a service is behind in each stream, for a Prometheus registry; the same for every copy."""

    def __init__(self, consumers: Sequence[Consumer]) -> None:
        self._consumers = consumers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The figures as last measured."""
        pending = GaugeMetricFamily(
            "events_consumer_pending", "Messages that no copy has yet.", labels=("service", "stream")
        )
        unacknowledged = GaugeMetricFamily(
            "events_consumer_unacknowledged",
            "Messages that are being handled, or wait for their redelivery.",
            labels=("service", "stream"),
        )
        for consumer in self._consumers:
            labels = (consumer.durable.name, consumer.durable.stream)
            if consumer.pending is not None and consumer.unacknowledged is not None:
                pending.add_metric(labels, consumer.pending)
                unacknowledged.add_metric(labels, consumer.unacknowledged)
        yield from (pending, unacknowledged)


def _is_status(message: Msg) -> bool:
    """Whether it is a status of the broker about a request, and no message of the stream."""
    return not message.reply
