"""A broker with the streams of a project, and what services publish and consume there."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from frontispiece.cli.run.nats import NatsAddresses, running_nats
from frontispiece.events import CommandData, Event, EventData, EventSettings
from frontispiece.events.broker import Connection, connected
from frontispiece.events.envelope import broker_subject, encode
from frontispiece.events.parking import Parked, parked_messages
from frontispiece.server.supervisor import Supervisor
from frontispiece.stores import Database
from tests.support.events import event, new_streams
from tests.support.outboxes import METADATA


class Added(EventData, frozen=True, kw_only=True):
    TYPE = "shop.store.added"

    thing: str


class Lost(EventData, frozen=True, kw_only=True):
    TYPE = "shop.store.lost"

    thing: str


class Add(CommandData, frozen=True, kw_only=True):
    TYPE = "shop.store.add"

    thing: str


class Handled:
    """A handler that records what it is called with; `failures` are raised first, one a call."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self._calls: asyncio.Queue[Event[Any]] = asyncio.Queue()
        self.events: list[Event[Any]] = []

    async def __call__(self, handled: Event[Any]) -> None:
        self.events.append(handled)
        self._calls.put_nowait(handled)
        if self._failures:
            raise self._failures.pop(0)

    async def next(self, calls: int = 1) -> list[Event[Any]]:
        """The next calls."""
        async with asyncio.timeout(60):
            return [await self._calls.get() for _ in range(calls)]

    async def things(self, calls: int) -> list[str]:
        """What the next calls were about."""
        return [handled.data.thing for handled in await self.next(calls)]


class Bus:
    """The broker as another program sees it."""

    PREFIX: ClassVar = "shop"

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.streams = connection.streams

    async def publish(self, data: EventData, **headers: str) -> Event[Any]:
        """Publish an event with this data."""
        published = event(data, subject="a")
        await self.publish_body(broker_subject(type(data)), encode(published), **headers)
        return published

    async def publish_body(self, subject: str, body: bytes, **headers: str) -> None:
        """Publish anything."""
        await self.streams.publish(subject, body, headers=dict(headers) or None)

    async def parked(self) -> Parked:
        """The first parked message, as soon as there is one."""
        async with asyncio.timeout(60):
            while True:
                async for parked in parked_messages(self.streams, self.PREFIX):
                    return parked

    async def unacknowledged(self, stream: str, consumer: str) -> int:
        """Messages that a consumer has not acknowledged, delivered or not."""
        info = await self.streams.consumer_info(stream, consumer)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def all_acknowledged(self, stream: str, consumer: str) -> None:
        """Return when a consumer has acknowledged all messages."""
        async with asyncio.timeout(60):
            while await self.unacknowledged(stream, consumer):
                pass


@pytest.fixture
async def bus(event_settings: EventSettings) -> AsyncIterator[Bus]:
    """The streams, without messages."""
    async with connected(event_settings.url, "test") as connection:
        await new_streams(connection, event_settings)
        yield Bus(connection)


class Broker:
    """A NATS server that a test kills and starts again."""

    def __init__(self, addresses: NatsAddresses, supervisor: Supervisor) -> None:
        self.settings = EventSettings(url=addresses.url, prefix="shop", ack_wait=1)
        self._supervisor = supervisor

    async def kill(self) -> None:
        """Kill it; return when it is gone."""
        os.kill(self._supervisor.processes["NATS"].pid, signal.SIGKILL)
        async with asyncio.timeout(60):
            while self._supervisor.processes:
                self._supervisor.restart()
                await asyncio.sleep(0)

    async def start(self) -> None:
        """Start it again; return when its process runs."""
        async with asyncio.timeout(60):
            while not self._supervisor.processes:
                self._supervisor.restart()
                await asyncio.sleep(0)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A NATS server of the test's own, without streams."""
    clock = iter(range(0, 1_000_000_000, 60))  # no back-off of the supervisor's takes long
    supervisor = Supervisor(lambda: next(clock))
    with running_nats(tmp_path / "nats", supervisor=supervisor) as addresses:
        yield Broker(addresses, supervisor)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A service's, with its outbox and inbox."""
    async with Database(database_url, METADATA) as database:
        yield database
