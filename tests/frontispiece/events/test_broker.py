"""The broker is away, comes back, or does not promise enough."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from frontispiece.clocks import monotonic
from frontispiece.errors import ConfigError
from frontispiece.events import EventSettings, Messaging, Outbox
from frontispiece.events.broker import BrokerUnavailable, Connection, stay_connected
from frontispiece.stores import Database
from tests.frontispiece.events.conftest import Added, Broker, Bus, Handled
from tests.support.events import NO_BROKER
from tests.support.serving import Serve
from tests.support.stub import Stub, answering
from tests.support.waiting import until


class Store:
    """A service's database with an outbox."""

    def __init__(self, url: str, name: str = "store") -> None:
        metadata = sa.MetaData()
        self._name = name
        self.outbox = Outbox(metadata, source=name)
        self.database = Database(url, metadata)

    def messaging(self, settings: EventSettings, handled: Handled) -> Messaging:
        """It publishes its outbox, and consumes its own events."""
        return Messaging(
            settings,
            service=self._name,
            database=self.database,
            outbox=self.outbox,
            handlers={Added: handled},
        )

    async def add(self, thing: str, event_id: str | None = None) -> None:
        """Commit an event."""
        async with self.database.write() as tx:
            await self.outbox.add(tx, Added(thing=thing), subject=thing, id=event_id)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A service whose tables are there."""
    store = Store(f"sqlite:///{tmp_path}/store.db")
    async with store.database:
        yield store


async def test_a_service_starts_without_its_broker_and_publishes_once_it_is_there(
    broker: Broker, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    handled = Handled()
    await broker.kill()

    async with store.messaging(broker.settings, handled):
        await store.add("a")
        await broker.start()

        assert await handled.things(1) == ["a"]

    assert sum("store: the broker is unavailable" in each.message for each in caplog.records) <= 1


async def test_a_broker_that_is_killed_and_started_again_loses_nothing(broker: Broker, store: Store) -> None:
    handled = Handled()

    async with store.messaging(broker.settings, handled):
        for number in range(2):
            await store.add(f"{number} before")
            await broker.kill()
            await store.add(f"{number} without")
            await broker.start()
        await store.add("after")
        found: set[str] = set()
        while len(found) < 5:  # at least once each
            found |= set(await handled.things(1))

    assert found == {f"{number} {when}" for number in range(2) for when in ("before", "without")} | {"after"}


async def test_what_is_published_is_there_after_a_kill_for_a_service_that_was_away(
    broker: Broker, store: Store
) -> None:
    handled = Handled()
    async with store.messaging(broker.settings, handled):
        await store.add("a")
        await handled.next()
    async with Messaging(
        broker.settings, service="store", database=store.database, outbox=store.outbox
    ):  # another copy, which consumes nothing
        await store.add("b")
        async with asyncio.timeout(60):
            while (await pending(store)) > 0:
                pass

    await broker.kill()
    await broker.start()

    async with store.messaging(broker.settings, handled):
        found: set[str] = set()
        while "b" not in found:  # "a" may come again: its acknowledgement need not have been on disk
            found |= set(await handled.things(1))


async def pending(store: Store) -> int:
    async with store.database.read() as tx:
        return (await store.outbox.lag(tx)).waiting


async def test_a_service_whose_broker_never_comes_stops_at_once(store: Store) -> None:
    async with asyncio.timeout(60):
        async with store.messaging(NO_BROKER, Handled()):
            await store.add("a")

    assert await pending(store) == 1


async def test_a_broker_that_breaks_at_each_connect_is_connected_to_ever_more_rarely(
    event_settings: EventSettings,
) -> None:
    began: list[float] = []

    async def declare(_connection: Connection) -> None:
        began.append(monotonic())

    async def serve(_connection: Connection) -> None:
        raise BrokerUnavailable("it broke")

    connecting = asyncio.create_task(
        stay_connected(event_settings.url, "one", declare, serve, attempted=asyncio.Event())
    )
    await until(lambda: len(began) > 4)
    connecting.cancel()

    assert began[4] - began[0] > 1.4  # and each of these is two lines of the log


async def test_a_stream_that_was_deleted_is_declared_again_and_the_log_says_so(
    bus: Bus, event_settings: EventSettings, caplog: pytest.LogCaptureFixture
) -> None:
    handled = Handled()

    async with Messaging(event_settings, service="one", handlers={Added: handled}):
        await bus.publish(Added(thing="a"))
        await handled.next()
        await bus.streams.delete_stream("SHOP_EVENTS")
        async with asyncio.timeout(60):
            while not any(
                info.state.consumer_count and info.config.name == "SHOP_EVENTS"
                for info in await bus.streams.streams_info()
            ):
                pass
        await bus.publish(Added(thing="b"))

        assert await handled.things(1) == ["b"]
    assert "one: the broker is unavailable: " in caplog.text
    assert "one: the broker is back" in caplog.text


def monitor(*, sync_always: bool) -> Stub:
    """A broker's monitoring endpoints."""
    config = {"config": {"sync_always": True} if sync_always else {}}
    return Stub(answering(200, json.dumps(config).encode()))


