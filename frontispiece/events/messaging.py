"""The messaging of a service while it runs: its events are published, those of others consumed."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, Self

from prometheus_client.registry import Collector

from frontispiece import telemetry
from frontispiece.aio import periodic
from frontispiece.errors import ConfigError
from frontispiece.events.broker import MAX_PAUSE, BrokerUnavailable, Connection, stay_connected, syncs_always
from frontispiece.events.consumer import Consumer, ConsumerMetrics
from frontispiece.events.delivery import Deliveries
from frontispiece.events.envelope import CommandData, EventData, Handler
from frontispiece.events.outbox import Outbox, OutboxMessage
from frontispiece.events.parking import MESSAGE_ID
from frontispiece.events.relay import Relay
from frontispiece.events.settings import EventSettings
from frontispiece.events.streams import declare_durable, declare_streams, durables
from frontispiece.stores import Database
from frontispiece.telemetry.metrics import CombinedCollector

log = logging.getLogger(__name__)

NOT_DURABLE: Final = "the broker acknowledges before a message is on disk: set its sync_interval to always"


class Messaging:
    """Publishes a service's outbox and handles what it consumes; open it with `async with`.

    The broker may be away, at the start and at any time: what waits in the outbox is published later.

    Args:
        settings: of the broker and of deliveries.
        service: its name.
        database: that has the outbox; of several, each by its name.
        outbox: None when the service publishes nothing.
        handlers: by the data that they handle. A `CommandData` is taken from the service's work queue, by one
            copy of the service; any other data is subscribed to.

    Raises:
        ConfigError: handlers do not fit.
    """

    def __init__(
        self,
        settings: EventSettings,
        *,
        service: str,
        database: Database | Mapping[str, Database] | None = None,
        outbox: Outbox | None = None,
        handlers: Mapping[type[EventData], Handler[Any]] | None = None,
    ) -> None:
        handlers = handlers or {}
        if errors := list(_conflicts(settings, service, handlers)):
            raise ConfigError(errors)
        self._settings = settings
        self._service = service
        self._tracing = telemetry.tracing(service)
        self._deliveries = Deliveries(settings, service, handlers, self._tracing)
        self._consumers = [
            Consumer(durable, self._deliveries.take, settings)
            for durable in durables(settings.prefix, service, handlers)
        ]
        self._relays: list[Relay] = []
        if outbox is not None:
            assert database is not None, "an outbox is in a database"
            databases = {"": database} if isinstance(database, Database) else database
            self._relays = [
                Relay(each, outbox, self._publish, shard=name) for name, each in databases.items()
            ]
        self._connection: Connection | None = None
        """None while the broker is away."""
        self._attempted = asyncio.Event()
        """Set once it is known whether the broker is there."""
        self._stack = AsyncExitStack()

    @property
    def collectors(self) -> tuple[Collector, ...]:
        """The collectors of the service's metrics about its events."""
        return self._deliveries.counter, ConsumerMetrics(self._consumers), CombinedCollector(self._relays)

    async def __aenter__(self) -> Self:
        """Begin; the broker need not be there.

        Raises:
            ConfigError: the broker is not durable, and `EVENTS_DURABILITY` is `strict`.
        """
        if self._settings.durability == "strict":
            await self._check_durability_at_start()
        async with AsyncExitStack() as stack:
            if self._tracing is not None:
                await stack.enter_async_context(self._tracing)
            for work in (self._run, *(relay.run for relay in self._relays)):  # ends only by a bug
                again = periodic(work, MAX_PAUSE, name=f"{self._service}: messaging")
                await stack.enter_async_context(again)
            for consumer in self._consumers:
                stack.push_async_callback(consumer.stop)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Finish the messages that are being handled, and disconnect."""
        await self._stack.aclose()

    async def _check_durability_at_start(self) -> None:
        if not self._settings.monitor_url:
            raise ConfigError(["EVENTS_MONITOR_URL is required where EVENTS_DURABILITY is strict"])
        try:
            if not await syncs_always(self._settings):
                raise ConfigError([f"EVENTS_DURABILITY is strict, and {NOT_DURABLE}"])
        except BrokerUnavailable as error:
            log.warning("%s: %s", self._service, error)  # `_serve` sees to it once the broker is there

    async def _publish(self, message: OutboxMessage) -> None:
        await self._attempted.wait()
        if self._connection is None:
            raise BrokerUnavailable("the broker is away")
        headers = {MESSAGE_ID: f"{self._service} {message.id}"}  # an event's id is unique for its source only
        await self._connection.streams.publish(message.broker_subject, message.body, headers=headers)

    async def _run(self) -> None:
        await stay_connected(
            self._settings.url, self._service, self._declare, self._serve, attempted=self._attempted
        )

    async def _declare(self, connection: Connection) -> None:
        """Declare what the service needs at the broker.

        Raises:
            BrokerUnavailable: it is not known to be durable, and `EVENTS_DURABILITY` is `strict`.
        """
        if doubt := await self._doubt():
            if self._settings.durability == "strict":
                raise BrokerUnavailable(doubt)
            log.warning("%s: %s", self._service, doubt)
        await declare_streams(connection.streams, self._settings)
        for consumer in self._consumers:
            await declare_durable(connection.streams, consumer.durable, self._settings.ack_wait)

    async def _doubt(self) -> str | None:
        """Why the broker may lose what it has acknowledged; None when nothing says so."""
        try:
            return NOT_DURABLE if await syncs_always(self._settings) is False else None
        except BrokerUnavailable as error:
            return str(error)

    async def _serve(self, connection: Connection) -> None:
        """Publish and consume until the connection breaks.

        Raises:
            ExceptionGroup: of what `BROKER_ERRORS` lists.
        """
        self._connection = connection
        self._attempted.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                for consumer in self._consumers:
                    tasks.create_task(consumer.consume(connection))
                await connection.closed.wait()
                raise BrokerUnavailable("the connection is broken")
        finally:
            self._connection = None


def _conflicts(
    settings: EventSettings, service: str, handlers: Mapping[type[EventData], Handler[Any]]
) -> Iterator[str]:
    types: set[str] = set()
    for data in handlers:
        prefix, owner, _ = data.TYPE.split(".")
        if prefix != settings.prefix:
            yield f"{data.__name__}: {data.TYPE} does not begin with EVENTS_PREFIX, {settings.prefix}"
        if issubclass(data, CommandData) and owner != service:
            yield f"{data.__name__}: {data.TYPE} is a command for {owner}, not for {service}"
        if data.TYPE in types:
            yield f"{data.__name__}: {data.TYPE} has a handler already"
        types.add(data.TYPE)
