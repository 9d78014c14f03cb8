"""The relay: what waits in the outbox reaches the broker, in order per aggregate, woken by the commit."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from frontispiece.events import OutboxMessage, Relay
from frontispiece.events.relay import BATCH
from frontispiece.stores import Database
from tests.support.outboxes import METADATA, OUTBOX, Broker, add, add_and_fail, running, waiting
from tests.support.postgres import Postgres
from tests.support.waiting import until

NEVER = 10_000.0
"""Seconds until a poll that no test waits for."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, METADATA) as database:
        yield database


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def relay(database: Database, broker: Broker) -> Relay:
    return Relay(database, OUTBOX, broker.publish, poll_interval=NEVER, max_backoff=0.1)


async def emptied(database: Database) -> None:
    async with asyncio.timeout(60):
        while await waiting(database):  # noqa: ASYNC110 (the database tells nobody)
            await asyncio.sleep(0.01)


async def test_what_waited_before_the_start_is_published_and_deleted(
    database: Database, broker: Broker, relay: Relay
) -> None:
    ids = await add(database, 1, 2, 3)

    async with running(relay):
        await emptied(database)

    assert broker.of("a") == ids
    assert {message.broker_subject for message in broker.published} == {"things.store.added"}


async def test_a_commit_wakes_the_relay(database: Database, broker: Broker, relay: Relay) -> None:
    async with running(relay):
        for number in range(3):
            (added,) = await add(database, number)
            await until(lambda added=added: added in broker.of("a"))  # type: ignore[misc]


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


async def test_aggregates_are_published_side_by_side_and_each_in_order(database: Database) -> None:
    under_way: list[str] = []
    go_on = asyncio.Event()

    async def publish(message: OutboxMessage) -> None:
        under_way.append(message.subject)
        await go_on.wait()

    await add(database, 1, 2, subject="a")
    await add(database, 3, 4, subject="b")
    async with running(Relay(database, OUTBOX, publish, poll_interval=NEVER)):
        await until(lambda: sorted(under_way) == ["a", "b"])
        go_on.set()
        await emptied(database)

    assert sorted(under_way) == ["a", "a", "b", "b"]


async def test_events_wait_while_the_broker_is_away_and_the_log_tells_once(
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
    database: Database, broker: Broker
) -> None:
    broker.silent = True
    ids = await add(database, 1, 2)
    async with running(Relay(database, OUTBOX, broker.publish, poll_interval=NEVER, ack_timeout=0.05)):
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


async def test_a_poll_finds_what_a_process_left_that_has_died(database: Database, broker: Broker) -> None:
    """No commit of this process, and none that PostgreSQL tells of: the row is simply there."""
    message = {"id": "1", "subject": "a", "broker_subject": "things.store.added", "body": b"{}"}
    row = {**message, "added_at": datetime.now(UTC)}
    async with running(Relay(database, OUTBOX, broker.publish, poll_interval=0.02)):
        async with database.write() as tx:
            await tx.execute(METADATA.tables["outbox"].insert().values(row))
        await until(lambda: broker.of("a") == ["1"])


async def test_relays_side_by_side_publish_each_aggregate_in_order(database: Database) -> None:
    brokers = [Broker() for _ in range(3)]
    everything = Broker()
    for broker in brokers:
        broker.published = everything.published
    relays = [Relay(database, OUTBOX, broker.publish, poll_interval=0.01) for broker in brokers]
    expected: dict[str, list[str]] = {"a": [], "b": []}

    async with running(relays[0]), running(relays[1]), running(relays[2]):
        for number in range(30):
            subject = "ab"[number % 2]
            expected[subject] += await add(database, number, subject=subject)
        await emptied(database)

    for subject, ids in expected.items():
        assert list(dict.fromkeys(everything.of(subject))) == ids


async def test_how_far_the_broker_is_behind_is_measured(database: Database, broker: Broker) -> None:
    broker.away = True
    await add(database, 1, 2)
    relay = Relay(database, OUTBOX, broker.publish, poll_interval=0.01)
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


class TestPostgreSQL:
    """What only PostgreSQL can do."""

    @pytest.fixture
    def database_url(self, postgres: Postgres) -> str:
        return postgres.new_database()

    async def test_a_commit_of_another_process_wakes_the_relay(
        self, database_url: str, broker: Broker, relay: Relay
    ) -> None:
        async with Database(database_url, METADATA) as other, running(relay):
            for number in range(3):
                (added,) = await add(other, number)
                await until(lambda added=added: added in broker.of("a"))  # type: ignore[misc]

    async def test_one_relay_at_a_time_publishes(self, database: Database, broker: Broker) -> None:
        relays = [Relay(database, OUTBOX, broker.publish, poll_interval=0.01) for _ in range(3)]
        async with running(relays[0]), running(relays[1]), running(relays[2]):
            ids = [(await add(database, number))[0] for number in range(30)]
            await emptied(database)

        assert broker.of("a") == ids

    async def test_a_relay_that_hangs_loses_its_turn_to_another_and_ends_when_it_is_cancelled(
        self, database_url: str, database: Database, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("frontispiece.events.relay.MAX_SUSPENSION_S", 0.2)  # of the one that hangs
        silent = Broker()
        silent.silent = True
        hangs = Relay(database, OUTBOX, silent.publish, poll_interval=NEVER, ack_timeout=NEVER)
        ids = await add(database, 1, 2)

        async with Database(database_url, METADATA) as other, running(hangs):
            await until(lambda: len(silent.published) == 1)
            monkeypatch.undo()
            async with running(Relay(other, OUTBOX, broker.publish, poll_interval=0.05)):
                await emptied(other)

        assert broker.of("a") == ids