async def test_a_broker_that_does_not_sync_always_is_reported(
    bus: Bus, event_settings: EventSettings, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    handled = Handled()
    settings = event_settings.model_copy(update={"monitor_url": await serve(monitor(sync_always=False))})

    async with Messaging(settings, service="one", handlers={Added: handled}):
        await bus.publish(Added(thing="a"))
        await handled.next()

    assert "one: the broker acknowledges before a message is on disk" in caplog.text


async def test_a_service_that_is_not_strict_does_without_a_monitor_that_is_away(
    bus: Bus, event_settings: EventSettings, caplog: pytest.LogCaptureFixture
) -> None:
    handled = Handled()
    settings = event_settings.model_copy(update={"monitor_url": "http://127.0.0.1:1"})

    async with Messaging(settings, service="one", handlers={Added: handled}):
        await bus.publish(Added(thing="a"))
        await handled.next()

    assert "http://127.0.0.1:1 does not say whether it syncs always" in caplog.text


async def test_a_strict_service_refuses_to_start_with_a_broker_that_does_not_sync_always(
    event_settings: EventSettings, serve: Serve
) -> None:
    url = f"{event_settings.monitor_url},{await serve(monitor(sync_always=False))}"  # one of a cluster
    settings = event_settings.model_copy(update={"monitor_url": url, "durability": "strict"})

    with pytest.raises(ConfigError, match="EVENTS_DURABILITY is strict, and the broker acknowledges before"):
        async with Messaging(settings, service="one"):
            pass


async def test_a_strict_service_starts_with_a_broker_that_syncs_always(
    bus: Bus, event_settings: EventSettings, caplog: pytest.LogCaptureFixture
) -> None:
    handled = Handled()
    settings = event_settings.model_copy(update={"durability": "strict"})

    async with Messaging(settings, service="one", handlers={Added: handled}):
        await bus.publish(Added(thing="a"))
        await handled.next()

    assert not caplog.records


async def test_a_strict_service_uses_no_broker_of_which_it_cannot_tell(
    bus: Bus, event_settings: EventSettings, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    stub = Stub(answering(404, b""))
    settings = event_settings.model_copy(update={"monitor_url": await serve(stub), "durability": "strict"})

    async with Messaging(settings, service="one", handlers={Added: Handled()}):
        await until(lambda: len(stub.paths) > 2)

    assert set(stub.paths) == {"/jsz"}
    assert (await bus.streams.stream_info("SHOP_EVENTS")).state.consumer_count == 0
    assert "does not say whether it syncs always" in caplog.text


async def test_a_strict_service_needs_to_know_where_the_broker_is_monitored(
    event_settings: EventSettings,
) -> None:
    settings = event_settings.model_copy(update={"monitor_url": "", "durability": "strict"})

    with pytest.raises(ConfigError, match="EVENTS_MONITOR_URL is required where EVENTS_DURABILITY is strict"):
        async with Messaging(settings, service="one"):
            pass
