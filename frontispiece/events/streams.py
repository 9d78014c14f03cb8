"""The streams and durable consumers at the broker: all of them are declared here."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from frontispiece.events.envelope import COMMANDS, CommandData, EventData
from frontispiece.events.settings import EventSettings
from frontispiece.extras import extra

with extra("events"):
    from nats.js import JetStreamContext
    from nats.js.api import (
        AckPolicy,
        ConsumerConfig,
        DeliverPolicy,
        RetentionPolicy,
        StorageType,
        StreamConfig,
    )
    from nats.js.errors import NotFoundError

log = logging.getLogger(__name__)

PARKED: Final = "parked"
DAY: Final = 86_400

POLL_INTERVAL: Final = 0.2
"""Seconds between two looks whether another process has created a stream."""

MAX_ACK_PENDING: Final = 1000
"""Messages of a consumer that are delivered, or wait for their redelivery, at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamNames:
    """The streams of a project."""

    events: str
    commands: str
    parked: str

    @classmethod
    def of(cls, prefix: str) -> "StreamNames":
        """`THINGS_EVENTS` and so on, for the prefix `things`."""
        stem = prefix.upper()
        return cls(events=f"{stem}_EVENTS", commands=f"{stem}_COMMANDS", parked=f"{stem}_PARKED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Durable:
    """A durable pull consumer, shared by all copies of a service: each message goes to one of them."""

    stream: str
    name: str
    filters: tuple[str, ...]


def stream_configs(settings: EventSettings) -> list[StreamConfig]:
    """The streams.

    Events stay for a time, for each service to consume. A command stays until a copy of its service has
    acknowledged it, a parked message until it is replayed or dropped.
    """
    prefix, names = settings.prefix, StreamNames.of(settings.prefix)
    base = StreamConfig(storage=StorageType.FILE, num_replicas=settings.replicas)
    return [
        base.evolve(
            name=names.events,
            subjects=[f"{prefix}.*.*"],
            retention=RetentionPolicy.LIMITS,
            max_age=settings.retention_days * DAY,
        ),
        base.evolve(
            name=names.commands,
            subjects=[f"{prefix}.{COMMANDS}.*.*"],
            retention=RetentionPolicy.WORK_QUEUE,
        ),
        base.evolve(
            name=names.parked,
            subjects=[f"{prefix}.{PARKED}.*.*"],
            retention=RetentionPolicy.LIMITS,
        ),
    ]


def durables(prefix: str, service: str, types: Iterable[type[EventData]]) -> list[Durable]:
    """The durable consumers of a service that handles these types."""
    names, types = StreamNames.of(prefix), list(types)
    events = sorted(data.TYPE for data in types if not issubclass(data, CommandData))
    found = []
    if events:
        found.append(Durable(stream=names.events, name=service, filters=tuple(events)))
    if any(issubclass(data, CommandData) for data in types):
        found.append(
            Durable(stream=names.commands, name=service, filters=(f"{prefix}.{COMMANDS}.{service}.*",))
        )
    return found


async def declare_streams(streams: JetStreamContext, settings: EventSettings) -> None:
    """Create the streams that are missing, and update those that are configured otherwise."""
    for config in stream_configs(settings):
        await declare_stream(streams, config)


async def declare_stream(streams: JetStreamContext, config: StreamConfig) -> None:
    """Create a stream if it is missing, else update it if it is configured otherwise.

    A client that may do neither at the broker waits until another has created it, and uses it as it is.
    """
    if (found := await _config_of(streams, config.name)) is None:
        await _create(streams, config)
    elif any(value not in (None, 0, getattr(found, key)) for key, value in vars(config).items()):
        try:
            await streams.update_stream(config)
        except TimeoutError:  # a broker that refuses it does not answer
            log.warning("the stream %s is configured otherwise, and cannot be changed", config.name)


async def _config_of(streams: JetStreamContext, name: str | None) -> StreamConfig | None:
    try:
        return (await streams.stream_info(name or "")).config
    except NotFoundError:
        return None


async def _create(streams: JetStreamContext, config: StreamConfig) -> None:
    creating = asyncio.create_task(streams.add_stream(config))  # a broker that refuses it does not answer
    try:
        while not (await asyncio.wait([creating], timeout=POLL_INTERVAL))[0]:
            if await _config_of(streams, config.name) is not None:
                return
        await creating
    finally:
        creating.cancel()


async def declare_durable(streams: JetStreamContext, durable: Durable, ack_wait: float) -> None:
    """Create the consumer if it is missing, else update it.

    It gets the messages that were published before it was created, too. A subject that it has already stays:
    another copy of the service, of another version, may handle it.
    """
    try:
        config = (await streams.consumer_info(durable.stream, durable.name)).config
        existing = {*(config.filter_subjects or ()), *filter(None, [config.filter_subject])}
    except NotFoundError:
        existing = set()
    config = ConsumerConfig(
        durable_name=durable.name,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=ack_wait,
        max_deliver=-1,  # a message that fails is parked by us, visibly; the broker would only skip it
        max_ack_pending=MAX_ACK_PENDING,
        filter_subjects=sorted(existing | set(durable.filters)),
    )
    await streams.add_consumer(durable.stream, config)
