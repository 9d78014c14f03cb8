"""The relay: what waits in the outbox reaches the broker, in order per aggregate, woken by the commit."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from frontispiece.events import Relay
from frontispiece.events.relay import BATCH
from frontispiece.stores import Database
from tests.support.outboxes import METADATA, OUTBOX, Broker, add, add_and_fail, running, waiting
from tests.support.waiting import until

NEVER = 10_000.0
"""Seconds until a poll that no test waits for."""


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture(autouse=True)
def poll_interval(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets it for a test, which else sees no poll."""

    def set_to(seconds: float) -> None:
        monkeypatch.setattr("frontispiece.events.relay.POLL_INTERVAL", seconds)

    set_to(NEVER)
    return set_to


@pytest.fixture
def relay(database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Relay:
    monkeypatch.setattr("frontispiece.events.relay.MAX_BACKOFF", 0.1)
    return Relay(database, OUTBOX, broker.publish)


async def emptied(database: Database) -> None:
    async with asyncio.timeout(60):
        while await waiting(database):  # noqa: ASYNC110 (the database tells nobody)
            await asyncio.sleep(0.01)


async def test_a_rollback_publishes_nothing(database: Database, broker: Broker, relay: Relay) -> None:
    async with running(relay):
        with pytest.raises(ZeroDivisionError):
            await add_and_fail(database, 1)
        (added,) = await add(database, 2)
        await emptied(database)

    assert broker.of("a") == [added]


async def test_more_events_than_a_batch_are_published_at_once(
    database: Database, broker: Broker, relay: Relay
) -> None:
    ids = await add(database, *range(2 * BATCH + 1))

    async with running(relay):
        await emptied(database)

    assert broker.of("a") == ids


async def test_events_wait_while_the_broker_is_away_and_that_is_logged_once(
    database: Database, broker: Broker, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "frontispiece.events")
    broker.away = True
    async with running(relay):
        ids = await add(database, 1, 2)
        await until(lambda: broker.attempts >= 3)
        assert await waiting(database) == [1, 2]
        broker.away = False
        await emptied(database)

    assert broker.of("a") == ids
    assert [record.getMessage() for record in caplog.records] == [
        "store: events wait to be published: BrokerAway()",
        "store: events are published again",
    ]


async def test_an_aggregate_that_the_broker_refuses_stops_no_other_and_keeps_its_order(
    database: Database, broker: Broker, relay: Relay
) -> None:
    broker.refused = {"a"}
    async with running(relay):
        refused = await add(database, 1, 2, subject="a")
        for number in range(3, 6):
            (added,) = await add(database, number, subject="b")
            await until(lambda added=added: added in broker.of("b"))  # type: ignore[misc]
        assert broker.of("a") == []
        broker.refused = set()
        await emptied(database)

    assert broker.of("a") == refused


async def test_a_publication_without_an_acknowledgement_is_repeated_with_the_same_id(
    database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontispiece.events.relay.ACK_TIMEOUT", 0.05)
    broker.silent = True
    ids = await add(database, 1, 2)
    async with running(Relay(database, OUTBOX, broker.publish)):
        await until(lambda: len(broker.published) >= 2)
        assert set(broker.of("a")) == {ids[0]}
        broker.silent = False
        await emptied(database)

    assert list(dict.fromkeys(broker.of("a"))) == ids


async def test_a_relay_that_is_killed_between_publication_and_deletion_loses_nothing(
    database: Database, broker: Broker, relay: Relay
) -> None:
    broker.silent = True
    ids = await add(database, 1, 2)
    async with running(relay):
        await until(lambda: len(broker.published) == 1)

    assert await waiting(database) == [1, 2]
    broker.silent = False
    async with running(relay):
        await emptied(database)

    assert list(dict.fromkeys(broker.of("a"))) == ids


async def test_a_poll_finds_what_a_process_left_that_has_died(
    database: Database, broker: Broker, poll_interval: Callable[[float], None]
) -> None:
    """No commit of this process, and none that PostgreSQL tells of: the row is simply there."""
    message = {"id": "1", "subject": "a", "broker_subject": "things.store.added", "body": b"{}"}
    row = {**message, "added_at": datetime.now(UTC)}
    poll_interval(0.02)
    async with running(Relay(database, OUTBOX, broker.publish)):
        async with database.write() as tx:
            await tx.execute(METADATA.tables["outbox"].insert().values(row))
        await until(lambda: broker.of("a") == ["1"])


async def test_relays_side_by_side_publish_each_aggregate_in_order(
    database: Database, poll_interval: Callable[[float], None]
) -> None:
    poll_interval(0.01)
    brokers = [Broker() for _ in range(3)]
    everything = Broker()
    for broker in brokers:
        broker.published = everything.published
    relays = [Relay(database, OUTBOX, broker.publish) for broker in brokers]
    expected: dict[str, list[str]] = {"a": [], "b": []}

    async with running(relays[0]), running(relays[1]), running(relays[2]):
        for number in range(30):
            subject = "ab"[number % 2]
            expected[subject] += await add(database, number, subject=subject)
        await emptied(database)

    for subject, ids in expected.items():
        assert list(dict.fromkeys(everything.of(subject))) == ids


async def test_how_far_the_broker_is_behind_is_measured(
    database: Database, broker: Broker, poll_interval: Callable[[float], None]
) -> None:
    poll_interval(0.01)
    broker.away = True
    await add(database, 1, 2)
    relay = Relay(database, OUTBOX, broker.publish)
    assert list(relay.collect()) == []

    async with running(relay):
        await until(lambda: any(True for _ in relay.collect()))
        waiting, oldest = (family.samples[0] for family in relay.collect())
        assert (waiting.name, waiting.labels, waiting.value) == (
            "events_outbox_waiting",
            {"service": "store"},
            2,
        )
        assert oldest.name == "events_outbox_oldest_seconds"
        assert 0 < oldest.value < 60
        broker.away = False
        await until(lambda: [family.samples[0].value for family in relay.collect()] == [0, 0])
